"""Why nothing is told and until when: the words, the moments at the edges, and for how long a window is open."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from agent.api import Check
from agent.config.settings import CheckConfig, DependsOn, Maintenance, Place
from agent.engine.recorder.unset_clock import LONGEST_SECONDS, SET_SINCE, UnsetClock, put_right
from agent.engine.suppression import windows as room
from agent.engine.suppression.reasons import CLOCK_SET_BACK, Suppression, in_maintenance, silence_reasons, trouble
from agent.engine.suppression.windows import Windows, span
from agent.model import Reason, ReasonKind, Silence, State, Status
from agent.plugin.units import clock_text

DAY = Maintenance("0 3 * * *", 7200.0, "UTC")
NEVER = Maintenance("0 3 31 2 *", 7200.0, "UTC")


def at(text: str) -> int:
    return round(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp() * 1000)


@pytest.mark.parametrize(
    ("now", "since", "until", "end"),
    [
        ("2026-03-01 02:59:59.999", "2026-03-01 02:59:59.999", "2026-03-01 03:00", ""),
        ("2026-03-01 03:00", "2026-03-01 03:00", "2026-03-01 05:00", "2026-03-01 05:00"),
        ("2026-03-01 04:59:59.999", "2026-03-01 03:00", "2026-03-01 05:00", "2026-03-01 05:00"),
        ("2026-03-01 05:00", "2026-03-01 05:00", "2026-03-02 03:00", ""),
    ],
)
def test_it_is_open_from_its_turn_until_its_length_is_over(now: str, since: str, until: str, end: str) -> None:
    assert span(DAY, at(now)) == (at(since), at(until), at(end) if end else 0)
    assert Windows().ends(DAY, at(now)) == (at(end) if end else 0)


def test_one_that_never_comes_is_looked_at_once_a_day() -> None:
    now = at("2026-03-01 00:00")
    assert span(NEVER, now) == (now, now + 86_400_000, 0)
    assert Windows().ends(NEVER, now) == 0


def test_its_zone_is_its_own() -> None:
    berlin = Maintenance("0 3 * * *", 3600.0, "Europe/Berlin")
    assert Windows().ends(berlin, at("2026-07-01 01:30")) == at("2026-07-01 02:00")


def test_an_answer_is_kept_as_long_as_it_holds_and_for_its_window_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[Maintenance, int]] = []

    def counted(window: Maintenance, now: int) -> tuple[int, int, int]:
        asked.append((window, now))
        return span(window, now)

    monkeypatch.setattr(room, "span", counted)
    windows, other = Windows(), Maintenance("0 4 * * *", 60.0, "UTC")
    begin, end = at("2026-03-01 03:00"), at("2026-03-01 05:00")
    assert windows.ends(DAY, begin + 1000) == end
    assert [windows.ends(DAY, now) for now in (begin, end - 1, begin + 1)] == [end, end, end]
    assert asked == [(DAY, begin + 1000)]
    assert windows.ends(other, begin) == 0
    assert asked[1:] == [(other, begin)]
    assert windows.ends(DAY, end) == 0
    assert windows.ends(DAY, end + 1000) == 0
    assert asked[2:] == [(DAY, end)]
    assert windows.ends(DAY, end - 1) == end, "a clock set back"
    assert windows.ends(DAY, begin - 1) == 0
    assert len(asked) == 5


# --- the words ------------------------------------------------------------------------------------------------------

END = at("2026-03-01 05:00")
MINUTES = clock_text(END, "%Y-%m-%d %H:%M")


@pytest.mark.parametrize(("reason", "more"), [("", ""), ("deploy", ": deploy")])
def test_what_holds_back_says_until_when_and_why(reason: str, more: str) -> None:
    silence = Silence("web", 0, END, reason)
    assert silence_reasons([silence], "web", {}, "", END - 1) == [Reason(f"silenced until {MINUTES}{more}", END)]
    window = Maintenance("0 3 * * *", 7200.0, "UTC", "*", reason)
    wanted = Reason(f"maintenance until {MINUTES}{more}", END, ReasonKind.MAINTENANCE)
    assert in_maintenance([window], Windows().ends, END - 1, END - 1) == [wanted]


DOWN = State("router", decided=Status.CRITICAL)
UP_SINCE = State("router", decided=Status.OK, decided_since=1000, events=2)


@pytest.mark.parametrize(
    ("state", "began", "now", "reason"),
    [
        (DOWN, 900, 2000, Reason("is critical")),
        (State("router", decided=Status.NODATA), 900, 2000, Reason("is nodata")),
        (State("router", decided=Status.WARNING), 900, 2000, None),
        (State("router"), 900, 2000, None),
        (UP_SINCE, 999, 2000, Reason("was down until just now", 1000)),
        (UP_SINCE, 1000, 2000, None),
        (State("router", decided=Status.OK, decided_since=1000), 999, 2000, None),
        (UP_SINCE, -CLOCK_SET_BACK, 1000 - CLOCK_SET_BACK, Reason("was down until just now", 1000)),
        (UP_SINCE, -CLOCK_SET_BACK, 999 - CLOCK_SET_BACK, None),
    ],
)
def test_a_parent_is_trouble_while_it_is_down_and_for_what_was_seen_before_it_was_well(
    state: State, began: int, now: int, reason: Reason | None
) -> None:
    assert trouble({"": state}, began, now) == reason


def test_a_parent_s_parent_that_was_down_until_just_now_holds_back_too() -> None:
    checks = {
        name: CheckConfig(name, "none", Check(), Place("a.yaml"), depends_on=DependsOn(above))
        for name, above in (("gateway", ()), ("router", ("gateway",)), ("web", ("router",)))
    }
    states = {"gateway": {"": UP_SINCE}}
    found = Suppression({}, (), (), Windows().ends, states, checks, checks).reasons(checks["web"], "", 999, 2000)
    text = "depends on router, which depends on gateway, which was down until just now"
    assert found == (Reason(text, 1000, ReasonKind.PARENT),)


# --- a clock that was never set -------------------------------------------------------------------------------------


def test_what_was_noted_by_a_clock_that_was_not_set_is_put_right_and_nothing_else() -> None:
    state = State(
        "web",
        decided_since=5,
        notified_at=0,
        incident_since=SET_SINCE - 1,
        counted_at=SET_SINCE,
        suppressed_since=SET_SINCE + 5,
    )
    assert put_right(state, 100) == State(
        "web",
        decided_since=105,
        notified_at=0,
        incident_since=SET_SINCE + 99,
        counted_at=SET_SINCE,
        suppressed_since=SET_SINCE + 5,
    )
    assert put_right(State("web", notified_at=7), 100).notified_at == 107


def test_a_clock_that_is_not_set_holds_back_for_minutes_and_is_put_right_once() -> None:
    clock = UnsetClock()
    assert clock.reasons(SET_SINCE, 10.0) == ()
    assert clock.was_set(SET_SINCE, 10.0) == 0
    until = 1000 + round(1000 * LONGEST_SECONDS)
    assert clock.reasons(1000, 10.0) == (Reason("the clock of this host is not set", until),)
    assert clock.reasons(3000, 12.0) == (Reason("the clock of this host is not set", until),)
    assert clock.was_set(4000, 13.0) == 0
    assert clock.reasons(until - 1, 10.0 + LONGEST_SECONDS - 0.001) != ()
    assert clock.reasons(until, 10.0 + LONGEST_SECONDS) == ()
    now = 11.0 + LONGEST_SECONDS
    assert clock.was_set(SET_SINCE, now) == SET_SINCE - until - 1000
    assert clock.was_set(SET_SINCE, now) == 0


def test_a_circle_of_parents_ends() -> None:
    checks = {
        name: CheckConfig(name, "none", Check(), Place("a.yaml"), depends_on=DependsOn((above,)))
        for name, above in (("a", "b"), ("b", "c"), ("c", "a"))
    }
    assert Suppression({}, (), (), Windows().ends, {}, checks, checks).reasons(checks["a"], "", 1, 1) == ()


def test_a_window_of_the_agent_is_for_the_subjects_that_it_selects() -> None:
    web = CheckConfig("web", "none", Check(), Place("a.yaml"))
    window = Maintenance("0 3 * * *", 7200.0, "UTC", "web:/cart")
    known = Suppression({}, (), (window,), Windows().ends, {}, ("web",))
    assert [len(known.reasons(web, subject, END - 1, END - 1)) for subject in ("/cart", "/", "")] == [1, 0, 0]
