from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.api import Check
from agent.config.settings import CheckConfig, Place
from agent.config.tags import OURS, RESERVED, custom_tags, name_problem, tag_value
from agent.delivery.sinks.truewatch.event import event as worded
from agent.delivery.wording import format_metric
from agent.engine.notifications import Sender, of_agent, of_change
from agent.model import EventStatus, Metric, Notification, Report, Result, Status
from agent.system.redactor import redactor
from tests.stand_ins.api import RESERVED_TAGS, problems

NOW = 1_700_000_000_000
MINUTE = 60_000
HOST = {"host": "web-1", "host_ip": "192.0.2.7", "os": "linux", "os_version": "debian 12", "arch": "x86_64"}


def config(**settings: object) -> CheckConfig:
    plain = CheckConfig("root-disk", "disk", Check(), Place("disk.yaml"))
    return msgspec.structs.replace(plain, **settings)


def report(status: EventStatus, previous: EventStatus | None = None, **more: object) -> Report:
    plain = Report(status, previous, "incident-1", 1, NOW - 125 * MINUTE if previous else 0, NOW)
    return msgspec.structs.replace(plain, **more)


class Composed(msgspec.Struct, frozen=True):
    """The facts of a change, and the event that the API gets of them."""

    facts: Notification
    body: dict[str, Any]

    @property
    def event_id(self) -> str:
        return self.facts.id


def composed(
    report_: Report, result: Result, check: CheckConfig | None = None, host: dict[str, str] = HOST, **tags: str
) -> Composed:
    facts = of_change(report_, result, check or config(), Sender(host, tags), NOW)
    body = worded(facts)
    assert problems(msgspec.json.encode(body)) == []
    return Composed(facts, body)


PROBLEM = Result(
    Status.CRITICAL,
    "91.2% used (critical from 90%)",
    "/",
    "largest: /var/log\n/var/lib",
    (Metric("used", 91.2, "%", "80", "90"), Metric("free", 5 * 1024**3, "B")),
)
RECOVERED = Result(Status.OK, "62% used", "/")


def test_a_problem_is_understood_on_a_phone() -> None:
    event = composed(report(EventStatus.CRITICAL), PROBLEM)
    assert event.body["title"] == "CRITICAL root-disk on web-1: / 91.2% used (critical from 90%)"


def test_a_recovery_says_what_is_over_and_how_long_it_lasted() -> None:
    event = composed(report(EventStatus.OK, EventStatus.CRITICAL), RECOVERED)
    assert event.body["title"] == "OK root-disk on web-1: / 62% used (was critical for 2h 5m)"


@pytest.mark.parametrize(
    ("summary", "subject", "said"),
    [
        ("/mnt: not answering", "/mnt", "/mnt: not answering"),
        ("not answering", "/mnt", "/mnt not answering"),
        ("1/2 disks of raid5 failed", "/", "/ 1/2 disks of raid5 failed"),
        ("", "eth0", "eth0"),
        ("all well", "", "all well"),
    ],
)
def test_the_subject_is_named_once(summary: str, subject: str, said: str) -> None:
    event = composed(report(EventStatus.WARNING), Result(Status.WARNING, summary, subject))
    assert event.body["title"] == f"WARNING root-disk on web-1: {said}"


def test_a_result_without_words_has_a_title_all_the_same() -> None:
    assert composed(report(EventStatus.NODATA), Result(Status.NODATA, "")).body["title"] == "NODATA root-disk on web-1"


def test_a_long_summary_leaves_room_for_how_long_it_lasted() -> None:
    event = composed(report(EventStatus.OK, EventStatus.CRITICAL), Result(Status.OK, "x" * 5000))
    title = event.body["title"]
    assert len(title) <= 200
    assert title.endswith("… (was critical for 2h 5m)")


def test_the_message_says_everything_in_short_lines() -> None:
    check = config(description="The root disk.", runbook="https://wiki.example.com/disk\nor call Ann")
    event = composed(report(EventStatus.CRITICAL, EventStatus.OK), PROBLEM, check)
    assert event.body["message"] == "\n".join(
        [
            "- status: critical, was ok for 2h 5m",
            "- summary: 91.2% used (critical from 90%)",
            "- check: root-disk (disk)",
            "- subject: /",
            "- host: web-1",
            "- used: 91.2% (warning from 80%, critical from 90%)",
            "- free: 5 GiB",
            "- description: The root disk.",
            "- runbook:",
            "  https://wiki.example.com/disk",
            "  or call Ann",
            "- details:",
            "  largest: /var/log",
            "  /var/lib",
        ]
    )


def test_a_recovery_after_several_statuses_says_how_long_the_whole_problem_lasted() -> None:
    event = composed(report(EventStatus.OK, EventStatus.WARNING, incident_since=NOW - 300 * MINUTE), RECOVERED)
    assert event.body["message"].startswith("- status: ok, was warning for 2h 5m\n- problem: since 5h\n")


def test_a_clock_set_back_leaves_the_duration_out() -> None:
    for since in (NOW + MINUTE, NOW, 0):
        event = composed(report(EventStatus.OK, EventStatus.CRITICAL, since=since), RECOVERED)
        assert event.body["title"] == "OK root-disk on web-1: / 62% used (was critical)"


def test_details_are_bounded() -> None:
    result = Result(Status.CRITICAL, "bad", "", "line\n" * 100_000, tuple(Metric(f"m{n}", n) for n in range(100)))
    message = composed(report(EventStatus.CRITICAL), result).body["message"]
    assert len(message) < 10_000
    assert "- and 70 more values" in message


@pytest.mark.parametrize(
    ("metric", "text"),
    [
        (Metric("time", 0.25, "s", "0.5", "2"), "time: 250ms (warning from 500ms, critical from 2s)"),
        (Metric("free", 2 * 1024**3, "B", "", "5368709120:"), "free: 2 GiB (critical below 5 GiB)"),
        (Metric("count", 0, "", "1:", "@10:20"), "count: 0 (warning below 1, critical range @10:20)"),
        (Metric("certificate", -86400, "s"), "certificate: -86400s"),
        (Metric("none", 0, "s"), "none: 0ms"),
        (Metric("odd", float("nan"), "s"), "odd: nans"),
        (Metric("odd", float("inf"), "B"), "odd: infB"),
        (Metric("temp\n1", 7, "°C"), "temp 1: 7°C"),
    ],
)
def test_values_are_said_against_their_limits(metric: Metric, text: str) -> None:
    assert format_metric(metric) == text


def test_the_tags_are_these() -> None:
    event = composed(
        report(EventStatus.OK, EventStatus.CRITICAL), RECOVERED, config(tags={"team": "shop"}), env="prod", team="x"
    )
    tags = event.body["customTags"]
    assert tags.pop("agent_version")
    assert tags == HOST | {
        "check_name": "root-disk",
        "check_type": "disk",
        "subject": "/",
        "previous_status": "critical",
        "incident_id": "incident-1",
        "event_id": event.event_id,
        "env": "prod",
        "team": "shop",
    }


def test_what_is_not_known_is_left_out() -> None:
    tags = composed(report(EventStatus.CRITICAL, incident=""), Result(Status.CRITICAL, "bad")).body["customTags"]
    assert not {"subject", "previous_status", "incident_id"} & tags.keys()


def test_every_problem_and_its_recovery_share_the_incident_and_the_identity() -> None:
    problem = composed(report(EventStatus.CRITICAL), PROBLEM).body["customTags"]
    recovery = composed(report(EventStatus.OK, EventStatus.CRITICAL, sequence=2), RECOVERED).body["customTags"]
    differing = {name for name in problem | recovery if problem.get(name) != recovery.get(name)}
    assert differing == {"event_id", "previous_status"}


def test_the_same_change_has_the_same_id_and_every_other_change_another() -> None:
    one = composed(report(EventStatus.CRITICAL), PROBLEM)
    assert composed(report(EventStatus.CRITICAL), PROBLEM) == one
    others = [
        composed(report(EventStatus.CRITICAL, sequence=2), PROBLEM),
        composed(report(EventStatus.CRITICAL, incident="incident-2"), PROBLEM),
        composed(report(EventStatus.CRITICAL), msgspec.structs.replace(PROBLEM, subject="/var")),
        composed(report(EventStatus.CRITICAL), PROBLEM, config(name="other")),
        composed(report(EventStatus.CRITICAL), PROBLEM, host=HOST | {"host": "web-2"}),
    ]
    later = of_change(report(EventStatus.CRITICAL), PROBLEM, config(), Sender(HOST, {}), NOW + 1)
    assert len({event.event_id for event in [one, *others]} | {later.id}) == 7


def test_an_info_event_is_one_the_api_takes() -> None:
    body = worded(of_agent("test", "a test from the command line", Sender(HOST, {"env": "prod"}), NOW))
    assert problems(json.dumps(body).encode()) == []
    assert body["status"] == "info"
    assert body["customTags"]["event_id"]


@pytest.mark.parametrize("name", ["Env", "1a", "", "a-b", "a.b", "_a", "df_x", "date", "host", "event_id", "a" * 257])
def test_a_tag_that_cannot_be_called_so_is_named_and_left_out(name: str) -> None:
    assert name_problem(name)
    assert custom_tags({"host": "web-1"}, {name: "value"}) == {"host": "web-1"}


def test_our_list_of_reserved_names_is_the_stand_ins() -> None:
    assert RESERVED == RESERVED_TAGS
    assert not RESERVED & OURS


def test_too_many_tags_never_push_ours_out() -> None:
    tags = custom_tags(HOST, {f"t{number}": "x" for number in range(1000)})
    assert len(tags) == 256
    assert tags.items() >= HOST.items()


def test_a_tag_is_cut_at_a_whole_character() -> None:
    assert tag_value("é" * 1000) == "é" * 512
    assert tag_value("a" + "é" * 600) == "a" + "é" * 511


def test_colours_and_tricks_of_terminals_do_not_reach_anybody() -> None:
    result = Result(Status.WARNING, "\x1b[31mred\x1b[0m \x1b]0;title\x07ok\u202etxt.exe\x00\r\nnext\udcff")
    title = composed(report(EventStatus.WARNING), result).body["title"]
    assert title == "WARNING root-disk on web-1: red oktxt.exe next\ufffd"


def test_a_secret_that_was_redacted_is_in_no_form_in_the_body() -> None:
    secret = 'p@ss "word"/1'
    hide = redactor([secret])
    text = f"url https://u:{secret}@h and https://u:p%40ss%20%22word%22%2F1@h and {json.dumps(secret)} and {secret!r}"
    event = composed(report(EventStatus.CRITICAL), Result(Status.CRITICAL, hide(text), "", hide(text)))
    sent = json.dumps(event.body)
    assert "word" not in sent
    assert hide(text).count("***") == 4


def test_a_short_secret_is_hidden_only_where_it_stands_alone() -> None:
    assert redactor(["ab", "", " "])("ab cab (ab) abba") == "*** cab (***) abba"


def test_the_longer_of_two_secrets_is_hidden_whole() -> None:
    assert redactor(["secret", "secretsecret2"])("x secretsecret2 y") == "x *** y"


TEXTS = (
    st.text(max_size=300) | st.text("\x00\x1b[]m\r\n\u2028\x85 \ud800\udfff%/é😀a", max_size=300) | st.just("x" * 9000)
)
METRICS = st.builds(Metric, TEXTS, st.floats(), st.sampled_from(["", "s", "B", "%", "\n"]), TEXTS, TEXTS)
RESULTS = st.builds(Result, st.sampled_from(Status), TEXTS, TEXTS, TEXTS, st.lists(METRICS, max_size=3).map(tuple))


@settings(max_examples=60, deadline=None)
@given(
    RESULTS,
    st.sampled_from(EventStatus),
    st.none() | st.sampled_from(EventStatus),
    TEXTS,
    st.dictionaries(TEXTS | st.sampled_from(["env", "date", "df_x", "host"]), TEXTS, max_size=5),
    st.integers(0, 2 * NOW),
)
def test_the_api_takes_whatever_a_check_says(
    result: Result, status: EventStatus, previous: EventStatus | None, text: str, tags: dict[str, str], since: int
) -> None:
    check = config(description=text, runbook=text, tags=tags)
    told = report(status, previous, since=since, incident_since=since)
    composed(told, result, check)
    composed(told, result, check, {**HOST, "host": text or "h"})
    facts = of_change(told, result, check, Sender(HOST, tags), NOW)
    assert problems(msgspec.json.encode(worded(facts))) == []
