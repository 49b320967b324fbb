"""The sentences of `explain` and the words of `status`: what was told, why, how often, what it takes. Tables."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from agent.model import Count, EventStatus, FailAfter, Flapping, Policy, Reason, Silence, State, Status
from agent.view.snapshot import Mark, ReloadMark, SubjectView
from agent.view.words import (
    LONGEST_WORD,
    describe_counts,
    flapping,
    last_notification,
    marks,
    silence_text,
    span,
    times,
    why,
)

NOW = 1_700_000_000_000
MINUTE = 60_000
STATE = State(
    "web",
    decided=Status.CRITICAL,
    notified=EventStatus.CRITICAL,
    notified_at=NOW - 4 * MINUTE,
    bad=3,
    missing=2,
    good=1,
    events=2,
)


def changed(one: Any, **fields: Any) -> Any:
    return msgspec.structs.replace(one, **fields)


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"notified": None}, "Nothing was ever told of it."),
        ({"events": 1}, "Told last: critical, 4m ago; 1 event so far."),
        ({"repeats": 1}, "Told last: critical, 4m ago, and told again once since then; 2 events so far."),
        (
            {"acknowledged": "ann (on it)"},
            "Told last: critical, 4m ago; 2 events so far. Acknowledged by ann (on it); not repeated until it changes.",
        ),
        ({"notified": EventStatus.FLAPPING}, "Told last: flapping, 4m ago; 2 events so far."),
    ],
)
def test_what_was_told_is_said_with_how_often(fields: dict[str, Any], said: str) -> None:
    assert last_notification(changed(STATE, **fields), NOW) == said


def test_times_are_words_up_to_two() -> None:
    assert list(map(times, range(4))) == ["0 times", "once", "twice", "3 times"]


@pytest.mark.parametrize(
    ("seconds", "said"), [(-5, "1s"), (0, "1s"), (0.999, "1s"), (1, "1s"), (1.9, "1s"), (61.7, "1m 1s")]
)
def test_a_span_is_whole_seconds_and_never_none(seconds: float, said: str) -> None:
    assert span(NOW, NOW + round(seconds * 1000)) == said


def test_what_it_takes_is_said_of_each_status() -> None:
    policy = Policy(FailAfter(Count(2), Count(3, 5), Count(4, 0, 90.0)), recover_after=6)
    assert list(describe_counts(changed(STATE, recent="occ"), policy)) == [
        "Counted in a row: 3 bad, 2 nodata, 1 ok.",
        "The last results: occ (the newest at the end).",
        "It takes: warning after 2, critical after 3 of 5, nodata after 4 and 1m 30s, ok after 6.",
    ]


@pytest.mark.parametrize(
    ("changes", "flaps", "policy", "said"),
    [
        (0, False, Flapping(), ""),
        (0b11, False, None, "2 of the last 20 results changed what is decided; flap detection is off."),
        (
            0b11,
            False,
            Flapping("icinga", 25.5, 30),
            "2 of the last 20 results changed what is decided: 11.7%, not flapping (begins above 30%, ends at 25.5%).",
        ),
        (
            0b1,
            True,
            Flapping("nagios", 5, 20),
            "1 of the last 20 results changed what is decided: 6.2%, it is flapping (begins above 20%, ends at 5%).",
        ),
    ],
)
def test_how_near_it_is_to_flapping_is_said_in_per_cent(
    changes: int, flaps: bool, policy: Flapping | None, said: str
) -> None:
    assert flapping(changed(STATE, changes=changes, flapping=flaps), Policy(flapping=policy)) == said


SILENCED, PARENT = Reason("silenced until noon"), Reason("depends on router, which is critical")


@pytest.mark.parametrize(
    ("decided", "told", "held", "reasons", "said"),
    [
        (None, None, "", (), "Nothing is decided yet, so there is nothing to tell."),
        (
            *(None, None, "", (SILENCED, PARENT)),
            "Nothing is decided yet, so there is nothing to tell. Nothing is told now: silenced until noon; "
            "depends on router, which is critical.",
        ),
        ("ok", None, "", (), "It was always ok, and a check that was always ok is not reported."),
        (
            *("ok", None, "", (SILENCED,)),
            "It was always ok, and a check that was always ok is not reported. Nothing is told now: "
            "silenced until noon.",
        ),
        ("ok", "ok", "", (), "What is true (ok) is what was told last, so there is nothing to tell."),
        (
            *("critical", "critical", "", (SILENCED,)),
            "What is true (critical) is what was told last, so there is nothing to tell. Nothing is told now: "
            "silenced until noon.",
        ),
        (
            *("critical", None, "silenced", (SILENCED, PARENT)),
            "It is critical, which is not told now: silenced until noon; depends on router, which is critical.",
        ),
        ("warning", "critical", "", (), "It is warning, which is told with the next result."),
        (
            *("warning", "ok", "it was silenced", ()),
            "It is warning, which is told with the next result. Until now it was not: it was silenced.",
        ),
    ],
)
def test_why_it_is_told_or_not(
    decided: str | None, told: str | None, held: str, reasons: tuple[Reason, ...], said: str
) -> None:
    state = State(
        "web",
        decided=Status(decided) if decided else None,
        notified=EventStatus(told) if told else None,
        suppressed_by=held,
    )
    assert why(state, reasons) == said


def test_a_problem_that_is_recovering_is_told_only_if_it_gets_bad_again() -> None:
    recovering = State("web", decided=Status.CRITICAL, good=1)
    said = "It is critical until enough oks have come, and is told only if it gets bad again before."
    assert why(recovering, ()) == said
    assert why(recovering, (SILENCED,)) == f"{said} Nothing is told now: silenced until noon."


def test_what_holds_back_now_is_said_by_its_marks_alone() -> None:
    one = SubjectView("web", "", "http", Status.CRITICAL, 0, STATE, None, 0, "silenced")
    held = changed(one, marks=(Mark.SILENCED, Mark.LATE), late=75.0)
    assert list(marks(held)) == ["silenced", "late by 1m 15s", "not told: silenced"]
    assert list(marks(changed(held, reasons=(SILENCED,)))) == ["silenced", "late by 1m 15s"]


def test_a_check_whose_file_was_just_removed_is_still_at_work_and_not_unconfigured() -> None:
    one = SubjectView("web", "", "http", Status.CRITICAL, 0, STATE, None, 0, "")
    gone = changed(one, marks=(Mark.UNCONFIGURED, Mark.FLAPPING), reload=ReloadMark.REMOVED)
    assert list(marks(gone)) == ["still at work", "flapping"]
    assert list(marks(changed(gone, reload=None))) == [str(Mark.UNCONFIGURED), "flapping"]


@pytest.mark.parametrize(
    ("fields", "left", "said"),
    [
        ({}, 90_000, "web*  for another 1m 30s"),
        ({"who": "ann"}, 1000, "web*  for another 1s  by ann"),
        ({"reason": "a move"}, 1000, "web*  for another 1s  (a move)"),
        ({"who": "a\nnn", "reason": "a\nmove"}, -5000, "web*  for another 0ms  by a nn  (a move)"),
    ],
)
def test_a_silence_is_one_line_with_what_is_left_of_it(fields: dict[str, Any], left: int, said: str) -> None:
    assert silence_text(Silence("web*", 0, NOW + left, **fields), NOW) == said


def test_of_a_silence_that_others_wrote_no_word_is_endless() -> None:
    said = silence_text(Silence("w" * 9999, 0, NOW, "r" * 9999, "a" * 9999), NOW)
    assert [len(word) for word in said.split("  ")] == [LONGEST_WORD, 15, LONGEST_WORD + 3, LONGEST_WORD + 2]
