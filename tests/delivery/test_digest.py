"""Many changes in one text: what is told of each, what fits, and what a digest is called. Exact bounds."""

from __future__ import annotations

import msgspec
import pytest

from agent.delivery.digest import MESSAGE_LIMIT, SUBJECTS_LIMIT, TITLE_LIMIT, digest, digest_id
from agent.model import EventStatus, Notification
from tests.delivery.deliveries import NOW, critical

MINUTE = 60_000


def changed(told: Notification, **fields: object) -> Notification:
    return msgspec.structs.replace(told, **fields)


def many(check: str, count: int, **fields: object) -> list[Notification]:
    return [changed(critical(f"{check}-{number}"), **fields) for number in range(1, count + 1)]


def test_the_title_counts_what_is_so_now_and_the_worst_is_its_word() -> None:
    subjects = [
        [*many("a", 2), changed(critical("a-3"), status=EventStatus.OK)],
        many("b", 1, status=EventStatus.WARNING, host={"host": "db-1"}),
        many("c", 1, status=EventStatus.NODATA),
        many("d", 1, status=EventStatus.WARNING),
    ]
    found = digest(subjects)
    assert found.title == "WARNING 6 changes on web-1: now 2 warning, 1 nodata, 1 ok"
    assert (found.status, found.at, found.alone) == (EventStatus.WARNING, NOW + 3, False)
    assert [change.id for change in found.latest] == ["a-3", "b-1", "c-1", "d-1"]
    assert found.id == digest_id(found.changes)


def test_of_one_subject_the_title_is_its_own_with_how_many_came_before() -> None:
    assert digest([many("a", 1)]).title == "CRITICAL a on web-1: a-1"
    found = digest([many("a", 3)])
    assert found.title == "CRITICAL a on web-1: a-3 (and 2 changes before)"
    assert found.alone
    long = digest([many("c" * 100, 2, host={"host": "h" * 100}, summary="x" * 1000)])
    assert long.title == f"CRITICAL {'c' * 100} on {'h' * 86}… (and 1 change before)"
    assert long.title.index("…") == TITLE_LIMIT - 1


def test_subjects_of_one_check_and_checks_of_one_subject_name_are_several() -> None:
    assert not digest([many("a", 1, subject="x"), many("a", 1, subject="y")]).alone
    assert not digest([many("a", 1, subject="x"), many("b", 1, subject="x")]).alone


def test_the_message_tells_of_each_subject_the_latest_and_the_first_and_lists_all() -> None:
    elsewhere = many("c", 1, host={"host": "db-1"}, summary="x on db-1 and on db-1 " + "y" * 300)
    first, second, other, odd = digest([many("a", 2), many("b", 1), elsewhere]).message.split("\n- ")[0:4]
    assert first == "- digest: 4 changes of 3 subjects, each with its moment (UTC) and its event id"
    moment = "2023-11-14 22:13:20 critical"
    assert second == f"CRITICAL a: a-2\n  first of 2 changes: CRITICAL a: a-1\n  {moment} a-1\n  {moment} a-2"
    assert other == f"CRITICAL b: b-1\n  {moment} b-1"
    said, listed = odd.split("\n")
    assert said.startswith("CRITICAL c: x on db-1 and on db-1 yy"), "the host is left out once"
    assert len(said) == TITLE_LIMIT - len(" on db-1")
    assert listed == f"  {moment} c-1"


def test_a_digest_has_the_name_of_what_it_tells() -> None:
    assert digest_id(many("a", 2)) == "6a7e04717357bc0eb1644e4e1397f55b"
    names = [digest_id(one) for one in (many("a", 1), many("a", 2), many("a", 2)[::-1], many("b", 2))]
    assert len(set(names)) == len(names)


# --- what fits ------------------------------------------------------------------------------------------------------


def test_no_more_subjects_than_a_bound() -> None:
    subjects = [many(f"c{number}", 1) for number in range(SUBJECTS_LIMIT + 5)]
    assert len(digest(subjects).latest) == SUBJECTS_LIMIT
    assert len(digest(subjects[:SUBJECTS_LIMIT]).latest) == SUBJECTS_LIMIT


LINES = 16
"""Of a subject; so many leave a rest that a last one can fill."""


def test_subjects_are_told_as_long_as_their_paragraphs_fit_together() -> None:
    size = len(digest([many("a", LINES)]).message.partition("\n")[2]) + 1
    count = MESSAGE_LIMIT // size
    rest = MESSAGE_LIMIT - count * size
    full = [many("a", LINES)] * count
    line = len("  2023-11-14 22:13:20 critical x-1\n")
    fitting, over = rest - len("- CRITICAL x: \n") - line, rest - len("- CRITICAL x: \n") - line + 1
    assert 0 < fitting < 150, "the summary makes the last one as long as it must be"
    for length, told in ((fitting, count + 1), (over, count)):
        found = digest([*full, many("x", 1, summary="y" * length)])
        assert len(found.changes) == LINES * count + (told - count)


def test_what_does_not_fit_at_all_is_told_from_its_first_change_on() -> None:
    found = digest([many("a", 2000), many("b", 1)])
    line = len("2023-11-14 22:13:20 critical a-2000") + len("  critical\n")
    assert len(found.changes) == (MESSAGE_LIMIT - 4 * TITLE_LIMIT) // line
    assert [change.id for change in found.changes[:2]] == ["a-1", "a-2"]
    assert found.alone


def test_a_subject_that_fills_the_message_to_its_last_character_is_told_whole() -> None:
    changes = many("web", 350)
    room = MESSAGE_LIMIT - len(digest([changes]).message.partition("\n")[2] + "\n")
    full = [changed(changes[0], id=changes[0].id + "x" * room), *changes[1:]]
    assert len(digest([full]).changes) == 350
    assert len(digest([[changed(full[0], id=full[0].id + "x"), *full[1:]]]).changes) < 350


def test_what_has_only_long_lines_is_told_by_one_at_least() -> None:
    found = digest([many("a", 3, id="i" * 20_000)])
    assert len(found.changes) == 1


def test_what_does_not_fit_beside_others_waits_for_the_next_digest() -> None:
    found = digest([many("a", 1), many("b", 2000), many("c", 1)])
    assert [change.id for change in found.changes] == ["a-1"]


@pytest.mark.parametrize("count", [1, 2, 3])
def test_made_again_of_the_same_it_is_the_same(count: int) -> None:
    subjects = [many(check, count) for check in "abc"]
    assert digest(subjects) == digest(iter(subjects))
