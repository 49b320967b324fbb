"""The docker check: against a server on a unix socket that answers as Docker 27 and Podman 5 do."""

from __future__ import annotations

import asyncio
import contextlib
import json
import queue
import socket
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.api import CheckError, Context, Duration, Result, Status
from agent.config.settings import CheckConfig, Place
from agent.model import Metric, Outcome
from agent.plugin.results import gather
from agent.running.runner import Runner
from agent.testing import ran
from checks.docker import Docker
from checks.docker.ages import read_age
from checks.docker.api import ANSWER_LIMIT, Container, cut
from checks.docker.restarts import count_restarts

IDS = {"web": "8dfafdbc3a40", "db": "9cd87474be90", "job": "3176a2479c92", "worker": "4cb07b47f9fb"}


def container(name: str, state: str, status: str) -> dict[str, Any]:
    """One container as `GET /containers/json` gives it."""
    return {
        "Id": IDS.get(name, name) * 5,
        "Names": [f"/other/{name}-alias", f"/{name}"],
        "Image": f"registry.example.com/{name}:1.4",
        "ImageID": "sha256:d74508fb6632491cea586a1fd7d748dfc5274cd6fdfedee309ecdcbc2bf5cb82",
        "Command": "/bin/run",
        "Created": 1367854155,
        "State": state,
        "Status": status,
        "Ports": [{"PrivatePort": 2222, "PublicPort": 3333, "Type": "tcp"}],
        "Labels": {"com.docker.compose.service": name},
        "SizeRw": 12288,
        "HostConfig": {"NetworkMode": "default", "Annotations": None},
        "NetworkSettings": {"Networks": {"bridge": {"NetworkID": "7ea29fc1412292a2d7bba362f9253545"}}},
        "Mounts": [],
    }


class Engine:
    """Docker: tells health in the status. Podman: only to the filter."""

    def __init__(self, *containers: dict[str, Any], unhealthy: tuple[str, ...] = ()) -> None:
        self.containers, self.unhealthy = list(containers), [IDS[name] * 5 for name in unhealthy]
        self.inspected: dict[str, dict[str, Any]] = {}
        self.questions: list[str] = []

    def __call__(self, connection: socket.socket, question: bytes) -> None:
        path = question.split()[1].decode()
        self.questions.append(path)
        if not path.startswith("/containers/json"):
            one = self.inspected.get(path.split("/")[2])
            status = "200 OK" if one else "404 Not Found"
            connection.sendall(f"HTTP/1.0 {status}\r\n\r\n{json.dumps(one or {'message': 'no such'})}".encode())
            return
        filtered = b"filters={%22health%22:[%22unhealthy%22]}" in question
        found = [one for one in self.containers if not filtered or one["Id"] in self.unhealthy]
        body = json.dumps(found).encode()
        connection.sendall(
            b"HTTP/1.0 200 OK\r\nApi-Version: 1.47\r\nContent-Type: application/json\r\nOstype: linux\r\n"
            b"Server: Docker/27.3.1 (linux)\r\nDate: Mon, 23 Nov 2026 04:54:46 GMT\r\n\r\n" + body
        )


@contextlib.contextmanager
def serving(path: Path, talk: Callable[[socket.socket, bytes], None]) -> Iterator[str]:
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(path))
    listener.listen()

    def accept() -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = listener.accept()
                with connection, contextlib.suppress(OSError):
                    # Nothing comes of one whose time ended before it could ask.
                    if question := connection.recv(4096):
                        talk(connection, question)

    thread = threading.Thread(target=accept, daemon=True)
    thread.start()
    try:
        yield str(path)
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join(5)


async def collected(check: Docker, ctx: Context) -> list[Result | Metric]:
    return [one async for one in check.run(ctx)]


def look(path: str, timeout: float = 5.0, **settings: Any) -> dict[str, Result]:
    found = gather(asyncio.run(collected(Docker(socket=path, **settings), Context(timeout=timeout))))
    return {result.subject: result for result in found}


def inspection(
    name: str, code: int = 0, error: str = "", oom: bool = False, restarts: int = 0, policy: str = "no"
) -> tuple[str, dict[str, Any]]:
    """One container as `GET /containers/ID/json` gives it."""
    state = {"Status": "exited", "Running": False, "OOMKilled": oom, "ExitCode": code, "Error": error, "Pid": 0}
    policies = {"RestartPolicy": {"Name": policy, "MaximumRetryCount": 0}}
    return IDS[name] * 5, {"Id": IDS[name] * 5, "State": state, "RestartCount": restarts, "HostConfig": policies}


@pytest.mark.parametrize(
    ("state", "said", "status"),
    [
        ("running", "Up 3 hours", Status.OK),
        ("running", "Up 3 hours (healthy)", Status.OK),
        ("running", "Up 2 seconds (health: starting)", Status.OK),
        ("running", "Up 3 hours (unhealthy)", Status.CRITICAL),
        ("restarting", "Restarting (1) 5 seconds ago", Status.CRITICAL),
        ("dead", "Dead", Status.CRITICAL),
        ("paused", "Up 3 hours (Paused)", Status.WARNING),
        ("exited", "Exited (0) 2 days ago", Status.OK),
        ("exited", "Exited (143) 2 days ago", Status.OK),
        ("exited", "Exited (137) 2 days ago", Status.CRITICAL),
        ("exited", "Exited (1) 2 days ago", Status.CRITICAL),
        ("created", "Created", Status.WARNING),
        ("removing", "Removal In Progress", Status.OK),
        ("exited", "Exited (1) 2 months ago", Status.OK),
        ("exited", "Exited (1) 6 days ago", Status.CRITICAL),
        ("exited", "Beendet vor 2 Tagen", Status.NODATA),
        ("exited", "", Status.NODATA),
        ("stopped", "Exited (0) 2 days ago", Status.OK),
        ("hibernating", "Up 3 hours", Status.NODATA),
        ("", "", Status.NODATA),
    ],
)
def test_each_container_is_judged_by_its_state(state: str, said: str, status: Status, tmp_path: Path) -> None:
    with serving(tmp_path / "docker.sock", Engine(container("web", state, said))) as path:
        found = look(path)
    assert found["web"].status is status
    assert said in found["web"].summary
    assert found[""].status is Status.OK


@pytest.mark.parametrize(
    ("state", "said", "more", "status", "words"),
    [
        ("exited", "Exited (137) 2 days ago", {"code": 137}, "ok", "stopped by hand"),
        ("exited", "Exited (137) 2 days ago", {"code": 137, "oom": True}, "critical", "killed for lack of memory"),
        ("exited", "Exited (0) 2 days ago", {"code": 0, "oom": True}, "ok", "Exited (0)"),
        ("exited", "Exited (1) 2 days ago", {"code": 1}, "critical", "Exited (1)"),
        ("exited", "Exited (1) 2 days ago", {"code": 1, "policy": "on-failure"}, "critical", "Exited (1)"),
        ("exited", "Exited (1) 2 days ago", {"code": 1, "policy": "always"}, "ok", "stopped by hand"),
        ("exited", "Exited (1) 2 days ago", {"code": 1, "policy": "unless-stopped"}, "ok", "stopped by hand"),
        ("exited", "words for people", {"code": 1}, "critical", "words for people"),
        ("exited", "words for people", {"code": 0}, "ok", "words for people"),
        ("created", "Created", {"code": 128, "error": "port is already allocated"}, "critical", "port is already"),
        ("created", "Created", {}, "warning", "was never started"),
    ],
)
def test_what_the_list_does_not_tell_the_container_does(
    state: str, said: str, more: dict[str, Any], status: str, words: str, tmp_path: Path
) -> None:
    engine = Engine(container("web", state, said))
    engine.inspected = dict([inspection("web", **more)])
    with serving(tmp_path / "docker.sock", engine) as path:
        one = look(path)["web"]
    assert (str(one.status), words in one.summary) == (status, True), one.summary


def test_a_container_that_was_made_just_now_may_still_be_started(tmp_path: Path) -> None:
    made = container("web", "created", "Created") | {"Created": time.time()}
    with serving(tmp_path / "docker.sock", Engine(made)) as path:
        assert look(path)["web"].status is Status.OK


def test_where_all_is_well_no_container_is_asked(tmp_path: Path) -> None:
    engine = Engine(container("web", "running", "Up 3 hours"), container("job", "exited", "Exited (0) 2 days ago"))
    with serving(tmp_path / "docker.sock", engine) as path:
        look(path)
    assert len(engine.questions) == 2


def test_containers_that_do_not_answer_one_by_one_are_judged_by_the_list(tmp_path: Path) -> None:
    many = [container(f"c{number}", "exited", "Exited (1) 2 days ago") for number in range(200)]

    def talk(connection: socket.socket, question: bytes) -> None:
        if b"/json HTTP" in question:
            connection.recv(1)  # until who asks has given up
        else:
            Engine(*many)(connection, question)

    with serving(tmp_path / "docker.sock", talk) as path:
        found = look(path, timeout=4.0)
    assert {result.status for name, result in found.items() if name} == {Status.CRITICAL}


def test_podman_tells_health_only_when_asked_for_it(tmp_path: Path) -> None:
    engine = Engine(
        container("web", "running", "Up 3 hours"), container("db", "running", "Up 3 hours"), unhealthy=("db",)
    )
    with serving(tmp_path / "podman.sock", engine) as path:
        found = look(path)
    assert {name: result.status for name, result in found.items()} == {
        "web": Status.OK, "db": Status.CRITICAL, "": Status.OK
    }  # fmt: skip
    assert found["db"].summary == "db is unhealthy: Up 3 hours"
    assert found[""].summary == "2 of 2 containers run"


def test_a_container_that_must_run_is_critical_when_it_does_not(tmp_path: Path) -> None:
    engine = Engine(
        container("web", "exited", "Exited (0) 2 days ago"), container("job", "exited", "Exited (0) 1 day ago")
    )
    with serving(tmp_path / "docker.sock", engine) as path:
        found = look(path, running=("web", "db"))
    assert found["web"].status is found["db"].status is Status.CRITICAL
    assert found["db"].summary == "db is not there"
    assert found["job"].status is Status.OK


def test_of_containers_like_a_wildcard_one_must_run(tmp_path: Path) -> None:
    engine = Engine(
        container("shop-web-1", "running", "Up 1 hour"), container("shop-web-2", "exited", "Exited (0) 1 hour ago")
    )
    with serving(tmp_path / "docker.sock", engine) as path:
        found = look(path, running=("shop-web-*", "shop-db-*", "shop-web-[12]"))
        assert {name: (str(one.status), one.summary) for name, one in found.items() if "[" in name or "*" in name} == {
            "shop-web-*": ("ok", "1 of 2 containers like shop-web-* run"),
            "shop-web-[12]": ("ok", "1 of 2 containers like shop-web-[12] run"),
            "shop-db-*": ("critical", "0 of 0 containers like shop-db-* run"),
        }
        engine.containers = engine.containers[1:]
        assert look(path, running="shop-web-*")["shop-web-*"].status is Status.CRITICAL


def test_names_choose_what_is_watched(tmp_path: Path) -> None:
    engine = Engine(*(container(name, "running", "Up 1 hour") for name in ("web", "web-infra", "db")))
    with serving(tmp_path / "docker.sock", engine) as path:
        assert set(look(path, include="web*", exclude=("*-infra",))) == {"web", ""}


def test_a_host_without_containers_is_ok(tmp_path: Path) -> None:
    with serving(tmp_path / "docker.sock", Engine()) as path:
        assert look(path)[""].summary == "0 of 0 containers run"


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


def test_no_socket_and_no_listener_are_told_apart(tmp_path: Path) -> None:
    with pytest.raises(CheckError, match="no such file"):
        look(str(tmp_path / "docker.sock"))
    with contextlib.closing(socket.socket(socket.AF_UNIX)) as listener:
        listener.bind(str(tmp_path / "docker.sock"))
        with pytest.raises(CheckError, match="connection refused"):
            look(str(tmp_path / "docker.sock"))


def test_settings_that_cannot_be_meant_are_problems() -> None:
    assert [name for name, _ in Docker(socket="docker.sock").problems()] == ["socket"]
    assert [name for name, _ in Docker(running="db", include="web*").problems()] == ["running"]
    assert [name for name, _ in Docker(running=("/web", "my web", "")).problems()] == ["running"] * 3
    assert [name for name, _ in Docker(include=("/web", "db"), exclude="/x*").problems()] == ["include", "exclude"]
    assert list(Docker(running=("db", "shop-web-*", "web.[1-9]"), include=("db", "shop-*")).problems()) == []


def human(seconds: float) -> str:
    """Say a time span as docker/go-units does."""
    minutes, hours = int(seconds / 60), int(seconds / 3600 + 0.5)
    if seconds < 1:
        return "Less than a second"
    if seconds < 60:
        return "1 second" if int(seconds) == 1 else f"{int(seconds)} seconds"
    if minutes < 60:
        return "About a minute" if minutes == 1 else f"{minutes} minutes"
    if hours < 48:
        return "About an hour" if hours == 1 else f"{hours} hours"
    days = hours // 24
    for most, unit, name in ((14, 1, "days"), (60, 7, "weeks"), (730, 30, "months")):
        if days < most:
            return f"{days // unit} {name}"
    return f"{days // 365} years"


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


class Life:
    """A container as its starts make it, seen by the check at the times of its looks."""

    def __init__(self, folder: Path, made: float = 0.0, counts: bool = True) -> None:
        self.made, self.starts, self.count, self.counts = made, [made], 0, counts
        self.engine = Engine()
        self.memory: dict[str, Any] = {}
        self.path = folder / "docker.sock"

    def start(self, at: float, by_hand: bool = False) -> None:
        self.starts.append(at)
        self.count = 0 if by_hand else self.count + 1

    def look(self, now: float, state: str = "running") -> Result:
        up = now - self.starts[-1]
        said = f"Up {human(up)}" if state == "running" else "Restarting (1) 5 seconds ago"
        self.engine.containers = [container("web", state, said) | {"Created": self.made}]
        if self.counts:
            self.engine.inspected = dict([inspection("web", restarts=self.count)])
        with serving(self.path, self.engine) as path:
            context = Context(timeout=5, memory=self.memory, wall=lambda: now)
            found = {one.subject: one for one in gather(asyncio.run(collected(Docker(socket=path), context)))}
        self.path.unlink()
        return found["web"]


@pytest.mark.parametrize("counts", [True, False], ids=["told by the container", "told by the list alone"])
@pytest.mark.parametrize("runs_for", [3.0, 25.0, 200.0])
def test_a_crash_loop_shows_whatever_the_moment_of_the_look(counts: bool, runs_for: float, tmp_path: Path) -> None:
    life, told = Life(tmp_path, made=-90_000.0, counts=counts), []
    began = next_start = 10_000.0
    life.look(began)
    for now in (began + 60.0 * number for number in range(1, 16)):
        while next_start < now - 1:
            life.start(next_start)
            next_start += runs_for
        told.append(life.look(now))
    assert told[-1].status in (Status.WARNING, Status.CRITICAL)
    assert "restarted" in told[-1].summary
    quiet = life.look(next_start + 2000)
    assert quiet.status is Status.OK, "what lasted for longer than the window is over"


def test_a_crash_loop_shows_to_a_fresh_agent_where_the_container_is_young(tmp_path: Path) -> None:
    life = Life(tmp_path, made=100.0)
    for number in range(12):
        life.start(110.0 + 10 * number)
    assert life.look(225.0).status is Status.CRITICAL
    old = Life(tmp_path, made=-1e6)
    for number in range(12):
        old.start(-1e5 + number)
    assert old.look(-1e5 + 14).status is Status.OK, "when those restarts were is not known"


def test_the_restarts_of_a_container_that_waits_for_its_next_one_are_kept(tmp_path: Path) -> None:
    life = Life(tmp_path, made=-1e6)
    life.look(0.0)
    for number in range(1, 6):
        life.start(60.0 * number - 3)
        life.look(60.0 * number, state="restarting" if number % 2 else "running")
    life.start(358.0)
    assert life.look(360.0).status is not Status.OK


def test_restarts_by_hand_are_no_crash_loop(tmp_path: Path) -> None:
    life = Life(tmp_path, made=-1e6)
    life.look(0.0)
    for number in range(1, 8):
        life.start(60.0 * number - 3, by_hand=True)
        assert life.look(60.0 * number).status is Status.OK


@given(st.lists(st.floats(1, 5000), min_size=1, max_size=20))
def test_a_container_that_runs_on_is_never_taken_for_a_restarted_one(steps: list[float]) -> None:
    memory: dict[str, Any] = {}
    now = 0.0
    for step in steps:
        now += step
        one = Container("1", Status=f"Up {human(now)}", Created=-1e9)
        assert asyncio.run(count_restarts(memory, one, unasked, now, 900)) == 0


async def unasked() -> None:
    return None


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


def test_no_time_in_which_something_counts_is_refused() -> None:
    ((_, text),) = Docker(restarts_within=Duration(0)).problems()
    assert "0s counts nothing" in text
