"""What people have the agent do while it runs: by a command, over its socket, or from the page."""

from __future__ import annotations

import queue
from collections.abc import Callable
from functools import partial
from pathlib import Path

from agent.engine.recorder.commands import Acknowledge, Command
from agent.engine.suppression.silences import begin, end
from agent.plugin.clock import wall_clock
from agent.running.schedule import Schedule
from agent.view.history.rows import Deed, NoteRow, note_acknowledgement

ANSWER_SECONDS = 5.0
"""What the recorder may take to answer somebody who waits."""


class Steering:
    """Every method is for any thread."""

    def __init__(
        self,
        state_dir: Path,
        put: Callable[[Command], None],
        schedule: Schedule,
        note: Callable[[NoteRow], None],
    ) -> None:
        self.begin_silence = partial(begin, state_dir)
        self.end_silences = partial(end, state_dir)
        """Both write the file of this agent's silences, see `agent.engine.suppression.silences`."""
        self._put = put
        self._schedule = schedule
        self._note = note

    def run(self, check: str, who: str) -> dict[str, object]:
        """Run a check now, whenever its next turn is."""
        if not self._schedule.next_run(check):
            return {"error": f"{check} is not run by the agent"}
        self._schedule.retry(check, 0.0)
        self._note(NoteRow(wall_clock(), Deed.RUN, who, check))
        return {}

    def acknowledge(self, check: str, subject: str | None, words: str, who: str = "") -> dict[str, object]:
        """Have problems not repeated until they change; return their subjects. Without words it is taken back."""
        answers: queue.SimpleQueue[list[str]] = queue.SimpleQueue()
        self._put(Acknowledge(check, subject, words, answers.put))
        try:
            subjects = answers.get(timeout=ANSWER_SECONDS)
        except queue.Empty:
            return {"error": f"the agent did not get to it within {ANSWER_SECONDS:g}s"}
        for row in note_acknowledgement(check, subjects, words, who, wall_clock()):
            self._note(row)
        return {"subjects": subjects}
