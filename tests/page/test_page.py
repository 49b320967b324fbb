"""What the page answers: to whom, with which headers, and what of each check."""

from __future__ import annotations

import json
import socket
from pathlib import Path

import jsonschema
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client.parser import text_string_to_metric_families

from agent.config.drop_ins import load
from agent.config.page_address import PageAddress
from agent.config.settings import Config
from agent.config.types.catalog import Catalog
from agent.model import Status
from agent.page.guard import HEADERS, is_own_host
from agent.page.readiness import Readiness
from agent.store import Store
from tests.documents.making import JSON
from tests.page.pages import NOW, Told, ask, opened, page_of, put, served

PATHS = ("/", "/?part=main", "/check/web", "/api/v1/status", "/metrics", "/healthz", "/readyz", "/page.css", "/page.js")


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


def test_a_probe_by_http_1_0_says_no_name(folder: Path) -> None:
    with served(folder) as server, socket.create_connection(("127.0.0.1", server.port)) as connection:
        connection.sendall(b"GET /healthz HTTP/1.0\r\n\r\n")
        assert connection.makefile("rb").read().endswith(b"\r\n\r\nok\n")


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


def test_who_looks_at_a_page_that_is_not_there_is_led_back(folder: Path) -> None:
    looks = "text/html,application/xhtml+xml"
    with served(folder) as server:
        for path in ("/check/<b>odd", "/nothing", "/check/"):
            answer, said = ask(server, path, Accept=looks)
            assert (answer.status, answer.getheader("Content-Type")) == (404, "text/html; charset=utf-8")
            assert '<a href="/">All checks of this host</a>' in said
            assert "odd" not in said
        answer, said = ask(server, "/check/gone?part=main")
        assert answer.status == 404
        assert said.startswith('<h1 data-title="There is no such page">')
        for path in ("/check/gone", "/nothing"):
            answer, _ = ask(server, path, Accept="*/*")
            assert answer.getheader("Content-Type") == "text/plain; charset=utf-8"
        assert "shop-1" not in ask(server, "/nothing", Host="evil.example", Accept=looks)[1]


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
