"""A template is filled with what happened, in JSON, XML or text, whatever the facts say."""

from __future__ import annotations

import json
from urllib.parse import parse_qs

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.config.sections.destination import WebhookSettings
from agent.config.template import NAMES, fill, is_json, problem
from agent.delivery.answer import Verdict
from agent.delivery.sinks.webhook.values import values
from agent.delivery.sinks.webhook.webhook import Webhook
from tests.delivery.deliveries import NOW
from tests.delivery.webhooks import PROBLEM
from tests.stand_ins.web_service import WebService

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


@given(st.text(), st.sampled_from(sorted({*NAMES} - {"date_ms"})))  # which is a number, and no text
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
