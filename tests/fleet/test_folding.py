"""Choosing and folding: each change is named, no limit of the API is passed, and what is urgent goes first."""

from __future__ import annotations

import json

from hypothesis import given, settings
from hypothesis import strategies as st

from agent.delivery.digest import MESSAGE_LIMIT
from agent.fleet.choosing import FOLD_ABOVE, SHARE, Choice, choose
from agent.fleet.folding import render
from agent.fleet.mailbox import Letter, Mailbox
from agent.model import EventStatus
from tests.fleet.letters import letter, none_told
from tests.stand_ins.api import problems

STATUSES = st.sampled_from(list(EventStatus))
TEXTS = st.text(max_size=30)


def mailbox(letters: list[Letter]) -> Mailbox:
    box = Mailbox()
    for one in letters:
        box.put(one, none_told)
    return box


@st.composite
def many(draw: st.DrawFn) -> list[Letter]:
    count = draw(st.integers(1, 60))
    return [
        letter(
            draw(st.sampled_from(["web-1", "web-2.example.com", "db-ü", "x" * 250])),
            number,
            draw(STATUSES),
            draw(st.sampled_from(["shop", "disk", "c" * 100])),
            draw(TEXTS),
            summary=draw(TEXTS),
        )
        for number in range(1, count + 1)
    ]


@settings(deadline=None)
@given(many(), st.integers(0, 30))
def test_all_that_waits_is_told_in_order_within_the_limits_and_named(letters: list[Letter], free: int) -> None:
    box, told = mailbox(letters), list[Letter]()
    while ready := box.ready(0.0):
        choice = choose(ready, free, 0.0)
        assert isinstance(choice, Choice)
        event = render(choice, 1000)
        assert event.letters and problems(event.body) == []
        body = json.loads(event.body)
        assert len(body["message"]) <= MESSAGE_LIMIT
        if "digest" in body["customTags"]:
            assert int(body["customTags"]["digest"]) == len(event.letters) > 1
            for one in event.letters:
                assert one.change.id[:8] in body["message"]
        told += event.letters
        box.remove(event.letters)
    assert sorted(one.number for one in told) == [one.number for one in letters]
    for key in {one.key for one in letters}:
        numbers = [one.number for one in told if one.key == key]
        assert numbers == sorted(numbers)


def test_few_changes_go_by_themselves_as_the_agent_would_tell_them() -> None:
    choice = choose(mailbox([letter(f"web-{n}", n) for n in range(1, FOLD_ABOVE + 1)]).ready(0.0), 20, 0.0)
    assert isinstance(choice, Choice) and not choice.is_fold
    body = json.loads(render(choice, 1000).body)
    assert body["title"] == "CRITICAL shop on web-1: HTTP 503"
    assert body["customTags"]["event_id"] == f"{1:032x}"


def test_a_cause_of_many_hosts_is_one_event() -> None:
    choice = choose(mailbox([letter(f"web-{n}", n) for n in range(1, 413)]).ready(0.0), 20, 0.0)
    assert isinstance(choice, Choice)
    event = render(choice, 1000)
    body = json.loads(event.body)
    assert len(event.letters) == 412
    assert body["title"] == "CRITICAL 412 hosts: http shop critical: HTTP 503"
    assert "web-412 0000019c" in body["message"] or "web-412 00000000" in body["message"]
    tags = body["customTags"]
    assert (tags["digest"], tags["hosts"], tags["check_name"], tags["env"]) == ("412", "412", "shop", "prod")
    assert "host" not in tags


def test_ten_thousand_hosts_with_one_cause_are_some_thirty_events() -> None:
    box, events = mailbox([letter(f"web-{n:05}.example.com", n) for n in range(10_000)]), 0
    while ready := box.ready(0.0):
        choice = choose(ready, 20, 0.0)
        assert isinstance(choice, Choice)
        told = render(choice, 1000)
        box.remove(told.letters)
        events += 1
    assert events < 40


def test_the_most_urgent_goes_first_and_then_what_befell_most_hosts() -> None:
    letters = [letter(f"a-{n}", n, EventStatus.WARNING, "disk") for n in range(1, 30)]
    letters += [letter("b", 100, EventStatus.CRITICAL, "other")]
    letters += [letter(f"c-{n}", 200 + n, EventStatus.CRITICAL, "shop") for n in range(20)]
    choice = choose(mailbox(letters).ready(0.0), 2, 0.0)
    assert isinstance(choice, Choice)
    assert [(group.latest.change.check, len(group.queues)) for group in choice.groups] == [
        ("shop", 20),
        ("other", 1),
        ("disk", 29),
    ]


def test_a_host_with_a_thousand_criticals_goes_after_the_warnings_of_others() -> None:
    letters = [letter("loud", n, EventStatus.CRITICAL, f"check-{n}") for n in range(1, 1000)]
    letters += [letter(f"quiet-{n}", 2000 + n, EventStatus.WARNING, "disk") for n in range(5)]
    choice = choose(mailbox(letters).ready(0.0), 20, 0.0)
    assert isinstance(choice, Choice)
    order = [one.host for one in choice.letters]
    assert set(order[: SHARE + 5]) == {"loud", *(f"quiet-{n}" for n in range(5))}


def test_all_changes_of_a_subject_are_told_by_its_fold_and_named() -> None:
    letters = [
        letter(f"web-{host}", 10 * host + n, status)
        for host in range(20)
        for n, status in enumerate((EventStatus.CRITICAL, EventStatus.OK))
    ]
    choice = choose(mailbox(letters).ready(0.0), 20, 0.0)
    assert isinstance(choice, Choice)
    body = json.loads(render(choice, 1000).body)
    assert body["status"] == "ok"
    assert "web-1 00000000 (before critical 00000000)" in body["message"]


def test_a_fold_that_is_not_full_waits_for_more() -> None:
    ready = mailbox([letter(f"web-{n}", n) for n in range(1, 100)]).ready(0.0)
    assert choose(ready, 20, 3.0, fold_not_before=5.0) == 2.0
