"""Whether we may read what a command needs: what we may not read is never told as what is not there."""

from __future__ import annotations

import argparse
import os
import shlex
from collections.abc import Iterable, Iterator, Sequence
from functools import partial
from pathlib import Path

from agent.cli.places import ROOT_STATE, default_state
from agent.config.files.content import Unreadable
from agent.config.files.patience import SILENT, Patience, answers
from agent.config.settings import Problem
from agent.system.frozen import FROZEN, takes_writes

CONFIG = frozenset(("check", "explain", "validate", "test-event", "new-check", "setup", "import", "doctor", "bundle"))
STATE = frozenset(
    ("status", "events", "explain", "history", "metrics", "reload", "ack", "silence", "unsilence", "doctor", "bundle")
)
WRITING = frozenset(("silence", "unsilence"))


def refusal(options: argparse.Namespace, words: Sequence[str], server: Path = Path(ROOT_STATE)) -> str:
    """Say what this command may not read, and what to do; '' where nothing stands in its way."""
    if (options.command in STATE or getattr(options, "by_agent", False)) and (text := standstill(options.state)):
        return text
    closed_paths: list[Path] = []
    if options.command in CONFIG and _is_closed(options.config, os.R_OK | os.X_OK):
        closed_paths.append(options.config)
    if options.command in STATE:
        closed_paths += _find_closed_paths(options.command, state_meant(options.state, server))
    if closed_paths and os.geteuid() == 0:
        return f"{closed_paths[0]} cannot be used: is its filesystem mounted read-only?"
    return f"you may not read {closed_paths[0]}{as_root(words)}" if closed_paths else ""


def standstill(state: Path) -> str:
    """Say that who looks into a state directory now would wait, perhaps for ever; '' where it answers."""
    if not answers(state):
        return f"{state} {SILENT}"
    return "" if takes_writes(state) else f"{state} {FROZEN}"


def _find_closed_paths(command: str, state: Path) -> Iterator[Path]:
    from agent.store.connection import FILE

    if _is_closed(state, os.X_OK | (os.W_OK if command in WRITING else 0)):
        yield state
    if command in STATE - WRITING - {"reload", "ack"} and _is_closed(state / FILE, os.R_OK | os.W_OK):
        yield state / FILE


def state_meant(state: Path, server: Path) -> Path:
    """Return the server's state directory where only missing rights made us look into our own, which is empty."""
    from agent.store.connection import FILE

    if state == default_state() and state != server and not os.path.lexists(state / FILE) and os.path.lexists(server):
        return server
    return state


def as_root(words: Sequence[str]) -> str:
    """Say how to do it with root's rights; '' where we have them."""
    return "" if os.geteuid() == 0 else f", run it as root: sudo hostvigil {shlex.join(words)}"


def lacks_rights(problems: Iterable[Problem]) -> bool:
    """Tell whether some of the configuration could not be read for want of rights."""
    return any("Permission denied" in problem.text for problem in problems)


def _is_closed(path: Path, how: int) -> bool:
    """Tell whether we may not use the path in this way. A path that does not answer is reported elsewhere."""
    try:
        return Patience().one(str(path), partial(_is_refused, path, how))
    except Unreadable:
        return False


def _is_refused(path: Path, how: int) -> bool:
    try:
        path.stat()
    except PermissionError:
        return True
    except OSError:
        return False
    if how & os.X_OK and not path.is_dir():
        return False  # it is no folder, which is another matter
    return not os.access(path, how)
