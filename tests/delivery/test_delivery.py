"""What each answer of the API means, and that the key shows in none."""

from __future__ import annotations

import time

import pytest

from agent.config.settings import EventsSettings
from agent.delivery.answer import Verdict
from agent.delivery.sinks.truewatch.answers import classify, seconds_to_wait
from agent.delivery.sinks.truewatch.api import Api
from tests.delivery.posting import BODY, RAW, client
from tests.stand_ins.api import ApiStandIn, answer

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
