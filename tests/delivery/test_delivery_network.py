"""What the network does to a delivery: deadlines, servers that drip or leave, proxies, certificates."""

from __future__ import annotations

import socket
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from agent.api import Duration
from agent.config.settings import EventsSettings
from agent.delivery.answer import Answer, Verdict
from agent.delivery.sinks.truewatch.api import Api
from agent.delivery.sinks.wire import MOST_HANGING
from tests.delivery.posting import RAW, client
from tests.host import needs
from tests.stand_ins.api import ApiStandIn, answer
from tests.stand_ins.http_servers import Visit, serving


@pytest.mark.parametrize("fault", ["hang", "drip", "drip_headers"])
def test_the_deadline_holds_whatever_the_server_does(api: ApiStandIn, fault: str) -> None:
    api.fail_next(fault)
    started = time.monotonic()
    found = client(api, timeout=0.4).post(RAW)
    assert time.monotonic() - started < 10, "a busy machine is slow, but the server would go on for ever"
    assert found.verdict is Verdict.UNAVAILABLE
    # The time-out of a single read may come first by a hair.
    assert found.text in ("no complete answer within 0.4s", "no answer in time")


LONG = b"HTTP/1.1 %s\r\nContent-Length: 900\r\nRetry-After: 7\r\n\r\n"


@pytest.mark.parametrize("leaves", [True, False], ids=["closes", "hangs"])
@pytest.mark.parametrize(
    ("status", "body", "verdict"),
    [
        (b"200 OK", answer(200), Verdict.DELIVERED),
        (b"200 OK", answer(200)[:-1], Verdict.UNAVAILABLE),
        (b"200 OK", b"", Verdict.UNAVAILABLE),
        (b"403 No", answer(403, "ft.InvalidAPIKey"), Verdict.BAD_KEY),
        (b"429 Slowly", b"", Verdict.THROTTLED),
    ],
)
def test_an_answer_whose_end_does_not_come_means_what_came_of_it(
    status: bytes, body: bytes, verdict: Verdict, leaves: bool
) -> None:
    """Else what the API has taken is told again, and again."""

    def talk(visit: Visit) -> None:
        visit.send(LONG % status + body)
        if not leaves:
            visit.hang()

    with serving(talk) as server:
        found = Api(EventsSettings(server.url, "key-123456", timeout=Duration(0.5))).post(RAW)
    assert found.verdict is verdict
    assert found.retry_after == (7 if verdict is not Verdict.DELIVERED and verdict is not Verdict.BAD_KEY else 0)
    if verdict is Verdict.UNAVAILABLE:
        assert any(words in found.text for words in ("no complete answer", "in time", "read", "reset by peer"))


@pytest.mark.parametrize("fault", ["hang", "drip"])
def test_a_request_that_was_given_up_ends_its_thread_soon(api: ApiStandIn, fault: str) -> None:
    api.fail_next(fault)
    before = set(threading.enumerate())
    client(api, timeout=0.4).post(RAW)
    for call in set(threading.enumerate()) - before:
        if call.name == "call":
            call.join(10)
            assert not call.is_alive()


def test_an_answer_that_comes_late_counts_and_nothing_is_sent_again() -> None:
    """Else a service that is always slower than `timeout` is told the same every five minutes, for ever."""
    go_on = threading.Event()

    def slowly(visit: Visit) -> None:
        go_on.wait(60)
        visit.send(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(answer(200)) + answer(200))

    before = set(threading.enumerate())
    with serving(slowly) as server:
        sink = Api(EventsSettings(server.url, "key-123456", timeout=Duration(0.3)))
        assert sink.post(RAW).verdict is Verdict.UNAVAILABLE
        calls = [one for one in set(threading.enumerate()) - before if one.name == "call"]
        go_on.set()
        for call in calls:
            call.join(10)
        assert sink.post(RAW).verdict is Verdict.DELIVERED
        assert len(server.requests) == 1
        assert sink.post(RAW + b" ").verdict is Verdict.DELIVERED
        assert sink.post(RAW).verdict is Verdict.DELIVERED, "once only"
        assert len(server.requests) == 3


BEGIN = b"HTTP/1.1 200 OK\r\n"


@pytest.mark.parametrize(
    ("said", "tunnel"),
    [(BEGIN, False), (BEGIN + b"Transfer-Encoding: chunked\r\n\r\n0\r\n", False), (BEGIN, True)],
    ids=["head", "trailers", "a proxy's head"],
)
def test_who_drips_headers_for_ever_is_left_in_the_end(said: bytes, tunnel: bool) -> None:
    """Else a few of them would be all that may hang, and nothing would be sent any more."""
    left = threading.Event()

    def drip(visit: Visit) -> None:
        visit.send(said)
        try:
            while not visit.over.wait(0.02):
                visit.send(b"X: y\r\n")
        except OSError:
            left.set()

    with serving(drip) as server:
        endpoint, proxy = ("https://api.example", server.url) if tunnel else (server.url, "")
        sink = Api(EventsSettings(endpoint, "key-123456", proxy=proxy, timeout=Duration(0.1)))
        assert sink.post(RAW).verdict is Verdict.UNAVAILABLE
        assert left.wait(10)


def test_a_resolver_that_hangs_takes_a_few_threads_and_no_more(
    api: ApiStandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    over = threading.Event()
    real = socket.getaddrinfo

    def hang(*asked: Any) -> Any:
        over.wait(30)
        return real(*asked)

    monkeypatch.setattr(socket, "getaddrinfo", hang)
    one = client(api, timeout=0.1)
    found = [one.post(RAW) for _ in range(MOST_HANGING + 2)]
    over.set()
    assert found[-1] == Answer(Verdict.UNAVAILABLE, f"{MOST_HANGING} requests that were given up still hang")


def test_nobody_listening_is_said_in_words() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    found = Api(EventsSettings(f"http://127.0.0.1:{port}", "key-123456")).post(RAW)
    assert found == Answer(Verdict.UNAVAILABLE, "Connection refused")


def test_a_name_that_does_not_exist_is_said_in_words() -> None:
    found = Api(EventsSettings("https://no-such-host.invalid", "key-123456", timeout=Duration(5))).post(RAW)
    assert found.verdict is Verdict.UNAVAILABLE
    assert "resolved" in found.text or "no complete answer" in found.text


def test_plain_http_behind_https_is_said_in_words(api: ApiStandIn) -> None:
    found = client(api, endpoint=api.url.replace("http:", "https:")).post(RAW)
    assert (found.verdict, found.text) == (Verdict.UNAVAILABLE, "what answers does not speak TLS")


@pytest.mark.parametrize(
    "settings",
    [
        {"endpoint": "nonsense"},
        {"endpoint": "http://[::1"},
        {"endpoint": "ftp://host"},
        {"endpoint": ""},
        {"endpoint": "http://a..b/"},
        {"endpoint": "https://127.0.0.1:1", "ca_file": "/no/such/file"},
        {"endpoint": "https://127.0.0.1:1", "client_cert": "/no/such/file"},
        {"proxy": "socks9://x"},
    ],
)
def test_settings_that_cannot_work_are_an_answer_not_an_exception(api: ApiStandIn, settings: dict[str, str]) -> None:
    found = client(api, **settings).post(RAW)
    assert found.verdict is Verdict.UNAVAILABLE
    assert found.text


def test_the_environment_does_not_leak_in(api: ApiStandIn) -> None:
    script = (
        "import sys; from agent.delivery.sinks.truewatch.api import Api;"
        "from agent.config.settings import EventsSettings;"
        "print(Api(EventsSettings(sys.argv[1], sys.argv[2])).post(sys.argv[3].encode()).verdict)"
    )
    leaky = {"HTTP_PROXY": "http://127.0.0.1:1", "http_proxy": "http://127.0.0.1:1", "REQUESTS_CA_BUNDLE": "/none"}
    run = subprocess.run(
        [sys.executable, "-c", script, api.url, api.key, RAW], env=leaky, capture_output=True, text=True
    )
    assert run.stdout == "delivered\n", run.stderr


def test_a_configured_proxy_is_used(api: ApiStandIn) -> None:
    # The stand-in as a proxy sees the absolute URL, which is no path of the API's.
    found = client(api, endpoint="http://events.example.invalid", proxy=api.url).post(RAW)
    assert "no create-event API" in found.text
    assert len(api.requests) == 1


def test_requests_is_imported_with_the_first_event_and_not_before() -> None:
    script = (
        "import sys; from agent.delivery.sinks.truewatch.api import Api;"
        "from agent.config.settings import EventsSettings;"
        "api = Api(EventsSettings('http://127.0.0.1:1', 'key')); print('requests' in sys.modules);"
        "api.post(b'{}'); print('requests' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert done.stdout.split() == ["False", "True"], done.stderr


def test_what_requests_brings_to_guess_charsets_is_imported_when_somebody_asks_for_it(api: ApiStandIn) -> None:
    script = (
        "import sys; from agent.delivery.sinks.truewatch.api import Api;"
        "from agent.config.settings import EventsSettings;"
        "print(Api(EventsSettings(sys.argv[1], sys.argv[2])).post(sys.argv[3].encode()).verdict.value);"
        "print({'charset_normalizer', 'idna', 'zipfile'} & {*sys.modules} or 'none');"
        "import requests; print(requests.compat.chardet.detect(b'plain')['encoding'])"
    )
    done = subprocess.run(
        [sys.executable, "-W", "error::Warning:requests", "-c", script, api.url, api.key, RAW],
        capture_output=True,
        text=True,
    )
    assert done.stdout.split() == ["delivered", "none", "ascii"], done.stderr
    assert done.stderr == ""


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("tls") / "server.pem"
    openssl = [needs.command("openssl", "openssl"), "req", "-x509", "-newkey", "ec", "-pkeyopt"]
    names = ["-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1"]
    command = [*openssl, "ec_paramgen_curve:P-256", "-nodes", *names, "-keyout", str(file), "-out", f"{file}.crt"]
    subprocess.run(command, check=True, capture_output=True)
    file.write_text(file.read_text() + Path(f"{file}.crt").read_text())
    return file


def test_a_server_that_leaves_within_the_handshake_is_told_alike_by_every_python(api: ApiStandIn) -> None:
    def leave(visit: Visit) -> None:
        visit.connection.recv(10)
        visit.connection.shutdown(socket.SHUT_WR)
        visit.connection.recv(65536)

    with serving(leave, greedy=False) as server:
        found = client(api, endpoint=f"https://127.0.0.1:{server.port}").post(RAW)
    assert (found.verdict, found.text) == (Verdict.UNAVAILABLE, "the server closed the TLS connection")


def test_a_certificate_is_verified_and_a_ca_file_is_used(api: ApiStandIn, certificate: Path) -> None:
    url = api.with_tls(certificate)
    found = client(api, endpoint=url).post(RAW)
    assert found.verdict is Verdict.UNAVAILABLE
    assert found.text.startswith("the server's certificate is not trusted: self")
    assert api.requests == []
    assert client(api, endpoint=url, ca_file=str(certificate)).post(RAW).verdict is Verdict.DELIVERED


@pytest.mark.parametrize("fault", ["hang", "drip_headers"])
def test_the_deadline_holds_over_tls(api: ApiStandIn, certificate: Path, fault: str) -> None:
    url = api.with_tls(certificate)
    api.fail_next(fault)
    started = time.monotonic()
    found = client(api, endpoint=url, ca_file=str(certificate), timeout=0.5).post(RAW)
    assert time.monotonic() - started < 10
    assert found.verdict is Verdict.UNAVAILABLE
