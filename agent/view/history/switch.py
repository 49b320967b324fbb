"""On or off: where the history is off, nothing of it is imported, kept or written."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from agent.config.sections.agent import HistorySection
from agent.config.settings import Config
from agent.engine.state.transition import Transition
from agent.engine.suppression.silences import Silences
from agent.view.history.rows import NoteRow

if TYPE_CHECKING:
    from agent.view.history.file import Keep
    from agent.view.history.writer import HistoryWriter


STOP_SECONDS = 0.5
"""What it may take to write what has come in; what it does not write by then is lost."""


def find_section(config: Config) -> HistorySection | None:
    """Return the settings of the history; None: no history."""
    if isinstance(config.agent.history, bool):
        return HistorySection() if config.agent.history else None
    return config.agent.history


class HistorySwitch:
    """The service's thread applies and stops; the recorder's puts."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._writer: HistoryWriter | None = None

    def apply(self, old: Config, new: Config) -> None:
        """Take over a configuration."""
        section = find_section(new)
        if section is None:
            self.stop()
        elif self._writer is None:
            self._writer = _make_writer(self._directory, section)
            self._writer.start()
        else:
            self._writer.record.keep = _keep(section)

    def put(self, step: Transition, measured: bool) -> None:
        if writer := self._writer:
            writer.put(step, measured)

    def note(self, row: NoteRow) -> None:
        """Keep what a person did. For any thread."""
        if writer := self._writer:
            writer.note(row)

    def stop(self) -> None:
        writer, self._writer = self._writer, None
        if writer:
            writer.stop(STOP_SECONDS)


def _make_writer(directory: Path, section: HistorySection) -> HistoryWriter:
    from agent.view.history.writer import HistoryWriter, Record

    return HistoryWriter(Record(directory, _keep(section), silences=Silences(directory)))


def _keep(section: HistorySection) -> Keep:
    from agent.view.history.file import Keep

    return Keep(round(section.fine / 3600), round(section.hourly / 3600), int(section.most_bytes))
