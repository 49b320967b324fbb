"""Which files of a configuration are others by now than when they were read."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from agent.config.files.content import Unreadable, drop_ins, version
from agent.config.files.patience import Patience
from agent.config.settings import Config

SECONDS = 0.2
"""For all that hangs."""


def name_changes(config: Config) -> tuple[str, ...]:
    """Return what was written, removed or added since; what does not answer in time counts as it was. Any thread."""
    folder, *others = config.sources or [""]  # the drop-ins' folder is read first
    patience = Patience(SECONDS)
    versions = patience.all({path: partial(version, Path(path)) for path in others})
    changed = [path for path in others if isinstance(now := versions[path], tuple) and now != config.sources[path]]
    return (*changed, *_new_drop_ins(folder, config, patience)) if folder else ()


def _new_drop_ins(folder: str, config: Config, patience: Patience) -> list[str]:
    """Return the drop-ins that were not there. The folder's own time says nothing: editors write beside them."""
    try:
        files = patience.one(folder, partial(drop_ins, Path(folder)))
    except (OSError, Unreadable):
        return []
    return [str(path) for path in files if str(path) not in config.sources]
