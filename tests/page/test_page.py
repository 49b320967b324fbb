"""The page over HTTP: who gets what, what each answer says of itself, and what no text can do in it."""

from __future__ import annotations

import html.parser
import json
import os
import signal
import socket
import stat
import subprocess
import sys
import threading
from contextlib import ExitStack
from pathlib import Path

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client.parser import text_string_to_metric_families

from agent.config.catalog import Catalog
from agent.config.drop_ins import load
from agent.config.page_address import PageAddress, parse
from agent.config.settings import AgentSettings, Config
from agent.model import Metric, Status
from agent.page import html as pages
from agent.page.guard import HEADERS, is_own_host
from agent.page.readiness import Readiness
from agent.page.server import CONNECTIONS, PageServer
from agent.page.source import Cache, CheckPage, Overview
from agent.page.switch import PageSwitch
from agent.store import Store
from agent.view.snapshot import Snapshot
from tests.documents.making import JSON
from tests.page.pages import NOW, Steered, Told, ask, opened, page_of, put, served
from tests.processes.agent_process import agent_process

PATHS = ("/", "/?part=main", "/check/web", "/api/v1/status", "/metrics", "/healthz", "/readyz", "/page.css", "/page.js")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    store = opened(tmp_path / "state")
    metrics = (Metric("time", 0.25, "s", critical="2"),)
    put(store, Told("web", "", Status.CRITICAL, "HTTP 503", "from 192.0.2.7", metrics), Told("disk", "/", summary="9%"))
    store.close()
    return tmp_path / "state"


@pytest.mark.parametrize("said", [b"", b"GET / HT", b"POST /login HTTP/1.1\r\nContent-Length: 99\r\n\r\nto="])
def test_nobody_shuts_out_others_by_connections_that_say_nothing_more(folder: Path, said: bytes) -> None:
    with served(folder) as server, ExitStack() as held:
        for _ in range(2 * CONNECTIONS):
            one = held.enter_context(socket.create_connection(("127.0.0.1", server.port)))
            one.sendall(said)
        assert ask(server, "/healthz")[1] == "ok\n"


# --- where it is


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("127.0.0.1:8741", PageAddress("127.0.0.1", 8741)),
        ("127.9.9.9:1", PageAddress("127.9.9.9", 1)),
        ("localhost:8741", PageAddress("127.0.0.1", 8741)),
        ("[::1]:8741", PageAddress("::1", 8741)),
        ("::1:8741", PageAddress("::1", 8741)),
        ("127.0.0.1:0", PageAddress("127.0.0.1", 0)),
        ("unix:/run/hostvigil/page.sock", PageAddress(path="/run/hostvigil/page.sock")),
    ],
)
def test_an_address_is_a_port_of_the_loopback_or_a_socket(text: str, address: PageAddress) -> None:
    assert parse(text) == address


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("0.0.0.0:8741", "without a password"),
        ("192.0.2.7:8741", "without a password"),
        ("[::]:8741", "without a password"),
        ("[2001:db8::7]:80", "without a password"),
        ("[::ffff:10.0.0.1]:80", "without a password"),
        ("monitor.example.com:80", "is no address"),
        ("8741", "is no address"),
        (":8741", "is no address"),
        ("127.0.0.1", "is no address"),
        ("127.0.0.1:", "is no address"),
        ("127.0.0.1:٨", "is no address"),
        ("127.0.0.1:65536", "beyond 65535"),
        ("127.0.0.1:999999999999", "is no address"),
        ("unix:page.sock", "no whole path"),
        ("unix:/run/", "no whole path"),
        ("unix:/" + "a" * 120, "too long"),
        ("http://127.0.0.1:8741", "is no address"),
    ],
)
def test_anything_else_is_refused_with_what_to_write(text: str, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        parse(text)


@given(text=st.text(max_size=40) | st.from_regex(r"[\[\]0-9a-f:.]{0,30}:[0-9]{0,6}", fullmatch=True))
def test_no_text_leads_beyond_the_loopback(text: str) -> None:
    try:
        found = parse(text)
    except ValueError:
        return
    assert found.path.startswith("/") or found.host.startswith("127.") or found.host == "::1"


def test_a_wrong_address_is_a_problem_at_its_place_and_there_is_no_page(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text("agent:\n  page: 0.0.0.0:8741\n")
    config = load(tmp_path, Catalog(), {})
    assert config.agent.page == ""
    assert str(config.problems[0]).startswith(f"{tmp_path}/a.yaml:2:9: agent.page: '0.0.0.0:8741' would show")


# --- what it answers


def test_the_page_says_which_files_the_agent_has_not_taken_over(folder: Path, tmp_path: Path) -> None:
    conf = tmp_path / "conf"
    conf.mkdir()
    (conf / "a.yaml").write_text("checks: {web: {type: load}}\n")
    config = load(conf, Catalog(), {})
    with served(folder, config) as server:
        assert "Not taken over yet" not in ask(server, "/")[1]
        for name in "bcdef":
            (conf / f"{name}.yaml").touch()
        assert f"Not taken over yet: {conf}/b.yaml, {conf}/c.yaml, {conf}/d.yaml and 2 more." in ask(server, "/")[1]


def test_every_answer_says_what_a_browser_may_do_with_it(folder: Path) -> None:
    with served(folder) as server:
        for path in (*PATHS, "/nothing", "/check/nothing"):
            answer, _ = ask(server, path)
            assert {name: answer.getheader(name) for name in HEADERS} == HEADERS, path
            assert answer.getheader("Server") is None


def test_only_who_asks_for_this_host_by_an_own_name_gets_anything(folder: Path) -> None:
    with served(folder) as server:
        for path in PATHS:
            answer, said = ask(server, path, Host=f"evil.example:{server.port}")
            assert answer.status == 421, path
            assert "web" not in said
            for own in ("localhost", "LOCALHOST:99", "127.0.0.1:1", "[::1]:8741"):
                assert ask(server, path, Host=own)[0].status in (200, 503), own


@given(name=st.text(max_size=20))
def test_no_name_but_the_own_ones_is_own(name: str) -> None:
    own = {"localhost", "127.0.0.1", "[::1]"}
    bare = name.lower().rpartition(":")[0] if ":" in name and name.rpartition(":")[2].isdigit() else name.lower()
    assert is_own_host(name, PageAddress("127.0.0.1", 1)) == (bare in own)


def test_nothing_can_be_changed_over_it(folder: Path) -> None:
    with served(folder) as server:
        for method in ("POST", "PUT", "DELETE", "PATCH", "OPTIONS"):
            for path in PATHS:
                assert ask(server, path, method)[0].status == 405, (method, path)


def test_status_is_the_form_of_the_command(folder: Path) -> None:
    with served(folder) as server:
        answer, said = ask(server, "/api/v1/status")
    assert answer.getheader("Content-Type") == "application/json"
    found = json.loads(said)
    jsonschema.validate(found, json.loads((JSON / "status.schema.json").read_text()))
    assert [one["check"] for one in found["checks"]] == ["web", "disk"]


def test_metrics_are_read_by_the_reference_parser(folder: Path) -> None:
    with served(folder) as server:
        _, said = ask(server, "/metrics")
    found = {family.name: family for family in text_string_to_metric_families(said)}
    assert {sample.labels["check"] for sample in found["hostvigil_check_status"].samples} == {"web", "disk"}


def test_a_check_is_shown_with_all_that_is_known_of_it(tmp_path: Path, folder: Path) -> None:
    (tmp_path / "a.yaml").write_text("checks:\n  web: {type: script, command: [x], runbook: Call Ann, interval: 5m}\n")
    with served(folder, load(tmp_path, Catalog(), {})) as server:
        answer, said = ask(server, "/check/web")
        assert ask(server, "/check/nothing")[0].status == 404
    assert answer.status == 200
    for text in (
        "HTTP 503",
        "from 192.0.2.7",
        "time: 250ms (critical from 2s)",
        "What to do: Call Ann",
        "is what was told last, so there is nothing to tell",
        "CRITICAL web on shop-1: HTTP 503",
        f"{tmp_path}/a.yaml:2:15",
    ):
        assert text in said, text


def test_ready_is_who_has_read_all_and_writes_and_is_heard(folder: Path, tmp_path: Path) -> None:
    with served(folder) as server:
        answer, said = ask(server, "/readyz")
        assert answer.status == 200
        assert json.loads(said) == {
            "ready": True,
            "configuration": "ok",
            "store": "ok",
            "destinations": {"events": "ok"},
        }
        assert ask(server, "/healthz")[1] == "ok\n"
    (tmp_path / "a.yaml").write_text("agent: {hostnme: x}\nchecks: {}\n")
    with served(folder, load(tmp_path, Catalog(), {})) as server:
        answer, said = ask(server, "/readyz")
        assert (answer.status, json.loads(said)["configuration"][:6]) == (503, "not al")


def test_a_store_that_takes_no_write_is_not_ready_and_is_tried_every_few_seconds(folder: Path) -> None:
    store, now = Store.beside(folder), [0.0]
    ready = Readiness(store, Config, lambda: now[0])
    assert ready().ready
    broken = Store.read(folder)
    ready = Readiness(broken, Config, lambda: now[0])
    assert not ready().ready
    assert "readonly" in ready().store
    store.close()
    broken.close()


def test_where_there_is_no_store_the_page_says_so_and_the_server_lives_on(tmp_path: Path, folder: Path) -> None:
    with page_of(Store.beside(folder), tmp_path / "gone", Config(), "web-1", NOW) as server:
        for path in ("/", "/check/web", "/api/v1/status", "/metrics"):
            answer, said = ask(server, path)
            assert (answer.status, said[:36]) == (503, "The agent's store cannot be read: " + said[34:36]), path
        assert ask(server, "/healthz")[0].status == 200


def test_a_thousand_checks_are_less_than_a_megabyte(tmp_path: Path) -> None:
    store = opened(tmp_path / "state")
    many = [Told(f"web-{n}", f"/srv/{n}", [*Status][n % 4], f"GET /{n} took longer than allowed") for n in range(1000)]
    put(store, *many)
    store.close()
    with served(tmp_path / "state") as server:
        answer, said = ask(server, "/")
    assert answer.status == 200
    assert said.count("<tr>") > 1000
    assert len(said.encode()) < 1_000_000


# --- what no text can do

PAYLOADS = (
    "<script>x()</script>",
    '"><img src=x onerror=x()>',
    "'onmouseover='x()",
    "{{x}}",
    "{{!x}}",
    "</pre><b>",
    "&lt;",
)
OWN_WORDS = """
html head meta title link noscript script body a header nav p main h1 h2 h3 section table caption thead tr th tbody td
span details summary ul li time pre code footer div form h4 label input select option datalist button
"""
OWN_TAGS = frozenset(OWN_WORDS.split())


class Reader(html.parser.HTMLParser):
    """Collects what a browser would make of a page."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[tuple[str, tuple[tuple[str, str | None], ...]]] = []
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, tuple(attrs)))

    def handle_data(self, data: str) -> None:
        self.text += data


def read(text: str) -> Reader:
    reader = Reader()
    reader.feed(text)
    return reader


TEXTS = st.lists(st.sampled_from(PAYLOADS) | st.text(max_size=8), max_size=4).map("".join)


@given(texts=st.lists(TEXTS, min_size=6, max_size=6))
def test_whatever_a_text_says_the_page_has_only_its_own_tags(texts: list[str]) -> None:
    check, subject, summary, details, unit, host = texts
    told = Told(check, subject, Status.CRITICAL, summary, details, (Metric(summary, 1.0, unit),))
    seen = snapshot(told)
    found = CheckPage(NOW, True, seen.checks[check])
    for part in (pages.overview(Overview(seen), host), pages.check(found, host)):
        reader = read(pages.whole(part, host, ""))
        for tag, attributes in reader.tags:
            assert tag in OWN_TAGS, tag
            assert not [name for name, _ in attributes if name.startswith("on")], attributes
        assert sum(tag == "script" for tag, _ in reader.tags) == 1


def snapshot(told: Told) -> Snapshot:
    from agent.model import Result, State
    from agent.store import LastRun
    from agent.view.compose import StoreContents, compose

    state = State(told.check, told.subject, decided=told.status, decided_since=NOW)
    result = Result(told.status, told.summary, told.subject, told.details, told.metrics)
    known = StoreContents((state,), (LastRun(told.check, told.subject, result, NOW, 0.1, 0),))
    return compose(known, Config(), NOW)


def test_what_a_text_says_is_there_to_read() -> None:
    told = Told("web", "", Status.WARNING, 'a <b> & "c"', "<i>\n</pre>")
    found = CheckPage(NOW, True, snapshot(told).checks["web"])
    text = read(pages.check(found, "h")).text
    assert 'a <b> & "c"' in text
    assert "<i>\n</pre>" in text


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
        self.switch = PageSwitch(folder, self.store, lambda: {"host": "web-1"}, lambda text: text, Steered())

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
