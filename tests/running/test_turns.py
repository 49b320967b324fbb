"""Cron lines and windows against minutes counted one by one, in zones that change their clocks at every odd hour."""

from __future__ import annotations

import calendar
from datetime import UTC, date, datetime, timedelta
from functools import cache, lru_cache
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from agent.config.calendar.cron import DAYS, MONTHS, NICKNAMES, normal
from agent.config.calendar.turns import next_turn, zone_of
from agent.config.settings import Maintenance
from agent.engine.suppression.windows import span
from agent.running.triggers import Cron
from tests.examples import examples

MINUTE = timedelta(minutes=1)
# Zone, and days around which its clock is set.
CHANGES = [
    ("Europe/Berlin", (2026, 3, 29)),
    ("Europe/Berlin", (2026, 10, 25)),
    ("America/New_York", (2026, 3, 8)),
    ("America/Sao_Paulo", (2018, 11, 4)),  # leaves out midnight
    ("America/Sao_Paulo", (2019, 2, 17)),
    ("Asia/Beirut", (2026, 3, 29)),  # leaves out midnight
    ("Asia/Beirut", (2026, 10, 25)),
    ("America/Havana", (2026, 3, 8)),  # leaves out midnight
    ("America/Havana", (2026, 11, 1)),
    ("Africa/Cairo", (2026, 4, 24)),  # leaves out midnight
    ("Africa/Cairo", (2026, 10, 30)),
    ("Australia/Lord_Howe", (2026, 4, 5)),  # by half an hour
    ("Australia/Lord_Howe", (2026, 10, 4)),
    ("Asia/Kathmandu", (2026, 3, 29)),  # at +05:45, never
    ("Pacific/Apia", (2011, 12, 30)),  # leaves out a day
    ("Pacific/Apia", (2011, 4, 2)),
    ("UTC", (2026, 3, 29)),
]


# --- the oracle: what crontab(5) says of one minute on the wall -------------------------------------------------------


@lru_cache
def numbers(part: str, low: int, high: int, names: tuple[str, ...] = ()) -> set[int]:
    def number(text: str) -> int:
        return low + names.index(text) if text in names else int(text)

    span_, _, step = part.partition("/")
    first, _, last = span_.partition("-")
    if first == "*":
        return set(range(low, high + 1, int(step or 1)))
    return set(range(number(first), number(last or first) + 1, int(step or 1)))


@lru_cache
def names_day(text: str, day: date) -> bool:
    end = calendar.monthrange(day.year, day.month)[1]
    return any(day.day == end if part == "L" else day.day in numbers(part, 1, 31) for part in text.split(","))


@lru_cache
def names_weekday(text: str, day: date) -> bool:
    weekday, end = day.isoweekday() % 7, calendar.monthrange(day.year, day.month)[1]
    for part in text.split(","):
        if "#" in part:
            name, nth = part.split("#")
            if weekday in {n % 7 for n in numbers(name, 0, 7, DAYS)} and (day.day - 1) // 7 + 1 == int(nth):
                return True
        elif part.endswith("L"):
            if weekday in {n % 7 for n in numbers(part[:-1], 0, 7, DAYS)} and day.day + 7 > end:
                return True
        elif weekday in {n % 7 for n in numbers(part, 0, 7, DAYS)}:
            return True
    return False


def is_named(line: str, wall: datetime) -> bool:
    minute, hour, day, month, weekday = line.split()
    if wall.minute not in {n for part in minute.split(",") for n in numbers(part, 0, 59)}:
        return False
    if wall.hour not in {n for part in hour.split(",") for n in numbers(part, 0, 23)}:
        return False
    if wall.month not in {n for part in month.split(",") for n in numbers(part, 1, 12, MONTHS)}:
        return False
    days = (names_day(day, wall.date()), names_weekday(weekday, wall.date()))
    return all(days) if "*" in (day[0], weekday[0]) else any(days)


def counted(line: str, zone: ZoneInfo, begin: datetime, end: datetime) -> list[datetime]:
    """Count minutes, one by one: those that a clock on the wall shows, and those that it leaves out."""
    turns: set[datetime] = set()
    shown: set[datetime] = set()
    interval = line[0] == "*" or line.split()[1][0] == "*"
    before = (begin - MINUTE).astimezone(zone).replace(tzinfo=None)
    for moment, wall in minutes(zone, begin, end):
        left_out = before + MINUTE
        gap = wall - left_out
        while left_out < wall:
            if is_named(line, left_out):
                turns.add(moment + gap - (wall - left_out))
            left_out += MINUTE
        if is_named(line, wall) and (interval or wall not in shown):
            turns.add(moment)
        shown.add(wall)
        before = wall
    return sorted(turn for turn in turns if begin <= turn < end)


@cache
def minutes(zone: ZoneInfo, begin: datetime, end: datetime) -> list[tuple[datetime, datetime]]:
    """Return each minute, with what a clock on the wall shows."""
    moments = [begin + number * MINUTE for number in range((end - begin) // MINUTE)]
    return [(moment, moment.astimezone(zone).replace(tzinfo=None, fold=0)) for moment in moments]


def turns_of(line: str, zone: ZoneInfo, begin: datetime, end: datetime) -> list[datetime]:
    """Ask for the first turn, and for the one after each run, as the schedule does."""
    trigger, found = Cron(normal(line), str(zone)), []
    turn = trigger.get_next_fire_time(None, begin)
    while turn is not None and turn < end:
        found.append(turn)
        turn = trigger.get_next_fire_time(turn, turn)
    return found


LINES = [
    "0 0 * * *",
    "30 0 * * *",
    "0 0 * * 1-5",
    "30 2 * * *",
    "15 2 * * *",
    "0 3 * * *",
    "*/20 * * * *",
    "10,50 1-3 * * *",
    "*/15 2 * * *",
    "45 23,0 * * *",
    "7 */2 * * *",
    "0 12 * * *",
]


@pytest.mark.parametrize(("zone", "day"), CHANGES)
def test_turns_around_a_change_of_the_clock_are_those_of_minutes_counted_one_by_one(
    zone: str, day: tuple[int, int, int]
) -> None:
    begin = datetime(*day, tzinfo=UTC) - timedelta(days=1)
    end = begin + timedelta(days=3)
    for line in LINES:
        assert turns_of(line, ZoneInfo(zone), begin, end) == counted(line, ZoneInfo(zone), begin, end), line


ZONES = sorted({zone for zone, _ in CHANGES})


@pytest.mark.parametrize(
    ("line", "days"), [("0 0 * * *", 1), ("0 0 1 * *", 0), ("0 0 * * mon", 7), ("0 0 L * *", 0), ("0 0 * * 1#1", 0)]
)
def test_no_day_is_lost_over_years_in_any_zone(line: str, days: int) -> None:
    begin, end = datetime(2025, 1, 1, tzinfo=UTC), datetime(2027, 1, 1, tzinfo=UTC)
    named = [
        day for day in (begin + timedelta(days=n) for n in range(-1, 731)) if is_named(line, day.replace(tzinfo=None))
    ]
    for zone in ZONES:
        turns = turns_of(line, ZoneInfo(zone), begin, end)
        walls = [turn.astimezone(ZoneInfo(zone)).date() for turn in turns]
        assert walls == [day.date() for day in named if walls[0] <= day.date() <= walls[-1]], zone
        assert len(turns) >= (730 // days - 1 if days else 23), zone


PARTS = {
    "minute": st.sampled_from(["*", "0", "30", "*/7", "5-40/5", "0,59", "13-17", "*/59"]),
    "hour": st.sampled_from(["*", "0", "2", "1-3", "*/5", "23", "0,2,4", "2-20/6"]),
    "day": st.sampled_from(["*", "1", "29", "*/2", "1-7", "L", "28,L", "15,31"]),
    "month": st.sampled_from(["*", "3", "mar,oct", "*/3", "jan-jun", "2-11/3"]),
    "weekday": st.sampled_from(["*", "0", "7", "mon", "1-5", "0-6", "*/2", "sat,sun", "5L", "mon#1", "1#2,thu", "fri"]),
}
ANY_LINE = st.builds(lambda *fields: " ".join(fields), *PARTS.values())


@given(ANY_LINE, st.sampled_from(CHANGES), st.integers(-3 * 1440, 1440))
@example("0 0 1 1 0-6", ("UTC", (2026, 1, 5)), 0)
@example("0 0 1 * 1", ("Europe/Berlin", (2026, 3, 29)), 0)
@examples(10)
def test_any_line_has_the_turns_that_minutes_counted_one_by_one_have(
    line: str, change: tuple[str, tuple[int, int, int]], minutes: int
) -> None:
    zone = ZoneInfo(change[0])
    begin = datetime(*change[1], tzinfo=UTC) + minutes * MINUTE
    # Counted from a day before: what was left out within the last day comes later.
    expected = [
        turn for turn in counted(line, zone, begin - timedelta(days=2), begin + timedelta(days=2)) if turn >= begin
    ]
    assert turns_of(line, zone, begin, begin + timedelta(days=2)) == expected


@given(ANY_LINE, st.sampled_from(CHANGES), st.integers(-2 * 1440, 1440), st.sampled_from([60, 1800, 7200, 2 * 86400]))
@example("0 0 * * mon", ("Europe/Berlin", (2026, 3, 30)), 600, 2 * 86400)
@examples(20)
def test_a_window_is_open_as_long_as_it_says_from_each_of_its_turns(
    line: str, change: tuple[str, tuple[int, int, int]], minutes: int, seconds: int
) -> None:
    zone = ZoneInfo(change[0])
    at = datetime(*change[1], tzinfo=UTC) + minutes * MINUTE
    length = timedelta(seconds=seconds)
    begins = [turn for turn in counted(line, zone, at - length - timedelta(days=2), at + MINUTE) if turn > at - length]
    _, until, end = span(Maintenance(normal(line), float(seconds), change[0]), round(at.timestamp() * 1000))
    expected = min((turn for turn in begins if turn <= at), default=None)
    assert end == (0 if expected is None else round((expected + length).timestamp() * 1000))
    assert until > at.timestamp() * 1000


# --- words ------------------------------------------------------------------------------------------------------------


REFUSED = (
    "0 0 lastweek * *",
    "0 0 last.day * *",
    "0 0 * * monday",
    "0 0 * january *",
    "0 0 * * 8",
    "60 0 * * *",
    "0 24 * * *",
    "0 0 0 * *",
    "0 0 32 * *",
    "0 0 * 13 *",
    "*/0 * * * *",
    "*/90 * * * *",
    "5-1 * * * *",
    "* 20-4 * * *",
    "*-5 * * * *",
    "1,,2 * * * *",
    "1- * * * *",
    "1/ * * * *",
    "1//2 * * * *",
    "1-5-7 * * * *",
    "-1 * * * *",
    "+1 * * * *",
    "1.5 * * * *",
    "٣ * * * *",
    "L * * * *",
    "0 L * * *",
    "0 0 L-3 * *",
    "0 0 15W * *",
    "0 0 * L *",
    "0 0 * * L",
    "0 0 * * mon#6",
    "0 0 * * mon#0",
    "0 0 * * mon#",
    "0 0 * * 1-5#1",
    "0 0 * * 1L1",
    "0 0 * * fri/L",
    "H * * * *",
    "0~30 * * * *",
    "mon * * * *",
    "0 0 sun * *",
    "0 0 30 2 *",
    "0 0 31 2,4,6 *",
    "0 0 */31 2 mon#5",
    "@reboot",
    "@fortnightly",
    "@daily 0",
    "0 0 * * * root",
    "0 0 1 * * *",
    "",
)


def test_what_crontab_does_not_have_is_refused_in_words() -> None:
    for line in REFUSED:
        with pytest.raises(ValueError, match=r"not understood|fields, not 5|names no time|never comes|0 fields"):
            pytest.fail(f"{line!r} is taken as {normal(line)!r}")


@pytest.mark.parametrize(("name", "line"), NICKNAMES.items())
def test_a_nickname_means_its_line(name: str, line: str) -> None:
    assert normal(name) == normal(name.upper()) == normal(line)


@given(ANY_LINE, st.sampled_from([str.upper, str.title, str.lower]))
def test_case_means_nothing_and_what_was_read_reads_as_the_same(line: str, case: object) -> None:
    meant = normal(line)
    assert normal(case(line)) == meant  # type: ignore[operator]
    assert normal(meant) == meant


@given(st.text(alphabet="0123456789*/-,?#lw ajnmrosuth", max_size=24), st.integers(0, 10**8))
def test_what_is_not_refused_has_turns_that_the_oracle_names(text: str, seconds: int) -> None:
    try:
        line = normal(text)
    except ValueError:
        return
    after = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(seconds=seconds)
    turn = next_turn(line, UTC, after)
    assert turn is not None
    assert turn > after
    assert (turn.second, turn.microsecond) == (0, 0)
    if "W" not in line:
        assert is_named(line, turn.replace(tzinfo=None))


def test_the_hosts_own_zone_is_used_where_none_is_named() -> None:
    assert next_turn("0 0 * * *", zone_of(""), datetime(2026, 1, 1, tzinfo=UTC)) is not None
