"""When changes go out together, how many, and how a digest that does not get through is taken apart. By rule."""

from __future__ import annotations

import math
from collections.abc import Sequence

import msgspec
import pytest

from agent.delivery.bundling import DIGEST_PAUSE, MOST_IN_DIGEST, Bundling
from agent.delivery.choosing import DIGEST_TRIES, choose, find_stuck, is_full, ready, to_bundle
from agent.delivery.digest import SUBJECTS_LIMIT, Digest, digest
from agent.model import EventStatus, Notification
from agent.store import Bundle, Delivery, Due, Phase
from tests.delivery.deliveries import NOW, critical


def due(seq: int, check: str = "web", changes: int = 1, members: int = 0, attempts: int = 0, subject: str = "") -> Due:
    return Due(seq, f"id-{seq}", check, subject, attempts, members, changes)


class Outbox:
    """What waits, by check and subject; and what was asked of it."""

    def __init__(self, **waiting: int) -> None:
        self.rows = {name: [waits(name, number) for number in range(1, count + 1)] for name, count in waiting.items()}
        self.asked: list[tuple[str, str, int]] = []
        self.bundles: list[Bundle] = []
        self.unbundled: list[int] = []
        self.takes = True

    def waiting(self, check: str, subject: str, most: int) -> list[Delivery]:
        self.asked.append((check, subject, most))
        return self.rows.get(check, [])[:most]

    def bundle(self, digest: Bundle) -> bool:
        self.bundles.append(digest)
        return self.takes

    def unbundle(self, seq: int) -> None:
        self.unbundled.append(seq)

    @property
    def heads(self) -> list[Due]:
        return [due(rows[0].seq, name, len(rows)) for name, rows in self.rows.items() if rows]

    @property
    def members(self) -> list[int]:
        return list(self.bundles[-1].members)


def waits(check: str, number: int, facts: bytes | None = b"") -> Delivery:
    told = critical(f"{check}-{number}")
    written = msgspec.json.encode(told) if facts == b"" else facts
    seq = 100 * (ord(check[0]) - ord("a")) + number
    return Delivery(
        seq, "ops", told.id, check, "", "critical", told.at, "", None, Phase.PENDING, 0, "", 0, 0, None, written
    )


class Sink:
    def bundle(self, many: Digest) -> bytes:
        return b"of " + ",".join(change.id for change in many.changes).encode()


def bundling(outbox: Outbox, above: float = 1) -> Bundling:
    return Bundling(outbox, Sink(), above)  # type: ignore[arg-type]


# --- what goes together ---------------------------------------------------------------------------------------------


def test_what_is_too_much_to_go_singly_is_one_row_with_its_words_and_members() -> None:
    outbox = Outbox(a=2, b=1)
    assert bundling(outbox).wait(outbox.heads, False, 5.0) == 0.0
    many = digest([facts("a", 2), facts("b", 1)])
    row = Bundle(many.id, "", "", EventStatus.CRITICAL, NOW + 2, many.title, b"of a-1,a-2,b-1", (1, 2, 101))
    assert outbox.bundles == [row]


def facts(check: str, count: int) -> list[Notification]:
    return [critical(f"{check}-{number}") for number in range(1, count + 1)]


def test_a_digest_of_one_subject_is_about_that() -> None:
    outbox = Outbox(a=3)
    bundling(outbox).wait(outbox.heads, False, 5.0)
    row = outbox.bundles[0]
    assert (row.check, row.subject, row.members) == ("a", "", (1, 2, 3))


@pytest.mark.parametrize(
    ("above", "scarce", "changes", "together"),
    [
        (10, False, 10, False),
        (10, False, 11, True),
        (10, True, 1, False),
        (10, True, 2, True),
        (math.inf, True, 50, False),
        (math.inf, False, 50, False),
    ],
)
def test_more_than_the_settings_say_go_together_and_where_requests_are_few_already_two(
    above: float, scarce: bool, changes: int, together: bool
) -> None:
    outbox = Outbox(a=changes)
    found = bundling(outbox, above).wait(outbox.heads, scarce, 5.0)
    assert (found, bool(outbox.bundles)) == (0.0 if together else None, together)


def test_one_change_alone_is_no_digest_nor_is_nothing() -> None:
    for outbox in (Outbox(a=1), Outbox(a=0)):
        assert bundling(outbox).wait([due(1, "a", changes=5)], False, 5.0) is None
        assert outbox.bundles == []


def test_where_the_outbox_takes_no_digest_they_go_singly() -> None:
    outbox = Outbox(a=3)
    outbox.takes = False
    working = bundling(outbox)
    assert working.wait(outbox.heads, False, 5.0) is None
    assert working.wait(outbox.heads, False, 5.1) is None, "no pause was begun"


def test_what_has_no_facts_goes_by_itself_and_what_is_after_it_waits_for_it() -> None:
    outbox = Outbox(a=3, b=2, c=2)
    outbox.rows["a"][1] = waits("a", 2, b"{")
    outbox.rows["b"][0] = waits("b", 1, None)
    bundling(outbox).wait(outbox.heads, False, 5.0)
    assert outbox.members == [1, 201, 202]


def test_no_more_are_read_than_a_digest_tells() -> None:
    outbox = Outbox(a=2, b=2, c=2)
    working = bundling(outbox)
    working._most = 4
    working.wait(outbox.heads, False, 5.0)
    assert outbox.asked == [("a", "", 4), ("b", "", 2)]
    assert outbox.members == [1, 2, 101, 102]


def test_the_last_place_is_filled_too() -> None:
    outbox = Outbox(a=2, b=2, c=2)
    working = bundling(outbox)
    working._most = 3
    working.wait(outbox.heads, False, 5.0)
    assert outbox.members == [1, 2, 101]


def test_with_room_for_one_what_is_odd_at_the_head_does_not_end_the_search() -> None:
    outbox = Outbox(a=1, b=1, c=1)
    outbox.rows["a"][0] = waits("a", 1, None)
    working = bundling(outbox)
    working._most = 1
    assert working.wait(outbox.heads, False, 5.0) is None
    assert [check for check, _, _ in outbox.asked] == ["a", "b"]


# --- pauses ---------------------------------------------------------------------------------------------------------


def test_digests_that_are_not_full_keep_a_pause() -> None:
    outbox = Outbox(a=3)
    working = bundling(outbox)
    assert working.wait(outbox.heads, False, 10.0) == 0.0
    assert working.wait(outbox.heads, False, 12.0) == DIGEST_PAUSE - 2
    assert working.wait(outbox.heads, False, 10.0 + DIGEST_PAUSE) == 0.0
    full = [due(1, "a", 2 * SUBJECTS_LIMIT)]
    assert working.wait(full, False, 16.0) == 0.0, "what is full goes at once"
    assert len(outbox.bundles) == 3


# --- taking apart ---------------------------------------------------------------------------------------------------


def test_a_digest_that_fails_again_and_again_is_halved_and_single_ones_probe_until_something_gets_through(
    caplog: pytest.LogCaptureFixture,
) -> None:
    outbox = Outbox(a=9)
    working = bundling(outbox)
    bad = due(7, members=9, attempts=DIGEST_TRIES)
    assert not working.take_stuck_apart([due(1), due(2, members=9, attempts=DIGEST_TRIES - 1)])
    assert working.take_stuck_apart([bad, due(1)])
    assert outbox.unbundled == [7]
    assert [record.getMessage() for record in caplog.records] == [
        "a digest of 9 changes is taken apart, none of them is lost: it could not be delivered in 5 tries"
    ]
    assert working.wait(outbox.heads, False, 5.0) is None
    working.note_success()
    assert working.wait(outbox.heads, False, 5.0) == 0.0
    assert outbox.members == [1, 2, 3, 4, 5, 6, 7, 8], "the half, doubled by what got through"


def test_halves_go_down_to_one_and_what_gets_through_doubles_them_again() -> None:
    working = bundling(Outbox())
    sizes = []
    for members in (5, 2, 1):
        working.unbundle(due(7, members=members), "why")
        sizes.append(working._most)
    assert sizes == [2, 1, 1]
    for _ in range(12):
        working.note_success()
        sizes.append(working._most)
    assert sizes[3:6] == [2, 4, 8]
    assert sizes[-1] == MOST_IN_DIGEST


def test_what_was_taken_apart_need_not_keep_the_pause() -> None:
    outbox = Outbox(a=3)
    working = bundling(outbox)
    assert working.wait(outbox.heads, False, 10.0) == 0.0
    working.unbundle(due(7, members=8), "why")
    assert working.wait(outbox.heads, False, 10.5) == 0.0


# --- the choice -----------------------------------------------------------------------------------------------------

A, B, C = due(1, "a"), due(2, "b", attempts=3), due(3, "c", attempts=1)


@pytest.mark.parametrize(
    ("waiting", "waits", "outage", "chosen"),
    [
        ([], {}, False, math.inf),
        ([], {}, True, math.inf),
        ([A, B], {}, False, A),
        ([A, B], {1: 11.0}, False, B),
        ([A, B], {1: 10.0}, False, A),
        ([A, B], {1: 11.0, 2: 10.5}, False, 0.5),
        ([B, C], {2: 11.0, 3: 12.0}, True, C),
        ([B, C, A], {}, True, A),
    ],
)
def test_the_first_that_need_not_wait_goes_and_in_an_outage_the_one_tried_least(
    waiting: Sequence[Due], waits: dict[int, float], outage: bool, chosen: Due | float
) -> None:
    assert choose(waiting, waits, outage, 10.0) == chosen


def test_ready_are_those_whose_wait_is_over() -> None:
    assert ready([A, B, C], {1: 10.1, 2: 10.0}, 10.0) == [B, C]


def test_nothing_is_bundled_while_a_digest_is_on_its_way() -> None:
    assert to_bundle([A, due(9, members=2)], 1) == []
    assert to_bundle([due(1, changes=2), B], 2) == [due(1, changes=2), B]
    assert to_bundle([due(1, changes=2), B], 3) == []


def test_a_digest_is_full_by_subjects_or_by_changes() -> None:
    assert not is_full([A] * (SUBJECTS_LIMIT - 1))
    assert is_full([A] * SUBJECTS_LIMIT)
    assert not is_full([due(1, changes=2 * SUBJECTS_LIMIT - 1)])
    assert is_full([due(1, changes=2 * SUBJECTS_LIMIT)])


def test_only_digests_can_be_stuck() -> None:
    digests = [due(1, members=2, attempts=tries) for tries in range(DIGEST_TRIES + 2)]
    assert find_stuck([*digests, due(1, attempts=DIGEST_TRIES)]) == digests[DIGEST_TRIES:]
