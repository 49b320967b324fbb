"""What holds for all tests."""

from __future__ import annotations

import gc
import socket
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings

# The same examples every time: a red run must be red again, and no run may fail for being slow.
settings.register_profile("steady", derandomize=True, deadline=None, database=None)
settings.load_profile("steady")

SLOW_WORDS = ("agent_process", "subprocess", "strace", "kill_points", "RuleBasedStateMachine", "ApiStandIn", "serving(")
"""A file of tests with one of these starts processes, servers or long series: `make quick` leaves it out."""
SLOW_FILES = {
    f"test_{name}.py"
    for name in (
        *("patterns", "http_reader", "turns", "redactor", "log", "runner", "plugins_oracle", "shipped_files"),
        *("second_look", "waiting", "http_bodies", "destination_model", "discover"),
        *("loop", "outage", "page_browser", "page_pictures", "script_nagios"),
    )
}
"""Long series of examples, and waits for a deadline."""
ONE_WORKER = {
    "test_plugins.py": "plugins",
    "test_process.py": "processes",
    "test_install_package.py": "install",
    "test_page_browser.py": "browser",
    "test_whole_way_suppression.py": "suppression",
    "test_status.py": "status",
}
"""Files whose tests share fixed ports, names of processes, a system, a browser or an agent: one worker runs them."""


ONE_ON_THE_MACHINE = {"plugins", "processes"}
"""Groups that need fixed ports, or count the processes of a name: two clones take turns."""


@pytest.fixture(autouse=True, scope="module")
def turn(request: pytest.FixtureRequest) -> Iterator[None]:
    """Wait until no other run of tests on this machine is in this group; the kernel ends a turn whatever happens."""
    group = group_of(request.path)
    if group not in ONE_ON_THE_MACHINE or not sys.platform.startswith("linux"):
        yield
        return
    with socket.socket(socket.AF_UNIX) as taken:
        while True:
            try:
                taken.bind(f"\0hostvigil-tests-{group}")
                break
            except OSError:
                time.sleep(0.1)
        yield


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Give each test to whoever is free, and each group of tests to one worker."""
    from xdist.scheduler import LoadScopeScheduling

    class Groups(LoadScopeScheduling):
        def _split_scope(self, nodeid: str) -> str:
            return group_of(Path(nodeid.partition("::")[0])) or nodeid

    return Groups(config, log)


def group_of(file: Path) -> str:
    """Those of tests/fleet are one as well: a lease runs out where two series of them fight for the processor."""
    return "fleet" if file.parent.name == "fleet" else ONE_WORKER.get(file.name, "")


def pytest_collection_finish() -> None:
    """What was collected stays: the collector need not look at it over and over, a tenth of the processor's time."""
    gc.collect()
    gc.freeze()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    slow: dict[Path, bool] = {}
    for item in items:
        if item.path not in slow:
            text = item.path.read_text()
            many = item.path.name in SLOW_FILES or bool(group_of(item.path))
            slow[item.path] = many or any(word in text for word in SLOW_WORDS)
        if slow[item.path]:
            item.add_marker(pytest.mark.slow)
    # What takes long begins first: else one worker still waits when the others have nothing left.
    items.sort(key=lambda item: (not group_of(item.path), not item.get_closest_marker("slow")))
