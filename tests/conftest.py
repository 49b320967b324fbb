"""What holds for all tests."""

from __future__ import annotations

import gc
import socket
import sys
import tempfile
import time
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import settings

from tests.examples import examples
from tests.workers import Workers, scopes_of

if TYPE_CHECKING:
    from tests.engine.step_by_step import Agent, World
    from tests.stand_ins.api import ApiStandIn

# The same examples every time: a red run must be red again, and no run may fail for being slow.
settings.register_profile("steady", examples(30))
settings.load_profile("steady")

SLOW_WORDS = ("agent_process", "subprocess", "strace", "kill_points", "RuleBasedStateMachine", "ApiStandIn", "serving(")
"""A file of tests with one of these starts processes, servers or long series: `make quick` leaves it out."""
SLOW_FILES = {
    f"test_{name}.py"
    for name in (
        *("log", "log_rotated", "log_several", "log_any_order"),
        *("runner", "runner_waiting", "runner_memory", "runner_isolated"),
        *("second_look", "second_look_parents", "second_look_start", "waiting", "waiting_runs"),
        *("discover", "discover_drop_ins", "script_nagios", "plugins_oracle", "shipped_files"),
        *("http_reader", "http_charsets", "http_codings", "http_json", "patterns", "redactor", "destination_model"),
        *("turns", "loop", "loop_calls", "outage", "page_browser", "page_pictures"),
        *("root_is_led_by_nobody", "history", "damaged_store", "script_limits", "script_pin", "process_command_lines"),
    )
}
"""Long series of examples, and waits for a deadline."""
ONE_WORKER = {
    "test_plugins.py": "plugins",
    "test_process.py": "processes",
    "test_process_count.py": "processes",
    "test_process_use.py": "processes",
    "test_process_scan.py": "processes",
    "test_process_hidden.py": "processes",
    "test_install_package.py": "install",
    "test_page_browser.py": "browser",
    "test_page_acting_browser.py": "browser",
    "test_whole_way_suppression.py": "suppression",
    "test_status.py": "status",
    "test_cuts.py": "network",
    "test_shipped_cluster.py": "network",
    # A worker has two tests at least: what waits for the long ones is short.
    "test_killed.py": "killed",
    "test_record.py": "killed",
    "test_lives.py": "lives",
    "test_holding.py": "lives",
}
"""Files whose tests share fixed ports, names of processes, a system, addresses, a browser or an agent: one worker."""
ONE_ON_THE_MACHINE = {"plugins", "processes"}
"""Groups that need fixed ports, or count the processes of a name: two clones take turns."""
LONG = (
    *("test_killed", "test_lives", "test_cuts", "test_shipped_cluster", "test_simulated", "test_page_browser"),
    *("test_page_acting_browser", "test_torture", "test_commands", "test_kill_points", "test_clock_jumps", "test_soak"),
    *("test_bench", "test_dead_mount", "test_secrets_whole_way", "test_history_disk", "test_doctor"),
    *("test_destinations", "test_destinations_unread", "test_storms", "test_root_is_led_by_nobody"),
)
"""What takes long, and mostly waits, the longest of all first: every second worker begins with these."""


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


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder that every user may enter: what is above `tmp_path` is closed whenever another run of tests begins."""
    with tempfile.TemporaryDirectory(prefix="hostvigil-") as made:
        Path(made).chmod(0o755)
        yield Path(made)


@pytest.fixture
def world() -> World:
    """Return what is around an agent that lives step by step: its checks and the time. A file may have its own."""
    from tests.engine.step_by_step import World

    return World()


@pytest.fixture
def agent(tmp_path: Path, world: World) -> Iterator[Agent]:
    from tests.engine.step_by_step import Agent, Api

    agent = Agent(tmp_path / "state", world, Api())
    yield agent
    agent.store.close()


@pytest.fixture
def api() -> Iterator[ApiStandIn]:
    from tests.stand_ins.api import ApiStandIn

    with ApiStandIn() as api:
        yield api


@pytest.fixture(scope="session")
def one_browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    from tests.page.browser import browser

    with browser(tmp_path_factory.mktemp("browser")) as found:
        yield found


@pytest.fixture
def driver(one_browser: Any) -> Any:
    """The worker's browser, with an empty page: the one of the test before complains that its server is gone."""
    one_browser.get("about:blank")
    one_browser.get_log("browser")
    return one_browser


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--workers", type=int, default=0, help="run the tests in so many processes at once")


def pytest_runtestloop(session: pytest.Session) -> bool | None:
    """Give each slow test to whoever is free, and each group and each file of quick ones to one worker."""
    count: int = session.config.getoption("workers", 0)
    if not count or session.testsfailed or session.config.option.collectonly:
        return None
    scopes = scopes_of(session.items, lambda item: scope_of(item.path, item.nodeid))
    Workers(session, scopes, lambda file: file.stem in LONG).run(count)
    return True


def scope_of(file: Path, nodeid: str) -> str:
    return group_of(file) or (nodeid if is_slow(file) else str(file))


def group_of(file: Path) -> str:
    """A file of tests/fleet is a group, too: a lease runs out where many of them fight for the processor."""
    return ONE_WORKER.get(file.name, file.name if file.parent.name == "fleet" else "")


@cache
def is_slow(file: Path) -> bool:
    return file.name in SLOW_FILES or bool(group_of(file)) or any(word in file.read_text() for word in SLOW_WORDS)


# What is collected stays: the collector of garbage need not look at it, while it grows (a third of that time) or later.
gc.disable()


def pytest_collection_finish() -> None:
    gc.freeze()
    gc.enable()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if is_slow(item.path):
            item.add_marker(pytest.mark.slow)
    at = {f"{name}.py": number for number, name in enumerate(LONG)}
    items.sort(key=lambda item: (at.get(item.path.name, len(at)), not group_of(item.path), not is_slow(item.path)))
