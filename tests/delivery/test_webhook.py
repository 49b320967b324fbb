"""Webhooks: the template, what answers mean, and each recipe of docs/destinations.md against the service's own form."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.api import Duration
from agent.config.destinations import WebhookSettings
from agent.config.drop_ins import load
from agent.config.template import NAMES, fill, is_json, problem
from agent.delivery.answer import Verdict
from agent.delivery.digest import digest
from agent.delivery.sinks.webhook.answers import classify
from agent.delivery.sinks.webhook.values import values
from agent.delivery.sinks.webhook.webhook import Webhook
from agent.model import EventStatus, Notification
from tests.deliveries import HOST, NOW, critical, no_news
from tests.http_servers import Visit, serving
from tests.sample_types import sample_catalog
from tests.web_service import Post, WebService

DOCUMENT = Path(__file__).parents[2] / "docs/destinations.md"
RECIPES = dict(re.findall(r"<!-- recipe: (\w+) -->\n```yaml\n(.*?)```", DOCUMENT.read_text(), re.DOTALL))

PROBLEM = Notification(
    id="e1",
    check="root-disk",
    subject="/",
    status=EventStatus.CRITICAL,
    at=NOW,
    type="disk",
    previous=EventStatus.OK,
    incident="i1",
    incident_since=NOW - 60_000,
    summary='it says "full"\\',
    host=HOST,
    tags={"env": "prod"},
)
RECOVERY = msgspec.structs.replace(PROBLEM, id="e2", status=EventStatus.OK, previous=EventStatus.CRITICAL, at=NOW + 9)


def settings(text: str, folder: Path, url: str) -> WebhookSettings:
    """Load a recipe as a drop-in, its address replaced by the stand-in's; what it reads from files is made up."""
    text = re.sub(r"url: \$\{file:\S+\}", f"url: {url}/hook", text)
    text = re.sub(r"\$\{file:\S+?\}", "made-up-key", text)
    text = re.sub(r"url: https?://[^/\s]+", f"url: {url}", text)
    folder.mkdir()
    (folder / "0.yaml").write_text(text + "checks: {a: {type: volume, path: /}}\n")
    config = load(folder, sample_catalog(), {})
    assert [problem for problem in config.problems if not problem.check] == []
    return next(iter(config.agent.destinations.values()))


# --- the forms that the services document -----------------------------------------------------------------------------


def is_ntfy(post: Post) -> None:
    assert post.path == "/"
    assert isinstance(post.json["topic"], str)
    assert isinstance(post.json["title"], str)
    assert all(isinstance(tag, str) for tag in post.json["tags"])


def is_slack(post: Post) -> None:
    assert post.json.keys() <= {"text", "blocks", "attachments"}
    assert post.json["text"].startswith("*")


def is_teams(post: Post) -> None:
    assert post.json["type"] == "message"
    (card,) = post.json["attachments"]
    assert card["contentType"] == "application/vnd.microsoft.card.adaptive"
    assert card["content"]["type"] == "AdaptiveCard"
    assert all(block["type"] == "TextBlock" and block["text"] for block in card["content"]["body"])


def is_dingtalk(post: Post) -> None:
    assert post.json["msgtype"] == "text"
    assert post.json["text"]["content"].startswith("hostvigil: ")
    assert len(post.body) <= 20_000


def is_wecom(post: Post) -> None:
    assert post.json["msgtype"] == "text"
    assert 0 < len(post.json["text"]["content"].encode()) <= 2048


def is_feishu(post: Post) -> None:
    assert post.json["msg_type"] == "text"
    assert post.json["content"]["text"].startswith("hostvigil: ")
    assert len(post.body) <= 20_000


def is_pagerduty(post: Post) -> None:
    assert post.path == "/v2/enqueue"
    assert post.json["routing_key"] == "made-up-key"
    assert post.json["event_action"] in ("trigger", "resolve")
    assert 0 < len(post.json["dedup_key"]) <= 255
    payload = post.json["payload"]
    assert payload["severity"] in ("critical", "error", "warning", "info")
    assert 0 < len(payload["summary"]) <= 1024
    assert payload["source"]


def is_alertmanager(post: Post) -> None:
    assert post.path == "/api/v2/alerts"
    (alert,) = post.json
    assert all(re.fullmatch(r"[a-zA-Z_][a-zA-Z0-9_]*", name) for name in alert["labels"])
    for name in ("startsAt", "endsAt"):
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", alert[name])
    assert alert["startsAt"] <= alert["endsAt"]


def is_healthchecks(post: Post) -> None:
    assert re.fullmatch(r"/[0-9a-f-]{36}/(fail|0)", post.path)


FORMS: dict[str, Callable[[Post], None]] = {
    "ntfy": is_ntfy,
    "slack": is_slack,
    "teams": is_teams,
    "dingtalk": is_dingtalk,
    "wecom": is_wecom,
    "feishu": is_feishu,
    "pagerduty": is_pagerduty,
    "alertmanager": is_alertmanager,
    "healthchecks": is_healthchecks,
}


TAKEN = {
    "dingtalk": b'{"errcode":0,"errmsg":"ok"}',
    "wecom": b'{"errcode":0,"errmsg":"ok"}',
    "feishu": b'{"StatusCode":0,"StatusMessage":"success","code":0,"data":{},"msg":"success"}',
}
"""What a service says that is not content with a status."""


def test_each_recipe_has_its_form() -> None:
    assert RECIPES.keys() == FORMS.keys()


@pytest.mark.parametrize("recipe", FORMS)
@pytest.mark.parametrize("status", EventStatus)
def test_a_recipe_makes_what_the_service_documents(recipe: str, status: EventStatus, tmp_path: Path) -> None:
    with WebService(lambda post: (200, TAKEN.get(recipe, b"ok"))) as service:
        sink = Webhook(settings(RECIPES[recipe], tmp_path / "conf.d", service.url))
        for told in (PROBLEM, RECOVERY, msgspec.structs.replace(PROBLEM, status=status)):
            assert sink.post(sink.render(told)).verdict is Verdict.DELIVERED
        assert sink.post(sink.bundle(digest([[PROBLEM, RECOVERY], [critical("web-1")]]))).verdict is Verdict.DELIVERED
        for post in service.posts[:3]:
            FORMS[recipe](post)


@pytest.mark.parametrize("recipe", FORMS)
def test_news_of_the_agent_have_their_form_too(recipe: str, tmp_path: Path) -> None:
    """They are of no incident, and still no service gets an empty key or moment; a digest is of many."""
    with WebService() as service:
        sink = Webhook(settings(RECIPES[recipe], tmp_path / "conf.d", service.url))
        sink.post(sink.render(no_news("outbox", "3 changes are lost", EventStatus.WARNING)))
        sink.post(sink.bundle(digest([[PROBLEM], [critical("web-1")]])))
    for post in service.posts:
        FORMS[recipe](post)


def test_a_problem_and_its_recovery_are_told_apart_in_the_words_of_the_service(tmp_path: Path) -> None:
    with WebService() as service:
        sink = Webhook(settings(RECIPES["pagerduty"], tmp_path / "p", service.url))
        pings = Webhook(settings(RECIPES["healthchecks"], tmp_path / "h", service.url))
        for told in (PROBLEM, RECOVERY):
            sink.post(sink.render(told))
            pings.post(pings.render(told))
    actions = [post.json["event_action"] for post in service.posts[::2]]
    assert actions == ["trigger", "resolve"]
    assert [post.path.rpartition("/")[2] for post in service.posts[1::2]] == ["fail", "0"]


# --- the template -----------------------------------------------------------------------------------------------------

FOUND = values(PROBLEM, {})


def test_every_name_of_the_template_has_a_value() -> None:
    assert set(NAMES) <= FOUND.keys()
    assert FOUND["tag.env"] == "prod"
    assert FOUND["tag.host"] == "web-1"


@pytest.mark.parametrize(
    ("template", "text"),
    [
        ("{title}", 'CRITICAL root-disk on web-1: / it says "full"\\'),
        ("{status} {previous} {nothing} {} { title } {{check}}", "critical ok {nothing} {} { title } {root-disk}"),
        ("{tag.env}|{tag.none}|{subject}|{incident_id}", "prod||/|i1"),
        ('{"s": "{summary}"}', '{"s": "it says \\"full\\"\\\\"}'),
        ('{"at": {date_ms}, "x": {"y": "{check}"}}', f'{{"at": {NOW}, "x": {{"y": "root-disk"}}}}'),
        ("{date} {since}", "2023-11-14T22:13:20Z 2023-11-14T22:12:20Z"),
    ],
)
def test_a_template_is_filled(template: str, text: str) -> None:
    assert problem(template) == ""
    assert fill(template, FOUND) == text


@pytest.mark.parametrize(
    ("template", "says"),
    [
        ("", "is empty"),
        ('{"a": {title}}', "must stand inside quotes"),
        ('{"a": "{title}"', "begins like JSON and is none"),
        ('{"a": "{word.action}"}', "is not among the `words`"),
    ],
)
def test_what_is_wrong_with_a_template_is_said(template: str, says: str) -> None:
    assert says in problem(template)


@given(st.text(), st.sampled_from(NAMES))
def test_whatever_the_facts_say_a_json_template_stays_json_and_holds_them(text: str, name: str) -> None:
    template = '{"a": ["{NAME}"], "b": {"c": "x {NAME} y"}}'.replace("NAME", name)
    assert is_json(template)
    filled_in = json.loads(fill(template, {name: text}))
    assert filled_in == {"a": [text], "b": {"c": f"x {text} y"}}


NESTED = (
    r"""{"a": "{\"b\": [\"{NAME}\", \"{\\\"c\\\": \\\"{NAME}\\\"}\"], \"n\": {date_ms}}", "{check}": "\"{NAME}\""}"""
)


@given(st.text(), st.sampled_from(["title", "summary", "tag.env"]))
def test_json_within_a_text_of_json_stays_json_too(text: str, name: str) -> None:
    """As Feishu's cards, SNS and Kafka want it. Quotes alone are for people."""
    outer = json.loads(fill(NESTED.replace("NAME", name), {name: text, "check": "k", "date_ms": "7"}))
    inner = json.loads(outer["a"])
    assert (inner["b"][0], json.loads(inner["b"][1]), inner["n"]) == (text, {"c": text}, 7)
    assert outer["k"] == f'"{text}"'


@given(st.text(st.characters(exclude_categories=["Cs"])), st.sampled_from(["title", "summary"]))
def test_a_form_and_its_json_hold_whatever_the_facts_say(text: str, name: str) -> None:
    template = 'payload={"text": "{NAME}"}&to=a&message={NAME}!'.replace("NAME", name)
    fields = parse_qs(fill(template, {name: text}, "application/x-www-form-urlencoded; charset=utf-8"))
    assert json.loads(fields["payload"][0]) == {"text": text}
    assert (fields["to"], fields["message"]) == (["a"], [f"{text}!"])


def test_in_xml_values_are_escaped_and_in_plain_text_they_are_not() -> None:
    found = {"title": """a <b> & "c" 'd'"""}
    escaped = "a &lt;b&gt; &amp; &quot;c&quot; &#x27;d&#x27;"
    assert fill('<m t="{title}">{title}</m>', found, "text/xml") == f'<m t="{escaped}">{escaped}</m>'
    assert fill("{title} & more", found, "text/plain") == f"{found['title']} & more"


def test_the_content_type_of_the_headers_says_what_the_template_is() -> None:
    with WebService() as service:
        form = {"content-Type": "application/x-www-form-urlencoded"}
        hook = WebhookSettings(type="webhook", url=f"{service.url}/", body="m={summary}&s={status}", headers=form)
        sink = Webhook(hook)
        assert sink.post(sink.render(PROBLEM)).verdict is Verdict.DELIVERED
    assert parse_qs(service.posts[0].body.decode()) == {"m": [PROBLEM.summary], "s": ["critical"]}


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
