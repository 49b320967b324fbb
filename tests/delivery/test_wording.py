"""What a person reads of a notification, whole, and what leaves parts of it out."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from agent.delivery.wording import (
    METRICS_LIMIT,
    NAME_LIMIT,
    SUMMARY_LIMIT,
    TEXT_LIMIT,
    TITLE_LIMIT,
    host_name,
    is_news,
    message,
    summary,
    title,
)
from agent.model import EventStatus, Metric, Notification

NOW = 1_700_000_000_000
MINUTE = 60_000
TOLD = Notification(
    id="id",
    check="web",
    subject="/cart",
    status=EventStatus.CRITICAL,
    at=NOW,
    type="http",
    previous=EventStatus.WARNING,
    since=NOW - 5 * MINUTE,
    incident="i1",
    incident_since=NOW - 9 * MINUTE,
    summary="HTTP 500",
    details="the page\nsaid so",
    metrics=(Metric("time", 0.5, "s", "1", "2"),),
    description="the shop",
    runbook="https://run",
    host={"host": "web-1"},
    agent_version="1.2",
)
NEWS = Notification(
    "id", "hostvigil", "outbox", EventStatus.WARNING, NOW, "hostvigil", summary="full", host={"host": "web-1"}
)


def changed(told: Notification, **fields: Any) -> Notification:
    return msgspec.structs.replace(told, **fields)


def test_a_change_is_told_whole() -> None:
    assert title(TOLD) == "CRITICAL web on web-1: /cart HTTP 500"
    assert message(TOLD).split("\n") == [
        "- status: critical, was warning for 5m",
        "- problem: since 9m",
        "- summary: HTTP 500",
        "- check: web (http)",
        "- subject: /cart",
        "- host: web-1",
        "- time: 500ms (warning from 1s, critical from 2s)",
        "- description: the shop",
        "- runbook: https://run",
        "- details:",
        "  the page",
        "  said so",
    ]


def test_news_of_the_agent_are_three_lines_and_name_no_subject_in_the_title() -> None:
    assert is_news(NEWS)
    assert title(NEWS) == "WARNING hostvigil on web-1: full"
    assert message(changed(NEWS, agent_version="1.2")) == "- host: web-1\n- agent: hostvigil 1.2\n- outbox: full"
    assert not is_news(changed(NEWS, incident="i1"))
    assert not is_news(changed(NEWS, type="http"))


def test_what_is_not_known_has_no_line() -> None:
    bare = Notification("id", "web", "", EventStatus.NODATA, NOW, "http")
    assert host_name(bare) == ""
    assert title(bare) == "NODATA web on "
    assert message(bare) == "- status: nodata\n- check: web (http)"


@pytest.mark.parametrize(
    ("fields", "status"),
    [
        ({"previous": None}, "critical"),
        ({"since": 0}, "critical, was warning"),
        ({"repeat": 2}, "critical, told again (2. repetition)"),
        ({"restated": True}, "critical, told again as it stands: a problem for 9m"),
        ({"status": EventStatus.FLAPPING}, "flapping, was warning for 5m"),
    ],
)
def test_the_status_says_what_was_before(fields: dict[str, Any], status: str) -> None:
    first, second = message(changed(TOLD, **fields)).split("\n")[:2]
    assert first == f"- status: {status}"
    calm = "- flapping: it changes too often to tell each change; what is true is told when it calms down"
    assert (second == calm) == ("status" in fields)


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({}, True),
        ({"incident_since": 0}, False),
        ({"incident_since": NOW - 5 * MINUTE}, False),  # the same as the status says
        ({"incident_since": NOW}, False),
        ({"incident_since": NOW + MINUTE}, False),  # a clock set back
    ],
)
def test_since_when_the_problem_lasts_is_said_where_it_says_more(fields: dict[str, Any], said: bool) -> None:
    assert ("- problem: since" in message(changed(TOLD, **fields))) is said


@pytest.mark.parametrize(
    ("fields", "end"),
    [
        ({}, ""),
        ({"repeat": 1}, " (still, for 9m)"),
        ({"restated": True}, " (still, for 9m)"),
        ({"restated": True, "incident_since": NOW + MINUTE}, " (still, for 0ms)"),
        ({"status": EventStatus.OK}, " (was warning for 5m)"),
        ({"status": EventStatus.OK, "previous": None}, ""),
    ],
)
def test_a_title_ends_with_how_long_it_lasted(fields: dict[str, Any], end: str) -> None:
    told = changed(TOLD, **fields)
    assert title(told) == f"{told.status.name} web on web-1: /cart HTTP 500{end}"


@pytest.mark.parametrize(
    ("subject", "text", "said"),
    [
        ("b", "Xb is full", "b Xb is full"),
        ("", "HTTP 500", "HTTP 500"),
        ("/cart", "", "/cart"),
        ("a", "(a): slow", "(a): slow"),
        ("a", "back", "a back"),
        ("abc", "xabcx", "abc xabcx"),
        ("abcd", "xabcdx", "xabcdx"),
    ],
)
def test_a_subject_is_named_unless_it_is_a_word_or_long_enough_to_be_found(subject: str, text: str, said: str) -> None:
    assert summary(changed(TOLD, subject=subject, summary=text)) == said


def test_each_text_has_its_bound() -> None:
    long = "x" * 9000
    told = changed(
        TOLD,
        check=long,
        type=long,
        subject=long,
        summary=long,
        description=long,
        runbook=long,
        details=long,
        host={"host": long},
        metrics=(Metric(long, 1.0, long, "a" * 9000),) * (METRICS_LIMIT + 2),
    )
    sizes = {line.partition(":")[0].lstrip("- "): len(line.partition(": ")[2]) for line in message(told).split("\n")}
    name = {key: size for key, size in sizes.items() if key in ("host", "check")}
    assert name == {"host": NAME_LIMIT, "check": 2 * NAME_LIMIT + 3}
    texts = ("summary", "subject", "description", "runbook", "details")
    assert [sizes[key] for key in texts] == [SUMMARY_LIMIT, SUMMARY_LIMIT, TEXT_LIMIT, TEXT_LIMIT, 4000]
    assert "- and 2 more values" in message(told)
    assert message(told).count("(warning range aaa") == METRICS_LIMIT
    exactly = changed(TOLD, metrics=TOLD.metrics * METRICS_LIMIT)
    assert "more values" not in message(exactly)


def test_a_title_leaves_at_least_forty_characters_to_what_happened_and_room_for_its_end() -> None:
    long = changed(TOLD, summary="x" * 300, status=EventStatus.OK)
    assert len(title(long)) == TITLE_LIMIT
    assert title(long).endswith("x… (was warning for 5m)")
    names = changed(TOLD, check="c" * 200, host={"host": "h" * 200}, subject="", summary="x" * 300)
    start = f"CRITICAL {'c' * (NAME_LIMIT - 1)}… on {'h' * (NAME_LIMIT - 1)}…"
    assert title(names) == f"{start}: {'x' * 37}…"
    longest = title(changed(names, restated=True, incident_since=NOW - 500 * 86_400_000))
    assert (len(longest), longest[-1]) == (TITLE_LIMIT + 60, "…")
    news = changed(
        NEWS, check="c" * 200, type="c" * 200, summary="y" * 5000, subject="s" * 200, agent_version="v" * 200
    )
    host, agent, said = message(news).split("\n")
    assert host == "- host: web-1"
    assert len(agent) == len("- agent: ") + 2 * NAME_LIMIT + 1
    assert len(said) == len("- : ") + NAME_LIMIT + TEXT_LIMIT
