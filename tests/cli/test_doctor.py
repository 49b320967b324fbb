"""hostvigil doctor: each thing that keeps an agent from its work is named, with what to do."""

from __future__ import annotations

import argparse
import signal
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
import trustme

from agent.cli.answers.finding import Finding
from agent.cli.doctor import findings
from agent.config.drop_ins import load
from agent.config.types.catalog import Catalog
from agent.model import Status
from agent.store import Store
from tests.page.pages import Told, opened, put
from tests.processes.agent_process import agent_process


@contextmanager
def server(date: str = "", context: ssl.SSLContext | None = None) -> Iterator[int]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            assert "key" not in str(self.headers).lower()
            self.send_response(404)
            self.end_headers()

        def date_time_string(self, timestamp: float | None = None) -> str:
            return date or super().date_time_string(timestamp)

        def log_message(self, format: str, *args: object) -> None:
            pass

    made = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    made.handle_error = lambda request, client_address: None  # type: ignore[method-assign]  # who does not trust us hangs up
    if context:
        made.socket = context.wrap_socket(made.socket, server_side=True)
    thread = threading.Thread(target=made.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield made.server_port
    finally:
        made.shutdown()
        thread.join()
        made.server_close()


def found(folder: Path, text: str = "checks: {web: {type: load}}\n") -> dict[str, list[Finding]]:
    """Return what is found of a configuration and a state directory, by what it is about."""
    conf = folder / "conf.d"
    conf.mkdir(exist_ok=True)
    (conf / "a.yaml").write_text(text)
    options = argparse.Namespace(config=conf, state=folder / "state")
    by_name: dict[str, list[Finding]] = {}
    for one in findings(load(conf, Catalog(), {}), options):
        by_name.setdefault(one.what, []).append(one)
    return by_name


def at_endpoint(folder: Path, url: str, more: str = "") -> dict[str, list[Finding]]:
    text = f"agent: {{events: {{endpoint: '{url}', api_key: made-up{more}}}}}\nchecks: {{web: {{type: load}}}}\n"
    return found(folder, text)


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    """A folder with a store that we hold, as an agent does."""
    store = opened(tmp_path / "state")
    yield tmp_path
    store.close()


def test_of_a_healthy_agent_nothing_is_wrong(folder: Path) -> None:
    with server() as port:
        seen = at_endpoint(folder, f"http://127.0.0.1:{port}")
    # Whether this machine's clock is kept right is not the test's business.
    assert [one for name, many in seen.items() for one in many if one.wrong and name != "clock"] == []
    assert {"configuration", "store", "agent", "delivery", "checks", "events", "key"} <= seen.keys()


def test_problems_of_the_configuration_and_blind_checks_are_named(folder: Path) -> None:
    store = Store.beside(folder / "state")
    put(store, Told("web", "", Status.NODATA, "ping may not open a socket"))
    store.close()
    seen = found(folder, "checks: {web: {type: load}, bad: {type: lod}}\n")
    assert "1 problem" in seen["configuration"][0].text
    assert "hostvigil validate" in seen["configuration"][0].mend
    (blind,) = seen["check"]
    assert (blind.text, blind.mend) == ("web cannot look: ping may not open a socket", "hostvigil explain web")


def test_an_agent_that_does_not_run_and_a_store_that_is_not_there_are_wrong(tmp_path: Path) -> None:
    assert found(tmp_path)["store"][0].wrong
    opened(tmp_path / "state").close()
    seen = found(tmp_path)
    assert (seen["store"][0].wrong, seen["agent"][0].mend) == (False, "systemctl start hostvigil")


def test_what_refuses_or_is_not_trusted_is_said_with_what_to_do(folder: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    findings = at_endpoint(folder, f"http://127.0.0.1:{port}")
    assert "refused" in findings["events"][0].text.lower()
    assert f"is port {port} right?" in findings["events"][0].mend
    assert "key" not in findings
    authority = trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    authority.cert_pem.write_to_path(str(folder / "ca.pem"))
    with server(context=context) as port:
        findings = at_endpoint(folder, f"https://127.0.0.1:{port}")
        assert "not trusted" in findings["events"][0].text
        assert "ca_file" in findings["events"][0].mend
        findings = at_endpoint(folder, f"https://127.0.0.1:{port}", f", ca_file: {folder}/ca.pem")
        assert findings["events"][0].text == f"127.0.0.1:{port} answers, its certificate is trusted"
        findings = at_endpoint(folder, f"https://127.0.0.1:{port}", f", ca_file: {folder}/none.pem")
        assert findings["events"][0].text.startswith(f"127.0.0.1:{port}: ca_file {folder}/none.pem cannot be read")
        assert "PEM" in findings["events"][0].mend


def test_a_proxy_may_be_written_without_a_scheme(folder: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        place = f"127.0.0.1:{listening.getsockname()[1]}"
        hook = f"{{type: webhook, url: 'https://x.invalid/', proxy: '{place}'}}"
        seen = found(folder, f"agent: {{destinations: {{ops: {hook}}}}}\nchecks: {{web: {{type: load}}}}\n")
    assert seen["ops"][0].text == f"the proxy {place} answers"


def test_an_international_name_is_the_one_that_events_go_to(folder: Path) -> None:
    assert at_endpoint(folder, "https://faß.invalid")["events"][0].text.startswith("xn--fa-hia.invalid:443: ")


def test_a_clock_that_is_not_the_servers_is_said(folder: Path) -> None:
    with server("Tue, 15 Nov 1994 12:45:26 GMT") as port:
        seen = at_endpoint(folder, f"http://127.0.0.1:{port}")
    assert any("ahead of events's server" in one.text and one.wrong for one in seen["clock"])


def test_a_webhook_is_connected_to_and_asked_nothing(folder: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        url = f"http://127.0.0.1:{listening.getsockname()[1]}/secret-hook"
        text = f"agent: {{destinations: {{ops: {{type: webhook, url: '{url}'}}}}}}\nchecks: {{web: {{type: load}}}}\n"
        seen = found(folder, text)
        listening.settimeout(5)
        connection, _ = listening.accept()
        assert connection.recv(100) == b""
        connection.close()
    assert not seen["ops"][0].wrong
    assert "secret-hook" not in seen["ops"][0].text


def test_the_command_prints_each_and_exits_by_what_it_found(tmp_path: Path) -> None:
    with agent_process(tmp_path) as agent:
        agent.write("a.yaml", "checks: {web: {type: load}}\n")
        done = agent.call("doctor")
        assert done.returncode == 1
        assert "WRONG  store" in done.stdout
        assert "to mend" in done.stdout


def test_an_agent_that_stands_still_is_told_from_one_that_works(tmp_path: Path) -> None:
    with agent_process(tmp_path) as agent:
        agent.write("a.yaml", "checks: {a: {type: load}, backup: {type: pushed, ttl: 1h}}\n")
        agent.start()
        agent.wait_for_socket("agent.sock")
        agent.wait_until(lambda: "no check is late" in agent.call("doctor").stdout, "an agent at work")
        assert agent.process is not None
        agent.process.send_signal(signal.SIGSTOP)
        try:
            done = agent.call("doctor")
            assert (done.returncode, "stands still: the agent did not answer" in done.stdout) == (1, True)
            assert "the agent does not answer now" in agent.call("report", "backup", "ok").stdout
        finally:
            agent.process.send_signal(signal.SIGCONT)
        agent.wait_until(lambda: "no check is late" in agent.call("doctor").stdout, "an agent at work again")
