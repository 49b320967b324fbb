"""Each container is judged by its state, its health and its name."""

from __future__ import annotations

import contextlib
import socket
import time
from pathlib import Path
from typing import Any

import pytest

from agent.api import CheckError, Status
from checks.docker import Docker
from tests.checks.docker_engine import Engine, container, inspection, look, serving


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
