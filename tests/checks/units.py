"""Units as systemctl prints them, and a systemctl that prints them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from agent.api import Context, Result
from agent.plugin.results import gather
from checks.systemd import Systemd
from checks.systemd.units import Unit

LISTED = """\
broken.service   loaded failed     failed       A unit that fails
slowloop.service loaded activating auto-restart A unit that fails and is started again
"""


# Names come in the middle, a timer has no NRestarts, an unknown unit is shown too: as systemd 252 printed it.
SHOWN = {
    "good": "Result=success\nNRestarts=0\nId=good.service\nLoadState=loaded\nActiveState=active\nSubState=running\n",
    "slowloop.service": "Result=exit-code\nNRestarts=20\nId=slowloop.service\nLoadState=loaded\n"
    "ActiveState=activating\nSubState=auto-restart\n",
    "nonexist": "Result=success\nNRestarts=0\nId=nonexist.service\nLoadState=not-found\n"
    "ActiveState=inactive\nSubState=dead\n",
    "never.timer": "Result=success\nId=never.timer\nLoadState=loaded\nActiveState=active\nSubState=waiting\n",
    "broken.service": "Result=exit-code\nNRestarts=0\nId=broken.service\nLoadState=loaded\n"
    "ActiveState=failed\nSubState=failed\n",
}
NEVER = """\
NextElapseUSecRealtime=
NextElapseUSecMonotonic={next}
LastTriggerUSec={last}
Result=success
Id={name}.timer
LoadState=loaded
ActiveState=active
SubState={sub}
StateChangeTimestampMonotonic=8300000
ActiveEnterTimestamp=Tue 2026-11-24 06:00:00 UTC
"""
DAILY = (
    NEVER.format(name="daily", sub="waiting", next="0", last="Thu 2026-11-26 06:00:01 UTC")
    .replace("Realtime=", "Realtime=Fri 2026-11-27 06:00:00 UTC")
    .replace("8300000", "8259541")
)
TIMERS = "\n".join(
    (
        DAILY,
        NEVER.format(name="monotonic", sub="waiting", next="1w 2d 3h 4min 5.123456s", last="n/a"),
        NEVER.format(name="once", sub="elapsed", next="infinity", last="Tue 2026-11-24 06:00:00 UTC"),
        NEVER.format(name="none", sub="waiting", next="infinity", last=""),
        NEVER.format(name="works", sub="running", next="infinity", last=""),
        "LastTriggerUSec=\nNextElapseUSecRealtime=\nNextElapseUSecMonotonic=infinity\nResult=success\n"
        "Id=wrong.timer\nLoadState=bad-setting\nActiveState=inactive\nSubState=dead\n"
        "StateChangeTimestampMonotonic=0\nActiveEnterTimestamp=\n",
    )
)
GOOD = Unit("loaded", "active", "running", "success")
FAILED = Unit("loaded", "failed", "failed", "exit-code")
WAITING = Unit("loaded", "activating", "auto-restart", "exit-code", 20)


UNKNOWN = Unit("not-found", "inactive", "dead", "success")


def fake(folder: Path, listed: str = LISTED, more: str = "") -> tuple[str, ...]:
    """Write a systemctl that knows the units of SHOWN."""
    for name, text in SHOWN.items():
        (folder / name).write_text(text)
    (folder / "listed").write_text(listed)
    program = folder / "systemctl"
    program.write_text(
        f"""#!/bin/sh
cd {folder}
{more}
[ "$1" = --no-pager ] || exit 64
[ "$2" != list-units ] || exec cat listed
while [ "$1" != -- ]; do shift; done
shift
for name; do cat "$name"; echo; done
"""
    )
    program.chmod(0o755)
    return (str(program),)


def run(check: Systemd, memory: dict[str, Any] | None = None, timeout: float = 5.0) -> tuple[Result, ...]:
    return gather(check.run(Context(timeout=timeout, memory=memory)))
