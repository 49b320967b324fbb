"""Who may push results, by name: a name that this host does not know lets nobody in."""

from __future__ import annotations

import grp
import pwd
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from agent.config.settings import CheckConfig, Problem
from agent.config.words.quoting import short
from agent.plugin.shared_work import Call

LOOK_SECONDS = 2.0
"""Names may be asked of a server; what it does not answer in time is no problem of the configuration."""


def unknown_senders(checks: Iterable[CheckConfig]) -> Iterator[Problem]:
    """Yield a problem for each name under `from` that is neither a user nor a group; the check runs all the same.

    A directory server may be away just now, and a check that waits for a backup must not end for that.
    """
    names_by_check = {check.name: check.pushed.senders for check in checks if check.pushed}
    names = {name for senders in names_by_check.values() for name in senders}
    if not names:
        return
    call = Call(lambda: {name for name in names if not _is_known(name)})
    call.begin()
    unknown = call.result() if call.done.wait(LOOK_SECONDS) else set()
    for check in checks:
        for name in names_by_check.get(check.name, ()):
            if name in unknown:
                text = (
                    f"{check.name}.from: {short(name)} is neither a user nor a group of this host, so it lets nobody in"
                )
                yield Problem(check.places.get("from", check.place), text, aside=True)


def _is_known(name: str) -> bool:
    return _exists(pwd.getpwnam, name) or _exists(grp.getgrnam, name)


def _exists(look: Callable[[str], Any], name: str) -> bool:
    try:
        look(name)
    except (KeyError, ValueError, OSError):  # ValueError: a NUL in it
        return False
    return True
