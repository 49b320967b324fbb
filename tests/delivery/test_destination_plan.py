"""Who is told from now on, who is held, who ends; and which problems a destination does not know. Tables."""

from __future__ import annotations

import msgspec
import pytest

from agent.config.sections.destination import TERMINAL
from agent.engine.destinations import Plan, Targets, as_known, destinations_outcome, plan, selects, unknown_problems
from agent.model import Destination, EventStatus, Notification, Outcome, Result, State, Status


def named(*names: str) -> tuple[Destination, ...]:
    """`ops` and `ops!` are two destinations under one name."""
    return tuple(Destination(name.rstrip("!"), f"identity of {name}") for name in names)


PRINTED = Destination(TERMINAL, TERMINAL)
OLD = Destination("ops", "")
"""As a store knows it that is older than identities."""


@pytest.mark.parametrize(
    ("stored", "wanted", "ever", "told", "removed"),
    [
        ((), (), False, (PRINTED,), ()),
        ((PRINTED,), (), False, (PRINTED,), ()),
        ((), (), True, (), ()),
        (named("ops"), (), True, (), ("ops",)),
        ((PRINTED,), (), True, (), ()),
        ((), named("ops"), False, named("ops"), ()),
        ((PRINTED,), named("ops"), False, named("ops"), (TERMINAL,)),
        ((PRINTED, *named("ops", "old")), named("ops"), True, named("ops"), ("old", TERMINAL)),
        (named("ops"), named("ops!", "new"), True, named("ops!", "new"), ()),
        ((OLD,), named("ops"), True, named("ops"), ()),
    ],
)
def test_of_settings_that_can_be_read_each_is_told_that_they_name_and_no_other(
    stored: tuple[Destination, ...],
    wanted: tuple[Destination, ...],
    ever: bool,
    told: tuple[Destination, ...],
    removed: tuple[str, ...],
) -> None:
    assert plan(stored, Targets(wanted), ever) == Plan(told, (), removed)


@pytest.mark.parametrize(
    ("stored", "wanted", "ever", "told", "held", "removed"),
    [
        ((), (), False, (PRINTED,), (), ()),
        ((), (), True, (), (), ()),
        (named("ops"), (), True, (), ("ops",), ()),
        (named("ops"), named("ops"), True, named("ops"), (), ()),
        (named("ops"), named("ops!"), True, (), ("ops",), ()),
        (named("ops", "old"), named("ops!", "new"), True, named("new"), ("old", "ops"), ()),
        ((OLD,), named("ops"), True, named("ops"), (), ()),
        ((PRINTED,), named("ops"), True, named("ops"), (), (TERMINAL,)),
        ((PRINTED,), (), True, (), (), ()),
    ],
)
def test_of_settings_that_cannot_be_read_nothing_is_removed_and_who_may_be_another_is_held(
    stored: tuple[Destination, ...],
    wanted: tuple[Destination, ...],
    ever: bool,
    told: tuple[Destination, ...],
    held: tuple[str, ...],
    removed: tuple[str, ...],
) -> None:
    assert plan(stored, Targets(wanted, readable=False), ever) == Plan(told, held, removed)


@pytest.mark.parametrize(
    ("only", "wants"),
    [
        ("*", True),
        ("web", True),
        ("db", False),
        ("web:/cart", True),
        ("web:/", False),
        ("team=shop", True),
        ("x=y", False),
    ],
)
def test_a_destination_gets_what_it_asks_for(only: str, wants: bool) -> None:
    told = Notification("id", "web", "/cart", EventStatus.OK, 1, tags={"team": "shop"})
    assert selects(Destination("ops", "", only), told) is wants


WEB = State("web", "/cart", notified=EventStatus.CRITICAL, incident="i2")
TAGS = {"web": {"team": "shop"}}
KNOWN = {("web", "/cart"): ("i2", "critical")}


@pytest.mark.parametrize(
    ("state", "known", "only", "told"),
    [
        (WEB, {}, "*", True),
        (WEB, KNOWN, "*", False),
        (WEB, {("web", "/cart"): ("i1", "critical")}, "*", True),
        (WEB, {("web", "/cart"): ("i2", "warning")}, "*", True),
        (WEB, {("web", ""): ("i2", "critical")}, "*", True),
        (WEB, {}, "team=shop", True),
        (WEB, {}, "web:/cart", True),
        (WEB, {}, "web:/", False),
        (WEB, {}, "db", False),
        (msgspec.structs.replace(WEB, check="db"), {}, "team=shop", False),
        (msgspec.structs.replace(WEB, notified=EventStatus.NODATA), {}, "*", True),
        (msgspec.structs.replace(WEB, notified=EventStatus.OK), {}, "*", False),
        (msgspec.structs.replace(WEB, notified=None), {}, "*", False),
    ],
)
def test_a_problem_that_stands_is_unknown_unless_its_incident_is_known(
    state: State, known: dict[tuple[str, str], tuple[str, str]], only: str, told: bool
) -> None:
    assert unknown_problems([state], known, only, TAGS) == [state] * told


@pytest.mark.parametrize(
    ("incident", "known", "previous"),
    [
        ("i2", ("i2", "warning"), EventStatus.WARNING),
        ("i2", ("i1", "warning"), EventStatus.OK),
        ("i2", ("i2", "odd"), EventStatus.OK),
        ("i2", None, EventStatus.OK),
        ("", ("", "warning"), EventStatus.OK),
        ("", None, EventStatus.OK),
    ],
)
def test_what_stands_follows_what_a_destination_knows_of_the_same_incident(
    incident: str, known: tuple[str, str] | None, previous: EventStatus
) -> None:
    stands = Notification("e1", "web", "/cart", EventStatus.CRITICAL, 1, previous=EventStatus.OK, incident=incident)
    told = as_known(stands, {("web", "/cart"): known} if known else {})
    assert told == msgspec.structs.replace(stands, previous=previous)


OPS, EVENTS = named("ops", "events")


@pytest.mark.parametrize(
    ("decided", "ended", "status", "text"),
    [
        (Plan(()), {}, Status.OK, "none is configured: no event is sent"),
        (Plan((OPS, EVENTS)), {"old": 0}, Status.OK, "told: ops, events"),
        (
            Plan((OPS,), ("events", "old")),
            {"older": 3},
            Status.NODATA,
            "what waits for events, old is kept: its settings cannot be read",
        ),
        (
            Plan((OPS,)),
            {"old": 3, "none": 0, "older": 4},
            Status.WARNING,
            "never told, because the destination was removed from the configuration: 3 for old, 4 for older",
        ),
    ],
)
def test_the_agent_says_of_itself_what_became_of_the_destinations(
    decided: Plan, ended: dict[str, int], status: Status, text: str
) -> None:
    wanted = Outcome("hostvigil", 0, 7, 0.0, (Result(status, text, "destinations"),), complete=False)
    assert destinations_outcome(decided, ended, 7) == wanted
