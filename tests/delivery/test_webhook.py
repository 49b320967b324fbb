"""What a webhook sends in its headers, and what each answer of a service means."""

from __future__ import annotations

import base64
import re
from pathlib import Path
from typing import Any

import pytest

from agent.api import Duration
from agent.config.drop_ins import load
from agent.config.sections.destination import WebhookSettings
from agent.delivery.answer import Verdict
from agent.delivery.sinks.webhook.answers import classify
from agent.delivery.sinks.webhook.webhook import Webhook
from tests.config.sample_types import sample_catalog
from tests.delivery.deliveries import critical
from tests.delivery.webhooks import PROBLEM
from tests.stand_ins.http_servers import Visit, serving
from tests.stand_ins.web_service import Post, WebService

# --- headers ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("headers", "says"),
    [
        ('{X-Key: "s3cret\\n"}', "X-Key must be one line, without blanks around it"),
        ('{X-Key: " s3cret"}', "X-Key must be one line, without blanks around it"),
        ('{"X-Key: s3cret": x}', "a name of a header ends at its colon, and has no blanks: 'X-Key'"),
        ('{"ü": s3cret}', "a name of a header ends at its colon, and has no blanks: ''"),
        ("{transfer-encoding: chunked}", "transfer-encoding is set by the agent, leave it out"),
        ('{Title: "now {title}"}', "Title: {title} stands for something in `body` and `url` only"),
    ],
)
def test_a_header_that_cannot_be_sent_is_refused_and_not_shown(headers: str, says: str, tmp_path: Path) -> None:
    """It would be tried again with each event, for ever."""
    text = f"agent: {{destinations: {{ops: {{type: webhook, url: 'http://x/', headers: {headers}}}}}}}\n"
    (tmp_path / "0.yaml").write_text(text)
    (found,) = [problem for problem in load(tmp_path, sample_catalog(), {}).problems if problem.agent]
    assert str(found).endswith(f"agent.destinations.ops.headers: {says}")
    assert "s3cret" not in str(found)


@pytest.mark.parametrize("host", ["[fe80::1%25eth0]", "[fe80::1%eth0]:8080"])
def test_an_address_of_one_interface_is_refused_as_it_can_never_be_reached(host: str, tmp_path: Path) -> None:
    (tmp_path / "0.yaml").write_text(f"agent: {{destinations: {{ops: {{type: webhook, url: 'http://{host}/x'}}}}}}\n")
    (found,) = [problem for problem in load(tmp_path, sample_catalog(), {}).problems if problem.agent]
    assert "agent.destinations.ops.url: has the interface of an address" in str(found)


def test_headers_beyond_ascii_are_utf_8() -> None:
    with WebService() as service:
        sink = Webhook(WebhookSettings(type="webhook", url=f"{service.url}/", headers={"Title": "Wärme 5 €"}))
        assert sink.post(sink.render(PROBLEM)).verdict is Verdict.DELIVERED
    assert service.posts[0].headers["title"].encode("latin-1").decode() == "Wärme 5 €"


# --- answers ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("status", "verdict"),
    [
        (200, Verdict.DELIVERED),
        (202, Verdict.DELIVERED),
        (204, Verdict.DELIVERED),
        (301, Verdict.UNAVAILABLE),
        (400, Verdict.REFUSED),
        (401, Verdict.BAD_KEY),
        (403, Verdict.BAD_KEY),
        (404, Verdict.UNAVAILABLE),
        (408, Verdict.UNAVAILABLE),
        (410, Verdict.UNAVAILABLE),
        (413, Verdict.REFUSED),
        (422, Verdict.REFUSED),
        (429, Verdict.THROTTLED),
        (500, Verdict.UNAVAILABLE),
        (503, Verdict.UNAVAILABLE),
    ],
)
def test_an_answer_means_what_its_status_says(status: int, verdict: Verdict) -> None:
    assert classify(status, {}, b"").verdict is verdict


@pytest.mark.parametrize("status", [400, 401, 403, 406, 418, 451])
@pytest.mark.parametrize("page", [b"\n<!doctype html>Attention required", b"\xef\xbb\xbf<html>403"])
def test_a_page_that_refuses_is_not_the_services_word(status: int, page: bytes) -> None:
    answer = classify(status, {}, page)
    assert answer.verdict is Verdict.UNAVAILABLE
    assert "something on the way" in answer.text


@pytest.mark.parametrize(
    ("status", "body", "verdict"),
    [
        (413, b"<html>too large", Verdict.REFUSED),
        (415, b"<html>not this type", Verdict.REFUSED),
        (422, b"<html>no", Verdict.REFUSED),
        (403, b"<?xml version='1.0'?><Error><Code>InvalidToken</Code></Error>", Verdict.BAD_KEY),
        (400, b"no such room", Verdict.REFUSED),
    ],
)
def test_what_is_about_the_post_or_no_page_is_the_services_word(status: int, body: bytes, verdict: Verdict) -> None:
    assert classify(status, {}, body).verdict is verdict


@pytest.mark.parametrize("body", [b"", b"o"])
def test_a_service_that_took_it_and_does_not_end_its_answer_is_not_told_twice(body: bytes) -> None:
    def talk(visit: Visit) -> None:
        visit.send(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n" + body)
        visit.hang()

    with serving(talk) as server:
        sink = Webhook(WebhookSettings(type="webhook", url=server.url, body="{title}", timeout=Duration(0.5)))
        assert sink.post(sink.render(critical("web-1"))).verdict is Verdict.DELIVERED


def test_a_service_says_how_long_to_wait() -> None:
    assert classify(429, {"retry-after": "7"}, b"").retry_after == 7
    assert classify(429, {}, b'{"retry_after": 1.5}').retry_after == 1.5


def test_users_and_passwords_of_address_and_proxy_show_in_no_answer() -> None:
    def said(post: Post) -> tuple[int, bytes]:
        words = [post.headers.get(name, "") for name in ("authorization", "proxy-authorization")]
        plain = [base64.b64decode(word.split()[1]).decode() for word in words if word]
        return 500, " ".join([*words, *plain]).encode()

    with WebService(said) as service:
        url, proxy = (service.url.replace("//", f"//{user}@") for user in ("anna:h%40nter22", "bert:hunter33"))
        for made in (
            WebhookSettings(type="webhook", url=url),
            WebhookSettings(type="webhook", url="http://x/", proxy=proxy),
        ):
            sink = Webhook(made)
            answer = sink.post(sink.render(PROBLEM))
            assert "Basic ***" in answer.text
            assert not re.search("nter|anna|bert|YW5u|YmVy", answer.text), answer.text


def test_neither_address_nor_headers_show_in_an_answer_or_in_what_is_kept() -> None:
    echo: list[str] = []

    def said(post: Post) -> tuple[int, bytes]:
        echo.append(post.path)
        return 500, f"{post.path} {post.headers['authorization']}".encode()

    with WebService(said) as service:
        made: dict[str, Any] = {"type": "webhook", "url": f"{service.url}/T0K/secret-path"}
        sink = Webhook(WebhookSettings(**made, headers={"Authorization": "Bearer abcdef123"}, body="{title} key-4711"))
        body = sink.render(PROBLEM)
        answer = sink.post(body)
    assert echo == ["/T0K/secret-path"]
    assert "secret" not in answer.text
    assert "abcdef123" not in answer.text
    assert b"secret-path" not in body
    assert b"key-4711" not in body
