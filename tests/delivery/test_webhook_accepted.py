"""Services that say by a status of success that they did not take something."""

from __future__ import annotations

import pytest

from agent.config.sections.destination import WebhookSettings
from agent.delivery.answer import Verdict
from agent.delivery.sinks.webhook.answers import classify
from agent.delivery.sinks.webhook.webhook import Webhook
from agent.plugin.units import Duration, Regex
from tests.delivery.deliveries import critical
from tests.stand_ins.http_servers import Visit, serving
from tests.stand_ins.web_service import WebService

DINGTALK = b'{"errcode":310000,"errmsg":"keywords not in content"}'
FEISHU = b'{"code":19024,"data":{},"msg":"Key Words Not Found"}'


@pytest.mark.parametrize(
    "body",
    [
        DINGTALK,
        b'{"errcode": "45009", "errmsg": "api freq out of limit"}',
        b'{"ok": false, "error": "channel_not_found"}',
        b'\n{"success": false}',
        b'{"success": 0, "failure": 1}',
        b'{"Success": "False"}',
        b'{"OK": 0}',
        b"OK (not found)",
    ],
)
def test_a_200_that_says_no_is_no_delivery(body: bytes) -> None:
    answer = classify(200, {"retry-after": "7"}, body)
    assert (answer.verdict, answer.retry_after) == (Verdict.UNAVAILABLE, 7)
    assert "the service says that it did not take it" in answer.text


@pytest.mark.parametrize(
    "body",
    [
        b'<!doctype html><form><input name="p" type="password"></form>',
        b"\xef\xbb\xbf <HTML><INPUT TYPE=Password>",
        b'<html><meta http-equiv="refresh" content="0;url=http://portal.example/">',
        b'<html><meta content="0; url=http://portal.example/?to=' + b"x" * 500 + b'" http-equiv=refresh>',
        b'<html><script language="JavaScript">window.location="http://portal.example/"</script>',
        b"<html><script>\n<!--\nsetTimeout(() => top.location.href = '/login', 100)</script>",
        b"<html><script>self.location.replace(x)</script>",
        b"<html><body onload=\"document.location='/login'\">",
        b'<?xml version="1.0"?>\n<!DOCTYPE html PUBLIC "x"><html><input type="password"/>',
    ],
)
def test_a_portal_on_the_way_is_no_delivery(body: bytes) -> None:
    answer = classify(200, {}, body)
    assert answer.verdict is Verdict.UNAVAILABLE
    assert "is not the service's own answer" in answer.text


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"ok",
        b"[]",
        b'"ok"',
        b"{",
        b'{"ok": true}',
        b'{"ok": null, "success": null, "errcode": null}',
        b'{"ok": "yes", "success": 3}',
        b'{"errcode": 0, "errmsg": "ok"}',
        b'{"errcode": "0"}',
        b'{"code": 1, "data": {"ok": false}}',
        b'[{"ok": false}]',
        b"<html><body>Thank you</body></html>",
        b"<html><script>if (location.protocol == 'http:') track(location.href)</script>Thank you",
        b"<html><a onclick=\"location.href='/'\">Back</a>",
        b'<?xml version="1.0"?><taken><input type="password"/></taken>',
        b"type=password",
    ],
)
def test_any_other_200_is_a_delivery(body: bytes) -> None:
    assert classify(200, {}, body).verdict is Verdict.DELIVERED


@pytest.mark.parametrize(
    ("body", "taken"), [(b'{"code":0,"msg":"success"}', True), (FEISHU, False), (b'{"ok": false, "code":0}', True)]
)
def test_accepted_alone_says_what_a_delivery_is(body: bytes, taken: bool) -> None:
    answer = classify(200, {}, body, Regex.parse(r'"code":0\b'))
    assert (answer.verdict is Verdict.DELIVERED) == taken
    assert taken or "does not match `accepted`" in answer.text


@pytest.mark.parametrize(
    ("location", "says"),
    [
        ("https://ntfy.sh/secret", "redirects to https://ntfy.sh/...; check its url"),
        ("//ntfy.sh/secret", "redirects to http://ntfy.sh/..."),
        ("/login?key=secret", "redirects to another path"),
        ("https://me:secret@[::1", "redirects elsewhere"),
        ("", "redirects to another path"),
    ],
)
def test_a_redirect_is_told_with_where_it_leads_and_without_a_key(location: str, says: str) -> None:
    answer = classify(301, {"location": location}, b"")
    assert says in answer.text
    assert "secret" not in answer.text


def test_an_answer_that_breaks_off_before_it_could_match_is_told_as_that() -> None:
    def talk(visit: Visit) -> None:
        visit.send(b"HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\n{")
        visit.hang()

    with serving(talk) as server:
        made = WebhookSettings(type="webhook", url=server.url, accepted=Regex.parse('"code":0'), timeout=Duration(0.5))
        sink = Webhook(made)
        answer = sink.post(sink.render(critical("web-1")))
    assert (answer.verdict, answer.text) == (Verdict.UNAVAILABLE, "HTTP 200, no complete answer within 0.5s")


def test_what_a_service_did_not_take_is_told_with_its_words() -> None:
    with WebService(lambda post: (200, FEISHU)) as service:
        made = WebhookSettings(type="webhook", url=service.url, accepted=Regex.parse('"code":0'))
        sink = Webhook(made)
        answer = sink.post(sink.render(critical("web-1")))
    assert answer.verdict is Verdict.UNAVAILABLE
    assert "Key Words Not Found" in answer.text
