"""Settings of destinations that cannot be read keep all that waits."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.delivery.houses import House, events, eventually, told
from tests.examples import TIMES
from tests.host import needs
from tests.stand_ins.api import ApiStandIn

BROKEN = {
    "a brace left open": lambda text: text.replace("events: {", "events: {{"),
    "a misspelt endpoint": lambda text: text.replace("http://", "http:/"),
    "a misspelt setting": lambda text: text.replace("endpoint:", "endpiont:"),
    "an empty section": lambda text: text.split("  events:")[0] + "  events: 7\n",
}


@pytest.mark.parametrize("fault", BROKEN)
def test_settings_that_cannot_be_read_at_a_start_keep_all_that_waits(house: House, api: ApiStandIn, fault: str) -> None:
    good = events(api)
    house.settings(good)
    house.checks("flag")
    api.down = "502"
    house.agent.start()
    house.up("flag")
    house.decided("flag", "critical")
    house.agent.stop()
    house.settings(BROKEN[fault](good))
    house.agent.start()
    house.down("flag")
    house.decided("flag", "ok")
    assert house.agent.status()["outbox"]["count"] >= 1
    assert "CRITICAL flag" not in house.agent.output(), "nothing goes to the terminal instead"
    api.down = ""
    house.settings(good)
    house.reload()
    eventually(lambda: told(api) == ["critical", "ok"], "problem and recovery are told")
    hosts = {event["customTags"]["host"] for event in api.accepted}
    assert (hosts, api.rejections) == ({"web-1"}, [])


def dangling(file: Path) -> None:
    file.rename(file.with_suffix(".away"))
    file.symlink_to("/nowhere/at/all")


def of_others(file: Path) -> None:
    file.chmod(0o666)


def endpoint_in_a_missing_file(file: Path) -> None:
    file.write_text(re.sub(r"'http://[^']*'", "'${file:/no/such/file}'", file.read_text()))


def a_folder(file: Path) -> None:
    file.unlink()
    file.mkdir()


HARMS = (dangling, of_others, endpoint_in_a_missing_file, a_folder)


# By a reload each in `make torture`, two in each run.
@pytest.mark.parametrize(
    ("harm", "by"),
    [
        *((harm, "restart") for harm in HARMS),
        *((harm, "reload") for harm in (HARMS if TIMES > 1 else (dangling, a_folder))),
    ],
)
def test_a_file_that_cannot_be_read_keeps_all_that_waits(
    house: House, api: ApiStandIn, harm: Callable[[Path], None], by: str
) -> None:
    if harm is of_others:
        needs.root()  # others' agents obey such a file
    good = events(api)
    house.settings(good)
    house.checks("flag")
    api.down = "502"
    house.agent.start()
    house.up("flag")
    house.decided("flag", "critical")
    file = house.agent.config / "00-agent.yaml"
    harm(file)
    house.reload() if by == "reload" else house.restart()
    house.down("flag")
    house.decided("flag", "ok")
    api.down = ""
    if file.is_dir():
        file.rmdir()
    file.unlink(missing_ok=True)
    house.settings(good)
    house.reload()
    eventually(lambda: told(api) == ["critical", "ok"], "problem and recovery are told", 40)
    assert {event["customTags"]["host"] for event in api.accepted} == {"web-1"}
    assert "CRITICAL flag" not in house.agent.output(), "nothing goes to the terminal instead"


def test_a_reload_with_broken_settings_changes_nothing_of_what_is_told(house: House, api: ApiStandIn) -> None:
    good = events(api)
    house.settings(good)
    house.checks("flag")
    house.agent.start()
    house.decided("flag", "ok")
    house.settings(good.replace("endpoint", "endpiont"))
    house.reload()
    house.up("flag")
    eventually(lambda: told(api) == ["critical"], "the problem is told")
    house.settings("agent: {{{")
    house.reload()
    house.down("flag")
    eventually(lambda: told(api) == ["critical", "ok"], "and its end")
