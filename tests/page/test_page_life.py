"""What the page costs, and how it comes, moves and goes."""

from __future__ import annotations

import os
import signal
import socket
import stat
import subprocess
import sys
import threading
from contextlib import ExitStack
from pathlib import Path

import pytest

from agent.config.settings import AgentSettings, Config
from agent.page.server import CONNECTIONS, PageServer
from agent.page.source import Cache
from agent.page.switch import PageSwitch
from agent.store import Store
from tests.page.pages import Steered, ask, served
from tests.processes.agent_process import agent_process


@pytest.mark.parametrize("said", [b"", b"GET / HT", b"POST /login HTTP/1.1\r\nContent-Length: 99\r\n\r\nto="])
def test_nobody_shuts_out_others_by_connections_that_say_nothing_more(folder: Path, said: bytes) -> None:
    with served(folder) as server, ExitStack() as held:
        for _ in range(2 * CONNECTIONS):
            one = held.enter_context(socket.create_connection(("127.0.0.1", server.port)))
            one.sendall(said)
        assert ask(server, "/healthz")[1] == "ok\n"


# --- what it costs, and how it comes and goes


def test_what_was_costly_is_shown_for_longer_and_made_by_one_for_all() -> None:
    now, made = [0.0], []

    def make() -> int:
        made.append(now[0])
        now[0] += 0.5
        return len(made)

    kept = Cache(lambda: now[0])
    assert [kept.get("/", make), kept.get("/", make)] == [1, 1]
    now[0] = 10.4
    assert kept.get("/", make) == 1
    now[0] = 10.6
    assert kept.get("/", make) == 2
    assert kept.get("/other", make) == 3


def test_without_a_page_nothing_of_it_is_imported() -> None:
    code = (
        "import sys, agent.service.lifetime; heavy = ('bottle', 'waitress', 'agent.view.metrics', 'agent.page.server');"
        "found = [one for one in heavy if one in sys.modules]; sys.exit(str(found) if found else 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr


class Places:
    """A switch on a store, and configurations for it."""

    def __init__(self, folder: Path) -> None:
        self.store = Store.beside(folder)
        self.switch = PageSwitch(folder, self.store, lambda: {"host": "web-1"}, lambda text: text, Steered(folder))

    def apply(self, page: str) -> PageServer | None:
        self.switch.apply(Config(), Config(agent=AgentSettings(page=page)))
        return self.switch._server


def test_a_page_comes_moves_stays_and_goes_with_the_configuration(folder: Path, tmp_path: Path) -> None:
    places = Places(folder)
    assert places.apply("") is None
    first = places.apply("127.0.0.1:0")
    assert first is not None
    assert ask(first, "/healthz")[0].status == 200
    assert places.apply("127.0.0.1:0") is first
    path = tmp_path / "page.sock"
    assert places.apply(f"unix:{path}") is not first
    with pytest.raises(ConnectionRefusedError):
        ask(first, "/healthz")
    assert "200 OK" in over_socket(path, "/healthz")
    assert stat.S_IMODE(path.stat().st_mode) == 0o660
    assert places.apply("") is None
    assert not path.exists()
    assert "page" not in [one.name for one in threading.enumerate()]


def over_socket(path: Path, page: str) -> str:
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(10)
        connection.connect(str(path))
        connection.sendall(f"GET {page} HTTP/1.0\r\nHost: monitor.example.com\r\n\r\n".encode())
        found = b""
        while part := connection.recv(65_536):
            found += part
    return found.decode()


def listens(path: Path) -> bool:
    with socket.socket(socket.AF_UNIX) as connection:
        return connection.connect_ex(str(path)) == 0


def test_what_lies_where_the_socket_belongs_stays_unless_it_is_a_dead_socket(folder: Path, tmp_path: Path) -> None:
    places, path = Places(folder), tmp_path / "page.sock"
    path.write_text("precious")
    assert places.apply(f"unix:{path}") is None
    assert path.read_text() == "precious"
    path.unlink()
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(path))
    assert places.apply(f"unix:{path}") is not None
    places.switch.stop()


def test_an_address_that_others_have_is_said_and_tried_again_with_the_next_reload(
    folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    places = Places(folder)
    with socket.create_server(("127.0.0.1", 0)) as other:
        page = f"127.0.0.1:{other.getsockname()[1]}"
        assert places.apply(page) is None
        assert "cannot be served" in caplog.text
    assert places.apply(page) is not None
    places.switch.stop()


def test_a_real_agent_shows_itself_and_ends_as_fast_as_without(tmp_path: Path) -> None:
    path = tmp_path / "page.sock"
    with agent_process(tmp_path) as agent:
        agent.write(
            "a.yaml", f"agent: {{page: 'unix:{path}'}}\nchecks: {{web: {{type: script, command: [/bin/true]}}}}\n"
        )
        agent.start()
        agent.wait_until(lambda: listens(path), "the page")  # a socket is there before somebody listens
        agent.wait_until(lambda: '"check":"web"' in over_socket(path, "/api/v1/status"), "the check on the page")
        assert ">web</a>" in over_socket(path, "/")
        with socket.socket(socket.AF_UNIX) as hanging:  # who is still connected holds up nothing
            hanging.connect(str(path))
            hanging.sendall(b"GET / HT")
            assert agent.stop(signal.SIGTERM, 5) == 0
        assert not path.exists()


def no_sockets(folder: Path) -> list[Path]:
    """Places at which no socket can be made, each for another reason."""
    for name in ("file", "precious"):
        (folder / name).write_text("precious")
    (folder / "circle").symlink_to("circle")
    (folder / "nowhere").symlink_to(folder / "missing" / "s")
    os.mkfifo(folder / "pipe")
    in_folders = [folder / name / "s" for name in ("missing", "file", "circle")]
    return [*in_folders, *(folder / name for name in ("precious", "pipe", "nowhere", ".")), Path("/proc/s")]


def test_a_socket_that_cannot_be_made_closes_the_page_and_nothing_else(tmp_path: Path) -> None:
    places = tmp_path / "places"
    places.mkdir()
    wrong, right = no_sockets(places), places / "page.sock"
    with agent_process(tmp_path) as agent:
        agent.write("a.yaml", "checks: {web: {type: script, command: [/bin/true]}}\n")
        agent.write("page.yaml", f"agent: {{page: 'unix:{wrong[0]}'}}\n")
        agent.start()
        agent.wait_until(lambda: agent.status()["checks"], "a run of the check")
        for path in wrong:
            agent.write("page.yaml", f"agent: {{page: 'unix:{path}'}}\n")
            assert "1 check at work" in agent.call("reload").stdout, path
            assert f"the page cannot be served at unix:{path}: " in agent.output()
        assert "a bug of ours" not in agent.output()
        agent.write("page.yaml", f"agent: {{page: 'unix:{right}'}}\n")
        agent.call("reload")
        assert '"check":"web"' in over_socket(right, "/api/v1/status")
        assert agent.stop(signal.SIGTERM, 5) == 0
    assert sorted(path.name for path in places.iterdir()) == ["circle", "file", "nowhere", "pipe", "precious"]
