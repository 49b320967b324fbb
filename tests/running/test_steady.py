"""What is told at once of a subject that stays well is what the whole way would say."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from agent.engine.state.transition import AT_ONCE, Transition, advance, apply_result, is_steady
from agent.model import Count, EventStatus, FailAfter, Metric, Outcome, Policy, Reason, Result, State, Status

WELL = State("disk", "/", Status.OK, 1000, EventStatus.OK, 1000, events=2)
FINE = Result(Status.OK, "fine", "/")
NOW = 60_000
FIELDS: dict[str, list[Any]] = {
    "decided": [None, Status.WARNING, Status.NODATA],
    "notified": [None, EventStatus.CRITICAL, EventStatus.FLAPPING],
    "bad": [1, 3],
    "missing": [1],
    "good": [1, 2],
    "bad_for": [5.0],
    "missing_for": [5.0],
    "counted_at": [30_000],
    "recent": ["w", "ooo"],
    "changes": [1, 0b1010],
    "flapping": [True],
    "latched": [{"used": Status.WARNING}],
    "suppressed_by": ["a silence"],
    "suppressed_since": [20_000],
}
"""Of each field what a subject may have that is not steady."""

states = st.fixed_dictionaries({}, optional={name: st.sampled_from(values) for name, values in FIELDS.items()}).map(
    lambda fields: State(**{"check": "disk", "subject": "/", "decided": Status.OK, "decided_since": 1000, **fields})
)
metrics = st.lists(
    st.builds(Metric, st.sampled_from(["used", "free"]), st.just(1.0), status=st.sampled_from([None, *Status]))
)
results = st.builds(Result, st.sampled_from(Status), st.just("said"), st.just("/"), st.just(""), metrics.map(tuple))
counts = st.builds(Count, st.integers(1, 3), of=st.sampled_from([0, 5]), seconds=st.sampled_from([0.0, 60.0]))
policies = st.builds(
    Policy,
    st.builds(FailAfter, counts, counts, counts),
    st.integers(1, 3),
    st.sampled_from([None, Policy().flapping]),
    st.sampled_from([0.0, 60.0]),
)


@given(states, results, policies)
def test_what_is_steady_the_whole_way_leaves_as_it_is(state: State, result: Result, policy: Policy) -> None:
    if is_steady(state, result, policy):
        held = (Reason("a silence", 0),)
        assert apply_result(state, result, policy, NOW, held) == Transition(state, state, result, NOW)


def test_of_a_subject_that_is_well_nobody_asks_what_suppresses_it() -> None:
    def never(subject: str) -> tuple[Reason, ...]:
        raise AssertionError(subject)

    outcome = Outcome("disk", 1, NOW, 0.0, (FINE,))
    assert advance({"/": WELL}, outcome, Policy(), NOW, never) == [Transition(WELL, WELL, FINE, NOW)]


def test_each_thing_that_is_counted_held_or_told_is_not_steady() -> None:
    assert is_steady(WELL, FINE, Policy())
    for name, values in FIELDS.items():
        for value in values if name != "notified" else values[1:]:
            fields = {field: getattr(WELL, field) for field in WELL.__struct_fields__}
            assert not is_steady(State(**{**fields, name: value}), FINE, AT_ONCE), (name, value)
    for status in (Status.WARNING, Status.CRITICAL, Status.NODATA):
        assert not is_steady(WELL, Result(status, "", "/"), AT_ONCE)
