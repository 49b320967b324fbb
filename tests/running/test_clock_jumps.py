"""A whole agent whose wall clock is set: back two hours, forward a day, over both changes of daylight saving time.

Intervals, retries and back-off are spans and go on; silences and windows end when the wall clock says so; events carry
the date of the wall clock. Nothing is invented, nothing stops. (A suspended machine looks like a clock set forward.)
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.host import needs
from tests.processes.agent_process import AgentProcess, agent_process
from tests.service.test_whole_way import told, wait_for_told
from tests.stand_ins.api import ApiStandIn

DAY = 86_400
JUMPS = {"back two hours": -7200, "forward a day": DAY, "to spring": 0, "to autumn": 0}
DAYLIGHT = {
    "to spring": datetime(2027, 3, 28, 1, tzinfo=UTC),
    "to autumn": datetime(2027, 10, 31, 1, tzinfo=UTC),
}
CONFIG = """
agent:
  hostname: web-1
  events: {{endpoint: '{url}', api_key: {key}, rate_limit: 600/min}}
  maintenance: [{{cron: "0 3 * * *", timezone: Europe/Berlin, duration: 1h, select: night}}]
checks:
  flag: {{type: script, command: [sh, -c, 'echo x >> {folder}/runs; test ! -e {folder}/flag || exit 2'], {often}}}
  quiet: {{type: script, command: [sh, -c, 'test ! -e {folder}/flag || exit 1'], {often}}}
"""
NIGHT = """checks:
  night: {{type: script, command: [sh, -c, 'test ! -e {folder}/dark || exit 1'], {often}}}
"""
OFTEN = "interval: 1s, timeout: 900ms, fail_after: {warning: 2, critical: 2, nodata: 99}"


class Shifted:
    """An agent with a wall clock of its own."""

    def __init__(self, folder: Path, api: ApiStandIn, agent: AgentProcess) -> None:
        self.folder, self.api, self.agent = folder, api, agent
        text = CONFIG.format(url=api.url, key=api.key, folder=folder, often=OFTEN)
        agent.write("all.yaml", text)

    def set_clock(self, offset: float) -> None:
        """Set it to so many seconds off the true time, in one step."""
        fresh = self.folder / "clock.new"
        fresh.write_text(f"{offset:+.0f}")
        fresh.rename(self.folder / "clock")

    def runs(self) -> int:
        file = self.folder / "runs"
        return len(file.read_text()) // 2 if file.exists() else 0

    def wait_for_runs(self, count: int) -> None:
        self.agent.wait_until(lambda: self.runs() >= count, f"{count} runs")

    def told_of(self, check: str) -> list[str]:
        return [event["status"] for event in told(self.api) if event["customTags"]["check_name"] == check]


@contextlib.contextmanager
def shifted(folder: Path) -> Iterator[Shifted]:
    library = needs.file("/usr/lib/x86_64-linux-gnu/faketime/libfaketimeMT.so.1", "libfaketime")
    folder.mkdir()
    environ = {
        "LD_PRELOAD": str(library),
        "FAKETIME_TIMESTAMP_FILE": str(folder / "clock"),
        "FAKETIME_CACHE_DURATION": "1",
        "FAKETIME_DONT_FAKE_MONOTONIC": "1",
        "TZ": "Europe/Berlin",
    }
    with ApiStandIn() as api, agent_process(folder, environ) as agent:
        one = Shifted(folder, api, agent)
        one.set_clock(0)
        yield one


@pytest.mark.slow
def test_a_clock_that_is_set_invents_nothing_and_stops_nothing(tmp_path: Path) -> None:
    with contextlib.ExitStack() as stack:
        agents = {name: stack.enter_context(shifted(tmp_path / name.replace(" ", "-"))) for name in JUMPS}
        for one in agents.values():
            one.agent.start()
        for one in agents.values():
            one.wait_for_runs(2)
        offsets = {name: _offset(name) for name in JUMPS}
        for name, one in agents.items():
            one.set_clock(offsets[name])
        before, began = {name: one.runs() for name, one in agents.items()}, time.monotonic()
        # A clock that was believed would stop them for a day, or run them all at once.
        for name, one in agents.items():
            one.wait_for_runs(before[name] + 4)
            most = 2 + (time.monotonic() - began)
            assert one.runs() - before[name] <= most, f"{name}: an interval stays an interval"
            assert told(one.api) == [], f"{name}: nothing is invented"
            one.api.down = "500"
            (one.folder / "flag").touch()
        for name, one in agents.items():
            one.api.wait_for_requests(2, 20)  # it is tried again: the back-off is a span, too
            one.set_clock(0 if name == "forward a day" else offsets[name] - DAY)
            one.api.down = ""
        for name, one in agents.items():
            wait_for_told(one.api, 2)
            assert (one.told_of("flag"), one.told_of("quiet")) == (["critical"], ["warning"]), name
            dates = [event["date"] / 1000 - time.time() for event in told(one.api)]
            assert dates == pytest.approx([offsets[name]] * 2, abs=60), f"{name}: when it was seen, by its clock then"
            (one.folder / "flag").unlink()
        for name, one in agents.items():
            wait_for_told(one.api, 4)
            assert (one.told_of("flag"), one.told_of("quiet")) == (["critical", "ok"], ["warning", "ok"]), name
            assert one.agent.stop() == 0
            assert "Traceback" not in one.agent.output()


def _offset(name: str) -> float:
    """Seconds off the true time; daylight saving time changes two seconds later."""
    return DAYLIGHT[name].timestamp() - time.time() - 2 if name in DAYLIGHT else JUMPS[name]


@pytest.mark.slow
def test_silences_and_windows_end_by_the_wall_clock(tmp_path: Path) -> None:
    with shifted(tmp_path / "one") as one:
        night = datetime(2027, 2, 3, 2, 10, tzinfo=UTC).timestamp() - time.time()
        one.set_clock(night)
        one.agent.write("night.yaml", NIGHT.format(folder=one.folder, often=OFTEN))
        one.agent.start()
        one.agent.wait_until(lambda: one.runs() >= 2, "first results")
        assert one.agent.call("silence", "quiet", "--for", "2h").returncode == 0
        (one.folder / "flag").touch()
        (one.folder / "dark").touch()
        wait_for_told(one.api, 1)
        runs = one.runs()
        one.agent.wait_until(lambda: one.runs() >= runs + 3, "three more runs")
        assert (one.told_of("flag"), one.told_of("quiet"), one.told_of("night")) == (["critical"], [], [])
        one.set_clock(night + 3600)
        wait_for_told(one.api, 2)
        assert (one.told_of("quiet"), one.told_of("night")) == ([], ["warning"])
        one.set_clock(night + 7200)
        wait_for_told(one.api, 3)
        assert one.told_of("quiet") == ["warning"]
        one.set_clock(night)
        runs = one.runs()
        one.agent.wait_until(lambda: one.runs() >= runs + 3, "three more runs")
        assert len(told(one.api)) == 3, "what was told is not told again"
