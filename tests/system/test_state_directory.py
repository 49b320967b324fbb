"""A state directory whose disk comes to hang under a running agent: somebody says so."""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path

import pytest

from agent.service.state_directory import LATE_SECONDS, WriterWatch


def test_a_recorder_that_does_not_come_back_is_said_once_and_so_is_its_return(caplog: pytest.LogCaptureFixture) -> None:
    asked: list[Callable[[], None]] = []
    watch = WriterWatch(Path("/state"), asked.append)
    with caplog.at_level(logging.INFO):
        for now in range(0, int(3 * LATE_SECONDS), 10):
            watch.look(float(now))
        assert [record.getMessage() for record in caplog.records] == [
            "nothing was written to the state directory /state for 30s: until it answers, nothing is recorded or told. "
            "Does its disk or mount hang?"
        ]
        assert len(asked) == 1, "no queue of questions is built up meanwhile"
        asked[0]()
        assert "the state directory /state answers again" in caplog.messages[1]


def test_a_recorder_that_answers_is_never_spoken_of(caplog: pytest.LogCaptureFixture) -> None:
    watch = WriterWatch(Path("/state"), lambda answer: answer())
    for now in range(0, int(10 * LATE_SECONDS), 10):
        watch.look(float(now))
    assert not caplog.records
