"""What holds for all tests."""

from __future__ import annotations

from pathlib import Path

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
    )
}
"""Long series of examples, and waits for a deadline."""
ONE_WORKER = {"test_plugins.py": "plugins"}
"""Files whose tests share servers on fixed ports: one worker runs them all."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    slow: dict[Path, bool] = {}
    for item in items:
        if item.path not in slow:
            text = item.path.read_text()
            slow[item.path] = item.path.name in SLOW_FILES or any(word in text for word in SLOW_WORDS)
        if slow[item.path]:
            item.add_marker(pytest.mark.slow)
        if group := ONE_WORKER.get(item.path.name):
            item.add_marker(pytest.mark.xdist_group(group))
