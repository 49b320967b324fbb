"""Answers of an engine that are late, cut, endless or in words."""

from __future__ import annotations

import contextlib
import json
import queue
import socket
import threading
import time
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.api import CheckError, Status
from agent.config.settings import CheckConfig, Place
from agent.model import Outcome
from agent.running.runner import Runner
from agent.testing import ran
from checks.docker import Docker
from checks.docker.ages import read_age
from checks.docker.api import ANSWER_LIMIT, cut
from tests.checks.docker_engine import Engine, container, human, look, serving


def drip(connection: socket.socket, question: bytes) -> None:
    for byte in b"HTTP/1.0 200 OK\r\n\r\n" + b" " * 1000:
        connection.sendall(bytes([byte]))
        time.sleep(0.02)


def endless(connection: socket.socket, question: bytes) -> None:
    connection.sendall(b"HTTP/1.0 200 OK\r\n\r\n[")
    while True:
        connection.sendall(b" " * 65536)


@pytest.mark.parametrize(
    ("talk", "reason"),
    [
        (b"SSH-2.0\r\n", "no answer that can be understood"),
        (b"HTTP/1.0 200 OK\r\n\r\n[{", "no answer that can be understood"),
        (b'HTTP/1.0 200 OK\r\n\r\n{"Id": 1}', "no answer that can be understood"),
        (b"HTTP/1.0 200 OK\r\n\r\n[{}]", "no answer that can be understood"),
        (b"", "no answer that can be understood"),
        (b"HTTP/1.0 500 Oh\r\n\r\n{}", "answered 500: {}"),
        (lambda connection, question: connection.recv(1), "does not answer within 300ms"),
        (drip, "does not answer within 300ms"),
        (endless, f"more than {ANSWER_LIMIT} bytes|does not answer within"),
    ],
)
def test_no_usable_answer_is_nodata_in_time(talk: Any, reason: str, tmp_path: Path) -> None:
    answer = talk if callable(talk) else lambda connection, question: connection.sendall(talk)
    began = time.monotonic()
    with serving(tmp_path / "docker.sock", answer) as path:
        with pytest.raises(CheckError, match=reason):
            look(path, timeout=0.3)
        assert time.monotonic() - began < 10, "a busy machine is slow, but the server would go on for ever"


def test_of_an_answer_that_is_too_long_the_beginning_is_judged(tmp_path: Path) -> None:
    bad = container("web", "exited", "Exited (1) 2 days ago")
    many = json.dumps([bad, container("db", "running", "Up 1 hour")])[:-1].encode()

    def talk(connection: socket.socket, question: bytes) -> None:
        if b"all=1" not in question:
            return Engine()(connection, question)
        connection.sendall(b"HTTP/1.0 200 OK\r\n\r\n" + many + b", " + b" " * ANSWER_LIMIT)
        return None

    with serving(tmp_path / "docker.sock", talk) as path:
        seen = ran(Docker(socket=path, running="later"), timeout=20)
    told = {result.subject: result.status for result in seen.results}
    assert told == {"web": Status.CRITICAL, "db": Status.OK, "": Status.NODATA}, "whether `later` is there is not known"


@given(
    st.lists(st.builds(container, st.text(max_size=5), st.just("running"), st.text(max_size=9))), st.integers(0, 4000)
)
def test_however_a_list_is_cut_its_whole_objects_are_read(found: list[dict[str, Any]], length: int) -> None:
    for separators in ((",", ":"), (", ", ": ")):
        text = json.dumps(found, separators=separators)
        read = json.loads(cut(text[:length].encode()))
        assert read == found[: len(read)]
        whole = len(json.dumps(found[: len(read) + 1], separators=separators)) - 1
        assert len(read) == len(found) or length < whole


@given(st.floats(0, 4 * 365 * 86400.0))
def test_an_age_in_words_is_understood(seconds: float) -> None:
    found = read_age(f"Up {human(seconds)} (healthy)")
    assert found is not None
    least, most = found
    # Above two days Docker counts hours that are rounded.
    assert least - 1800 * (seconds > 2 * 86400) <= seconds <= most, human(seconds)
    assert read_age(f"Exited (3) {human(seconds)} ago") == found


def test_words_without_an_age_have_none() -> None:
    assert read_age("Created") is read_age("") is read_age("Up seit 3 Stunden") is None


def test_sockets_that_never_answer_take_no_thread_and_are_told_in_time(tmp_path: Path) -> None:
    ended: queue.SimpleQueue[Outcome] = queue.SimpleQueue()
    runner = Runner(ended.put)
    with contextlib.closing(socket.socket(socket.AF_UNIX)) as listener:
        listener.bind(str(tmp_path / "docker.sock"))
        listener.listen(200)
        check = Docker(socket=str(tmp_path / "docker.sock"))
        before, threads, outcomes = threading.active_count(), set[int](), list[Outcome]()
        for number in range(100):
            name = f"docker-{number}"
            runner.start(CheckConfig(name, "docker", check, Place("x.yaml"), interval=10, timeout=2), time.monotonic())
        while len(outcomes) < 100:  # told one by one when their time is over: all of that while they are counted
            threads.add(threading.active_count() - before)
            outcomes.append(ended.get(timeout=60))
        assert max(threads) <= 3, "the loop, the deadlines"
    runner.stop()
    assert {one.results[0].summary for one in outcomes} == {f"{check.socket} does not answer within 2s"}
    assert {one.results[0].status for one in outcomes} == {Status.NODATA}
