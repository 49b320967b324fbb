from __future__ import annotations

import io
import json
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from agent.api import Duration
from agent.config.settings import EventsSettings
from agent.delivery.answer import Answer, Verdict
from agent.delivery.sinks.terminal import Terminal
from agent.delivery.sinks.truewatch.answers import classify, seconds_to_wait
from agent.delivery.sinks.truewatch.api import Api
from agent.delivery.sinks.wire import MOST_HANGING
from tests import needs
from tests.api_stand_in import ANSWERS, ApiStandIn, answer, problems
from tests.deliveries import critical
from tests.http_servers import Visit, serving

BODY = {
    "date": 1_700_000_000_000,
    "status": "critical",
    "title": "CRITICAL root-disk on web-1: full",
    "message": "- status: critical",
    "origin": "hostvigil",
    "customTags": {"host": "web-1", "event_id": "e1"},
}
RAW = json.dumps(BODY).encode()


@pytest.fixture
def api() -> Iterator[ApiStandIn]:
    with ApiStandIn() as stand_in:
        yield stand_in


def client(api: ApiStandIn, **settings: Any) -> Api:
    plain = EventsSettings(endpoint=api.url, api_key=api.key, timeout=Duration(2.0))
    return Api(msgspec.structs.replace(plain, **settings))


# --- what the API answers -------------------------------------------------------------------------------------------


def test_an_event_is_delivered_and_its_trace_known(api: ApiStandIn) -> None:
    found = client(api).post(RAW)
    assert (found.verdict, found.trace_id) == (Verdict.DELIVERED, "TRACE-5EB2700B-52BF-40D7-A547-90FB7EC855DD")
    assert api.accepted == [BODY]
    assert api.requests == [RAW]


@pytest.mark.parametrize(
    ("fault", "kind", "text"),
    [
        ("throttle", Verdict.THROTTLED, "HTTP 401: ft.TriggerApiAkCurrentLimiting limited"),
        ("throttle_workspace", Verdict.THROTTLED, "HTTP 401: ft.TriggerApiWorkspaceCurrentLimiting limited"),
        ("throttle_429", Verdict.THROTTLED, "HTTP 429: slow down"),
        ("bad_key", Verdict.BAD_KEY, "it is the key's id, not its secret"),
        ("refuse", Verdict.REFUSED, "HTTP 400: ft.InvalidParam bad parameter"),
        ("refuse_413", Verdict.REFUSED, "HTTP 413"),
        ("404", Verdict.UNAVAILABLE, "no create-event API at this endpoint"),
        ("500", Verdict.UNAVAILABLE, "HTTP 500: ft.Internal oops"),
        ("502", Verdict.UNAVAILABLE, "HTTP 502: <html><h1>Bad Gateway"),
        ("503", Verdict.UNAVAILABLE, "HTTP 503: empty body"),
        ("not_success", Verdict.UNAVAILABLE, "not the API's answer to a delivery: HTTP 200: not today"),
        ("not_success_400", Verdict.REFUSED, "HTTP 200: ft.InvalidParam bad parameter"),
        ("garbage", Verdict.UNAVAILABLE, "HTTP 200"),
        ("html_200", Verdict.UNAVAILABLE, "hotel's network</html>; check agent.events.endpoint"),
        ("array", Verdict.UNAVAILABLE, "HTTP 200: [1]"),
        ("empty", Verdict.UNAVAILABLE, "HTTP 200: empty body"),
        ("redirect", Verdict.UNAVAILABLE, r"HTTP 302, redirects to https://login.example.com/; there is no"),
        ("reset", Verdict.UNAVAILABLE, "Connection reset by peer"),
        ("endless", Verdict.UNAVAILABLE, "HTTP 200: xxx"),
        ("blocked", Verdict.UNAVAILABLE, "something on the way to it (a proxy, a firewall) refuses this"),
        ("packed", Verdict.DELIVERED, "HTTP 200"),
        ("packed_too_large", Verdict.UNAVAILABLE, "not the API's answer to a delivery"),
    ],
)
def test_each_answer_means_what_the_vendor_says(api: ApiStandIn, fault: str, kind: Verdict, text: str) -> None:
    api.fail_next(fault)
    found = client(api).post(RAW)
    assert found.verdict is kind
    assert text in found.text
    assert len(found.text) < 1000
    assert api.accepted == []


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        (200, answer(403, "ft.InvalidAPIKey", success=False), Verdict.BAD_KEY),
        (200, answer(401, "ft.TriggerApiAkCurrentLimiting", success=False), Verdict.THROTTLED),
        (403, answer(403, "ft.TriggerApiAkCurrentLimiting"), Verdict.THROTTLED),
        (401, b'{"code": 401}', Verdict.BAD_KEY),
        (403, answer(403), Verdict.BAD_KEY),
        (400, answer(400), Verdict.REFUSED),
        (200, answer(500, success=True), Verdict.UNAVAILABLE),
        (200, b'{"success": true}', Verdict.UNAVAILABLE),
        (200, b'{"success": "true", "code": 200}', Verdict.UNAVAILABLE),
        (200, b'{"success": false, "code": true}', Verdict.UNAVAILABLE),
        (201, answer(200), Verdict.UNAVAILABLE),
        (422, b"", Verdict.REFUSED),
        (405, b"", Verdict.UNAVAILABLE),
        (407, b"", Verdict.UNAVAILABLE),
        (408, b"", Verdict.UNAVAILABLE),
        (500, b"[" * 100_000, Verdict.UNAVAILABLE),
        (500, b'{"errorCode": {"a": 1}, "message": null, "traceId": 5}', Verdict.UNAVAILABLE),
    ],
)
def test_the_error_code_speaks_before_the_status(status: int, body: bytes, kind: Verdict) -> None:
    assert classify(status, {}, body).verdict is kind


@pytest.mark.parametrize(
    ("written", "seconds"),
    [
        ("7", 7),
        ("0", 0),
        ("-5", 0),
        ("nan", 0),
        ("inf", 3600),
        ("999999999", 3600),
        ("soon", 0),
        ("", 0),
        ("Wed, 21 Oct 2015 07:28:00 GMT", 0),
        ("Wed, 21 Oct 2199 07:28:00 GMT", 3600),
    ],
)
def test_retry_after_is_read_and_bounded(written: str, seconds: float) -> None:
    assert classify(503, {"retry-after": written}, b"").retry_after == seconds


@pytest.mark.parametrize("body", [b"", b"<html>blocked</html>", b'{"message": "no route"}', b"\xff"])
def test_what_something_on_the_way_refuses_is_kept_unless_it_is_too_large(body: bytes) -> None:
    kinds = {413: Verdict.REFUSED, 422: Verdict.REFUSED, 429: Verdict.THROTTLED}
    for status in range(400, 500):
        assert classify(status, {}, body).verdict is kinds.get(status, Verdict.UNAVAILABLE), status


@pytest.mark.parametrize("form", ["%a, %d %b %Y %H:%M:%S GMT", "%A, %d-%b-%y %H:%M:%S GMT", "%a %b %d %H:%M:%S %Y"])
@pytest.mark.parametrize("zone", ["UTC", "Asia/Shanghai", "America/New_York"])
def test_a_moment_of_retry_after_is_read_by_the_servers_clock(
    form: str, zone: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TZ", zone)
    time.tzset()
    try:
        for now in (time.time(), time.time() - 90_000, time.time() + 90_000):
            date, until = (time.strftime(form, time.gmtime(int(now) + after)) for after in (0, 120))
            assert seconds_to_wait(until, date) == 120
            assert seconds_to_wait(str(int(now) + 120), date) == 120
        assert 110 <= seconds_to_wait(time.strftime(form, time.gmtime(time.time() + 120))) <= 120
    finally:
        monkeypatch.undo()
        time.tzset()


def test_an_endpoint_may_end_with_a_slash(api: ApiStandIn) -> None:
    assert client(api, endpoint=api.url + "/").post(RAW).verdict is Verdict.DELIVERED


# --- what the network does ------------------------------------------------------------------------------------------


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


def test_a_server_that_drips_headers_for_ever_takes_a_few_threads_and_no_more(api: ApiStandIn) -> None:
    api.fail_next(*["drip_headers"] * MOST_HANGING)
    one = client(api, timeout=0.4)
    found = [one.post(RAW) for _ in range(MOST_HANGING + 2)]
    assert found[-1] == Answer(Verdict.UNAVAILABLE, f"{MOST_HANGING} requests that were given up still hang")
    api.end_hanging()
    assert client(api).post(RAW).verdict is not Verdict.UNAVAILABLE, "another destination minds none of it"


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


# --- the key --------------------------------------------------------------------------------------------------------


def test_the_key_shows_in_no_answer(api: ApiStandIn) -> None:
    api.fail_next("echo_key")
    found = client(api).post(RAW)
    assert api.key not in repr(found)
    assert "key *** said no" in found.text


@pytest.mark.parametrize("key", ["", "  ", "with\nnewline", "schlüssel-1234", "tab\tkey"])
def test_a_key_that_cannot_be_one_is_not_even_sent(api: ApiStandIn, key: str) -> None:
    found = client(api, api_key=key).post(RAW)
    assert found.verdict is Verdict.BAD_KEY
    assert not key.strip() or key not in found.text
    assert api.requests == []


def test_a_password_in_a_url_shows_in_no_answer() -> None:
    settings = EventsSettings("https://u:hunter22@[broken", "key-123456", proxy="http://p:hunter33@127.0.0.1:1")
    assert "hunter" not in repr(Api(settings).post(RAW))
    settings = EventsSettings("https://127.0.0.1:2", "key-123456", proxy="http://p:hunter33@127.0.0.1:1")
    assert "hunter" not in repr(Api(settings).post(RAW))


# --- the terminal ---------------------------------------------------------------------------------------------------


def test_without_a_destination_notifications_are_printed() -> None:
    out = io.StringIO()
    terminal = Terminal(out)
    assert terminal.post(terminal.render(critical("disk-1"))).verdict is Verdict.DELIVERED
    assert out.getvalue()[8:].startswith(" CRITICAL disk on web-1: disk-1\n  - status: critical\n")


def test_only_a_terminal_gets_colours() -> None:
    class Tty(io.StringIO):
        def isatty(self) -> bool:
            return True

    assert b"\x1b[1;31mCRITICAL" in Terminal(Tty()).render(critical("disk-1"))
    assert b"\x1b" not in Terminal(io.StringIO()).render(critical("disk-1"))


def test_it_counts_as_told_when_nobody_reads_the_terminal() -> None:
    out = io.StringIO()
    out.close()
    body = "größer".encode()
    assert Terminal(out).post(body).verdict is Verdict.DELIVERED
    ascii_only = io.TextIOWrapper(io.BytesIO(), encoding="ascii")
    assert Terminal(ascii_only).post(body).verdict is Verdict.DELIVERED
    ascii_only.seek(0)
    assert "gr??er" in ascii_only.read()


# --- the stand-in itself --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "change",
    [
        {"date": 1_700_000_000},
        {"date": "1700000000000"},
        {"date": 1.7e12},
        {"date": True},
        {"status": "CRITICAL"},
        {"status": None},
        {"title": ""},
        {"title": 7},
        {"message": ""},
        {"message": None},
        {"origin": ""},
        {"customTags": {}},
        {"customTags": []},
        {"customTags": {"host": ""}},
        {"customTags": {"host": 7}},
        {"customTags": {"Host": "x"}},
        {"customTags": {"df_x": "x"}},
        {"customTags": {"a.b": "x"}},
        {"customTags": {"source": "x"}},
        {"customTags": {"host": "two\nlines"}},
        {"customTags": {"host": "é" * 513}},
        {"customTags": {f"t{number}": "x" for number in range(257)}},
        {"severity": "high"},
    ],
)
def test_the_stand_in_takes_nothing_that_the_seed_does_not_allow(change: dict[str, Any]) -> None:
    assert problems(json.dumps(BODY | change).encode())
    assert problems(json.dumps({name: BODY[name] for name in BODY if name not in change}).encode()) == [
        f"{name} is missing" for name in change if name in ("date", "status", "title")
    ]


def test_the_stand_in_has_an_answer_for_each_fault_it_names() -> None:
    assert all(100 <= status < 600 for status, _, _ in ANSWERS.values())
    assert problems(RAW) == []
