"""The history: what is written is what is read, within its bounds, whatever happens to its file."""

from __future__ import annotations

import contextlib
import itertools
import math
import re
import sqlite3
import sys
import tracemalloc
import unicodedata
from array import array
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from agent.api import Check
from agent.cli.history import page
from agent.cli.show.screen import Screen, width_of
from agent.config.settings import CheckConfig, Place
from agent.engine.state.transition import Transition, apply_result
from agent.model import SEVERITY, Metric, Policy, Reason, Result, Silence, State, Status
from agent.store import StoreError
from agent.view.history.about import is_about, note_text
from agent.view.history.course import NOT_WATCHED, bar, columns, height, plot
from agent.view.history.file import ASIDE, FILE, Keep, bytes_in_use, open_history
from agent.view.history.reading import MetricCourse, Past, past
from agent.view.history.rows import HOUR, MINUTE, ChangeRow, Deed, Life, NoteRow, change_of
from agent.view.history.writer import MOST_WAITING, HistoryWriter, Record
from agent.view.snapshot import CheckView
from agent.view.words import clock as clock_text
from tests.agent_process import agent_process

T0 = 472_000 * HOUR
KEEP = Keep(fine_hours=192, hourly_hours=8760, most_bytes=256 * 1024**2)


class Clock:
    """A wall clock that the test sets, in Unix milliseconds."""

    def __init__(self) -> None:
        self.now = T0

    def __call__(self) -> int:
        return self.now


def measured(at: int, value: float, metric: str = "time", check: str = "web") -> Transition:
    state = State(check, decided=Status.OK)
    return Transition(state, state, Result(Status.OK, "fine", metrics=(Metric(metric, value, "s"),)), at)


def written(folder: Path, *steps: Transition, keep: Keep = KEEP, until: int = T0 + 24 * HOUR) -> HistoryWriter:
    """Write these by a writer of its own, as by an agent that ends then."""
    clock = Clock()
    clock.now = steps[0].at if steps else T0
    writer = HistoryWriter(Record(folder, keep, clock))
    for step in steps:
        writer.put(step, True)
    writer.take()
    clock.now = until
    writer.record.flush()
    return writer


@given(
    values=st.lists(
        st.tuples(st.integers(0, 3 * 60 * 6 - 1), st.floats(allow_nan=True, width=32)), min_size=1, max_size=80
    ),
    cuts=st.sets(st.integers(0, 79), max_size=4),
)
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_what_is_read_is_what_came_over_restarts_too(
    values: list[tuple[int, float]], cuts: set[int], tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("history")
    values = sorted(values, key=lambda one: one[0])  # every tenth of a minute over three hours
    bounds = [0, *sorted(cut for cut in cuts if cut < len(values)), len(values)]
    for begin, end in itertools.pairwise(bounds):
        written(folder, *(measured(T0 + tenth * MINUTE // 6, value) for tenth, value in values[begin:end]))
    good = [(tenth, value) for tenth, value in values if math.isfinite(value)]
    last = {T0 + tenth // 6 * MINUTE: value for tenth, value in good}
    found = past(folder, "web", T0, T0 + 3 * HOUR).metrics
    if not good:
        assert found == ()
        return
    (metric,) = found
    assert dict(metric.points) == last
    assert metric.low == min(value for _, value in good)
    assert metric.high == max(value for _, value in good)
    total = math.fsum(value for _, value in good)
    scale = max(abs(value) for _, value in good)
    assert metric.mean == pytest.approx(total / len(good), rel=1e-6, abs=scale * 1e-9)


def test_a_day_of_a_metric_takes_less_than_8_kb(tmp_path: Path) -> None:
    clock = Clock()
    writer = HistoryWriter(Record(tmp_path, KEEP, clock))
    for minute in range(24 * 60):
        clock.now = T0 + minute * MINUTE
        for number in range(40):
            writer.put(measured(clock.now, math.sin(minute * number), check=f"web-{number}"), True)
        writer.take()
        if minute % 5 == 4:
            writer.record.flush()
    assert bytes_in_use(open_history(tmp_path)) / 40 <= 8192


def test_to_write_thousands_of_metrics_takes_little_memory_and_loses_none(tmp_path: Path) -> None:
    count = 4000
    clock = Clock()
    record = Record(tmp_path, KEEP, clock)
    for number in range(count):
        record.take(measured(T0, 1.0, check=f"web-{number}"), True)
    tracemalloc.start()
    record.flush()
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    with contextlib.closing(sqlite3.connect(tmp_path / FILE)) as db:
        assert db.execute("SELECT count(*), sum(n) FROM hourly").fetchone() == (count, count)
    assert peak / count < 500, "bytes a metric; all blocks at once take 1000"


def test_of_a_metric_that_is_written_little_stays_in_memory(tmp_path: Path) -> None:
    count = 1000
    clock = Clock()
    record = Record(tmp_path, KEEP, clock)
    tracemalloc.start()
    for minute in range(20):
        for number in range(count):
            record.take(measured(T0 + minute * MINUTE, minute + 0.5, check=f"web-{number}"), True)
        if minute % 5 == 4:
            record.flush()
    kept = tracemalloc.get_traced_memory()[0]
    tracemalloc.stop()
    assert kept / count < 600, "bytes a metric, its names among them; with the values of the whole hour 900"


@given(values=st.lists(st.tuples(st.integers(0, 59), st.booleans()), min_size=1, max_size=12))
@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_the_minutes_of_an_hour_come_in_any_order_and_in_any_number_of_writes(
    values: list[tuple[int, bool]], tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder, clock = tmp_path_factory.mktemp("history"), Clock()
    record = Record(folder, KEEP, clock)
    for value, (minute, flushes) in enumerate(values):
        record.take(measured(T0 + minute * MINUTE, value), True)
        if flushes:
            record.flush()
    record.flush()
    (metric,) = past(folder, "web", T0, T0 + HOUR).metrics
    assert dict(metric.points) == {T0 + minute * MINUTE: value for value, (minute, _) in enumerate(values)}
    assert (metric.low, metric.high) == (0, len(values) - 1)
    assert metric.mean == pytest.approx((len(values) - 1) / 2)


def test_a_clock_set_back_and_a_flush_that_fails_count_nothing_twice(tmp_path: Path) -> None:
    clock = Clock()
    clock.now = T0 + 2 * HOUR
    writer = HistoryWriter(Record(tmp_path, KEEP, clock))
    for hour, value in ((0, 1.0), (1, 2.0), (0, 3.0), (1, 4.0), (0, 5.0)):
        writer.put(measured(T0 + hour * HOUR + round(value) * MINUTE, value), True)
        writer.take()
        if value in (2.0, 4.0):
            writer.record.flush()
        if value == 3.0:
            writer.record._recover(OSError("the disk is full"))
            writer.record.flush()
    writer.record.flush()
    (metric,) = past(tmp_path, "web", T0, T0 + 2 * HOUR).metrics
    assert sorted(value for _, value in metric.points) == [1.0, 2.0, 3.0, 4.0, 5.0]
    assert metric.mean == 3.0


def test_the_file_keeps_its_bounds_by_age_and_by_size(tmp_path: Path) -> None:
    keep = Keep(fine_hours=24, hourly_hours=96, most_bytes=256 * 1024**2)
    hours = 120
    steps = [measured(T0 + hour * HOUR, float(hour)) for hour in range(hours)]
    written(tmp_path, *steps, keep=keep, until=T0 + hours * HOUR)
    (metric,) = past(tmp_path, "web", T0, T0 + hours * HOUR).metrics
    assert [at % HOUR for at, _ in metric.points].count(0) == 24, "by the minute"
    assert len(metric.points) == 96
    small = msgspec.structs.replace(keep, most_bytes=1024**2)
    many = [measured(T0 + hour * HOUR, 1.0, check=f"web-{n}") for hour in range(hours) for n in range(50)]
    written(tmp_path, *many, keep=small, until=T0 + hours * HOUR)
    assert bytes_in_use(open_history(tmp_path)) <= small.most_bytes


# --- changes --------------------------------------------------------------------------------------------------------


@given(letters=st.lists(st.sampled_from("owcnWC"), min_size=1, max_size=30))
def test_a_change_is_kept_exactly_when_something_is_decided_told_or_held_back(letters: list[str]) -> None:
    """Upper case: while it is silenced."""
    statuses = {"o": Status.OK, "w": Status.WARNING, "c": Status.CRITICAL, "n": Status.NODATA}
    state, seen, kept = State("web"), [], []
    for second, letter in enumerate(letters):
        reasons = (Reason("silenced"),) if letter.isupper() else ()
        step = apply_result(state, Result(statuses[letter.lower()], letter), Policy(), second * 1000, reasons)
        news = (state.decided, state.flapping, state.suppressed_by) != (
            step.state.decided,
            step.state.flapping,
            step.state.suppressed_by,
        )
        if news or step.report:
            seen.append((step.at, str(step.state.decided), bool(step.report), step.state.suppressed_by))
        if row := change_of(step):
            kept.append((row.at, row.decided, bool(row.notified), row.why))
        state = step.state
    assert kept == seen


def test_changes_are_read_in_order_with_the_last_one_before(tmp_path: Path) -> None:
    state, steps = State("web"), []
    for minute, status in enumerate([Status.OK, Status.CRITICAL, Status.OK, Status.CRITICAL]):
        steps.append(apply_result(state, Result(status, f"run {minute}"), Policy(), T0 + minute * MINUTE))
        state = steps[-1].state
    written(tmp_path, *steps)
    changes = past(tmp_path, "web", T0 + 90_000, T0 + HOUR).changes
    assert [(change.summary, change.decided, change.notified) for change in changes] == [
        ("run 1", "critical", "critical"),
        ("run 2", "ok", "ok"),
        ("run 3", "critical", "critical"),
    ]


def test_a_forgotten_subject_ends_in_the_history(tmp_path: Path) -> None:
    step = apply_result(State("web", "/mnt", decided=Status.OK), Result(Status.OK, "is gone", "/mnt"), Policy(), T0)
    written(tmp_path, msgspec.structs.replace(step, last=True))
    (change,) = past(tmp_path, "web", T0, T0 + HOUR).changes
    assert (change.subject, change.decided) == ("/mnt", "")


def visit(subject: str, at: int, stays: int, status: Status = Status.OK, discovered: bool = True) -> list[Transition]:
    """A subject that a check finds, that measures something, and that is gone after a while."""
    result = Result(status, "up", subject, metrics=(Metric("cpu", 1.0, "s"),), discovered=discovered)
    came = apply_result(State("docker", subject), result, Policy(), at)
    came = msgspec.structs.replace(came, state=msgspec.structs.replace(came.state, discovered=discovered))
    went = apply_result(came.state, Result(Status.OK, "is gone", subject), Policy(), at + stays)
    return [came, msgspec.structs.replace(went, last=True)]


def rows_of(folder: Path) -> dict[str, int]:
    with contextlib.closing(sqlite3.connect(folder / FILE)) as db:
        return {
            table: db.execute(f"SELECT count(*) FROM {table}").fetchone()[0]  # noqa: S608 - our own names
            for table in ("changes", "series", "fine", "hourly")
        }


@pytest.mark.parametrize("flushes", [1, 3])
def test_what_came_and_went_by_thousands_leaves_no_row(flushes: int, tmp_path: Path) -> None:
    clock = Clock()
    writer = HistoryWriter(Record(tmp_path, KEEP, clock))
    visits = [visit(f"job-{number}", T0 + number * MINUTE // 10, 3 * MINUTE) for number in range(600)]
    steps = sorted(itertools.chain.from_iterable(visits), key=lambda step: step.at)
    size = -(-len(steps) // flushes)
    for part in (steps[at : at + size] for at in range(0, len(steps), size)):
        for step in part:
            writer.put(step, True)
        writer.take()
        clock.now = part[-1].at
        writer.record.flush(metrics=False)
        writer.record.flush()
    assert rows_of(tmp_path) == {"changes": 0, "series": 0, "fine": 0, "hourly": 0}


@pytest.mark.parametrize(
    "steps",
    [
        visit("named", T0, MINUTE, discovered=False),
        visit("long", T0, 24 * HOUR),
        visit("bad", T0, MINUTE, Status.CRITICAL),
        visit("again", T0, MINUTE) + visit("again", T0 + HOUR, MINUTE)[:1],
    ],
    ids=lambda steps: steps[0].state.subject,
)
def test_the_end_of_what_is_somebodys_loss_stays_in_the_history(steps: list[Transition], tmp_path: Path) -> None:
    written(tmp_path, *steps, until=T0 + 26 * HOUR)
    assert rows_of(tmp_path)["changes"] == len(steps)


# --- what people did


SILENCES = st.lists(
    st.tuples(st.sampled_from(["web", "db*"]), st.integers(0, 40), st.integers(1, 40), st.integers(0, 60)), max_size=5
)


@given(meant=SILENCES, looks=st.sets(st.integers(0, 99), max_size=8), restarts=st.sets(st.integers(0, 99), max_size=2))
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_each_silence_is_noted_once_with_its_end_however_often_the_agent_looks_or_starts(
    meant: list[tuple[str, int, int, int]],
    looks: set[int],
    restarts: set[int],
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    """Each silence: what, since when, for how long, and after how long somebody ends it, if that is sooner."""
    folder, clock = tmp_path_factory.mktemp("history"), Clock()
    whole = {(name, since): (since + lasts, since + ends) for name, since, lasts, ends in meant}

    def found() -> tuple[Silence, ...]:
        moment = (clock.now - T0) // 1000
        return tuple(
            Silence(name, T0 + since * 1000, T0 + min(until, ended) * 1000, ended_by="ann" if ended < until else "")
            if ended <= moment
            else Silence(name, T0 + since * 1000, T0 + until * 1000)
            for (name, since), (until, ended) in whole.items()
            if since <= moment
        )

    record = Record(folder, KEEP, clock, found)
    for moment in sorted({*looks, *restarts, 100}):
        clock.now = T0 + moment * 1000
        if moment in restarts:
            record.close()
            record = Record(folder, KEEP, clock, found)
        record.look_at_silences()
        record.flush()
    rows = past(folder, "web", T0, clock.now).notes
    begun = [(row.about, row.began) for row in rows if row.deed is Deed.SILENCED]
    ended = {(row.about, row.began): (row.at, row.who) for row in rows if row.deed is Deed.SILENCE_ENDED}
    assert sorted(begun) == sorted((name, T0 + since * 1000) for name, since in whole)
    assert ended == {
        (name, T0 + since * 1000): (T0 + min(until, stop) * 1000, "ann" if stop < until else "")
        for (name, since), (until, stop) in whole.items()
    }
    assert len(rows) == 2 * len(whole)


def test_a_silence_that_was_ended_before_anybody_looked_is_not_said_to_have_been_meant_so_short(tmp_path: Path) -> None:
    clock = Clock()
    clock.now = T0 + 9000
    record = Record(tmp_path, KEEP, clock, lambda: (Silence("web", T0, T0 + 5000, "deploy", "ann", "bob", T0 + HOUR),))
    record.look_at_silences()
    record.flush()
    begun, ended = past(tmp_path, "web", T0, clock.now).notes
    assert note_text(begun, "web") == f"silenced by ann until {clock_text(T0 + HOUR)}: deploy"
    assert (ended.at, note_text(ended, "web")) == (T0 + 5000, "silence ended by bob")


def test_a_note_is_about_the_checks_that_it_names_and_about_no_other() -> None:
    check = CheckView("web", CheckConfig("web", "http", Check(), Place(""), tags={"env": "prod"}))
    for deed, about, expected in (
        (Deed.SILENCED, "web", True),
        (Deed.SILENCED, "w*", True),
        (Deed.SILENCED, "env=prod", True),
        (Deed.SILENCED, "env=test", False),
        (Deed.SILENCE_ENDED, "db", False),
        (Deed.ACKNOWLEDGED, "web", True),
        (Deed.ACKNOWLEDGED, "web:/a*b", True),
        (Deed.ACKNOWLEDGED, "web2", False),
        (Deed.RUN, "w*", False),
    ):
        assert is_about(NoteRow(0, deed, "ann", about), check) is expected, about


def test_a_file_from_before_there_were_notes_is_read_and_gets_them(tmp_path: Path) -> None:
    written(tmp_path, measured(T0, 1.0)).record.close()
    with sqlite3.connect(tmp_path / FILE) as db:
        db.execute("DROP TABLE notes")
    assert past(tmp_path, "web", T0, T0 + HOUR).notes == ()
    record = Record(tmp_path, KEEP, Clock())
    record.note(NoteRow(T0, Deed.RUN, "ann", "web"))
    record.flush()
    assert [row.who for row in past(tmp_path, "web", T0, T0 + HOUR).notes] == ["ann"]


# --- a file that cannot be used -------------------------------------------------------------------------------------


def damages(path: Path) -> Iterator[Any]:
    yield lambda: path.write_bytes(b"no database at all, but long enough to be read" * 100)
    yield lambda: path.write_bytes(path.read_bytes()[:4096] + b"\xff" * 20_000)
    yield lambda: (path.unlink(), path.mkdir())
    yield lambda: (path.unlink(), path.symlink_to("/etc/passwd"))


@pytest.mark.parametrize("kind", range(4), ids=["no database", "torn pages", "a folder", "a link"])
def test_a_damaged_file_is_set_aside_and_begun_anew(tmp_path: Path, kind: int) -> None:
    written(tmp_path, measured(T0, 1.0)).record._disk.close()
    [*damages(tmp_path / FILE)][kind]()
    for end in ("-wal", "-shm"):
        (tmp_path / (FILE + end)).unlink(missing_ok=True)
    for _ in range(2):  # what is found to be damaged while it is written is written by the next try
        writer = written(tmp_path, measured(T0 + MINUTE, 2.0))
        writer.record.flush()
    (metric,) = past(tmp_path, "web", T0, T0 + HOUR).metrics
    assert metric.points[-1] == (T0 + MINUTE, 2.0)
    assert (tmp_path / ASIDE).is_symlink() or (tmp_path / ASIDE).exists()
    assert "root" in Path("/etc/passwd").read_text()


def test_what_cannot_be_written_waits_and_is_said_once(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    folder = tmp_path / "away"
    writer = written(folder, apply_result(State("web"), Result(Status.OK, "fine"), Policy(), T0), measured(T0, 1.0))
    writer.record.flush()
    writer.put(measured(T0 + HOUR, 2.0), True)
    writer.take()
    folder.mkdir()
    writer.record.flush()
    found = past(folder, "web", T0, T0 + 2 * HOUR)
    assert [value for _, value in found.metrics[0].points] == [1.0, 2.0]
    assert [change.summary for change in found.changes] == ["fine"]
    assert [record.levelname for record in caplog.records] == ["ERROR", "WARNING"]


def test_another_versions_file_is_left_alone(tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / FILE) as db:
        db.execute("PRAGMA user_version = 99")
        db.execute("CREATE TABLE theirs (x)")
    written(tmp_path, measured(T0, 1.0))
    assert sqlite3.connect(tmp_path / FILE).execute("PRAGMA user_version").fetchone() == (99,)
    assert not (tmp_path / ASIDE).exists()


def test_the_recorder_never_waits_however_much_comes(tmp_path: Path) -> None:
    writer = HistoryWriter(Record(tmp_path, KEEP, Clock()))
    for _ in range(MOST_WAITING + 100):
        writer.put(measured(T0, 1.0), True)
    assert len(writer._queue) == MOST_WAITING


def test_without_a_file_it_says_so(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match=r"agent\.history is false"):
        past(tmp_path, "web", 0, T0)


# --- bars and plots -------------------------------------------------------------------------------------------------

STATUSES = ["ok", "warning", "critical", "nodata", ""]


@given(
    changes=st.lists(st.tuples(st.integers(-50, 99), st.sampled_from(STATUSES)), max_size=10),
    lives=st.lists(st.tuples(st.integers(-50, 99), st.integers(0, 60)), max_size=3),
    cells=st.sampled_from([1, 5, 10, 20, 50, 100]),
)
def test_a_cell_of_a_bar_is_the_worst_that_held_in_it(
    changes: list[tuple[int, str]], lives: list[tuple[int, int]], cells: int
) -> None:
    changes = sorted(dict(changes).items())
    rows = [ChangeRow(at, "web", "", status, status, False, "", "", "") for at, status in changes]
    before = [row for row in rows if row.at < 0][-1:]
    shown = bar(
        [*before, *(row for row in rows if row.at >= 0)],
        [Life(at, at + length) for at, length in lives],
        "ok",
        0,
        100,
        cells,
    )
    rank = {"": -1} | {str(status): severity for status, severity in SEVERITY.items()}

    def held(moment: int) -> str:
        if not changes:
            return "ok"
        return next((status for at, status in reversed(changes) if at <= moment), "")

    for cell, status in enumerate(shown):
        moments = range(cell * 100 // cells, (cell + 1) * 100 // cells)
        looked = any(at <= moment <= at + length for at, length in lives for moment in moments)
        assert status == (max(map(held, moments), key=rank.__getitem__) if looked else NOT_WATCHED)


@given(st.lists(st.none() | st.floats(0, 1), min_size=1, max_size=40), st.integers(1, 4))
def test_a_plot_is_as_high_as_its_values(values: list[float | None], rows: int) -> None:
    drawn = plot(values, 0.0, 1.0, rows)
    assert len(drawn) == rows
    full = [row.ljust(len(values)) for row in drawn]
    heights = [sum(" ▁▂▃▄▅▆▇█".index(row[column]) for row in full) for column in range(len(values))]
    for (one, a), (two, b) in itertools.combinations(zip(values, heights, strict=True), 2):
        assert one is None or two is None or (one <= two) == (a <= b) or abs(one - two) < 1 / (rows * 8 - 1)
    assert all((height == 0) == (value is None) for value, height in zip(values, heights, strict=True))


@given(st.lists(st.tuples(st.integers(0, 99), st.floats(-1e6, 1e6)), max_size=50), st.integers(1, 30))
def test_columns_hold_every_value_once(points: list[tuple[int, float]], cells: int) -> None:
    found = columns(points, 0, 100, cells)
    assert len(found) == cells
    assert sum(value is not None for value in found) == len({at * cells // 100 for at, _ in points})


LARGE = sys.float_info.max


def test_of_numbers_as_large_as_floats_get_mean_and_height_are_the_true_ones() -> None:
    assert columns([(0, LARGE), (1, LARGE), (50, -LARGE), (51, LARGE)], 0, 100, 2) == [LARGE, 0.0]
    assert [height(value, -LARGE, LARGE) for value in (-LARGE, 0.0, LARGE)] == [0.0, 0.5, 1.0]
    assert plot([-LARGE, 0.0, LARGE], -LARGE, LARGE, 1) == ["▁▅█"]


TEXTS = st.text(max_size=60) | st.sampled_from(["監視" * 40, "\x1b[2J", "a\nb"])


@given(subject=TEXTS, summary=TEXTS, metric=TEXTS, unit=TEXTS, value=st.floats(-1e15, 1e15), width=st.integers(80, 200))
@settings(deadline=None)
def test_no_line_of_the_page_is_wider_than_the_terminal_or_steers_it(
    subject: str, summary: str, metric: str, unit: str, value: float, width: int
) -> None:
    changes = (ChangeRow(HOUR // 2, "web", subject, "ok", "critical", False, "", "silenced " * 30, summary),)
    course = MetricCourse(subject, metric, unit, ((HOUR // 2, value),), value, value, value)
    found = Past("web", 0, HOUR, changes, (Life(0, HOUR),), (course,))
    for line in page(CheckView("web", None), found, False, Screen(width, 24)):
        assert width_of(line) <= width
        assert not {unicodedata.category(letter) for letter in line} & {"Cc", "Cf", "Cs"}


def test_a_block_is_sixty_float32() -> None:
    assert array("f").itemsize == 4


# --- a real agent ---------------------------------------------------------------------------------------------------

CHECKS = """
checks:
  web: {type: script, command: [sh, -c, 'test -e FLAG && exit 2; echo "OK - fine | time=0.25s"'], interval: 1s}
"""


def test_history_shows_changes_metrics_and_what_is_held_back(tmp_path: Path) -> None:
    with agent_process(tmp_path, {"SUDO_USER": "ann"}) as agent:
        agent.write("a.yaml", CHECKS.replace("FLAG", str(tmp_path / "flag")))
        agent.start()
        agent.wait_until(lambda: any(one["check"] == "web" for one in agent.status()["checks"]), "a first result")
        agent.call("silence", "web", "--for", "1h", "--reason", "a test")
        (tmp_path / "flag").touch()
        bad = lambda: any(one["check"] == "web" and one["held"] for one in agent.status()["checks"])  # noqa: E731
        agent.wait_until(bad, "a problem that is held back")
        agent.call("unsilence", "web")
        told = lambda: any(one["check"] == "web" and one["reported"] == "critical" for one in agent.status()["checks"])  # noqa: E731
        agent.wait_until(told, "the problem that is told now")
        assert agent.call("ack", "web", "--reason", "on it").returncode == 0
        assert agent.stop() == 0
        said = agent.call("history", "web", "--last", "10m").stdout
        assert "critical   not told (silenced until" in said
        assert re.search(r"silenced by ann until 20\S+ \S+: a test", said)
        assert "silence ended by ann" in said
        assert "acknowledged by ann (on it)" in said
        assert "time: low 250ms, mean 250ms, high 250ms, last 250ms" in said
        assert "█" in said
        form = agent.json("history", "web")
        assert form["version"] == 1
        assert [change["decided"] for change in form["subjects"][0]["changes"]] == ["ok", "critical", "critical"]
        assert [(note["deed"], note["who"]) for note in form["notes"]] == [
            ("silenced", "ann"),
            ("silence ended", "ann"),
            ("acknowledged", "ann (on it)"),
        ]
        assert "no check is called 'wbe', did you mean 'web'?" in agent.call("history", "wbe").stderr


def test_off_means_no_file(tmp_path: Path) -> None:
    with agent_process(tmp_path) as agent:
        agent.write("a.yaml", "agent: {history: false}\n" + CHECKS)
        agent.start()
        agent.wait_until(lambda: any(one["check"] == "web" for one in agent.status()["checks"]), "a first result")
        assert not (agent.state / FILE).exists()
        assert agent.stop() == 0
        assert not (agent.state / FILE).exists()
        assert "agent.history is false" in agent.call("history", "web").stderr


def test_wrong_bounds_are_named_at_their_place(tmp_path: Path) -> None:
    with agent_process(tmp_path) as agent:
        agent.write("a.yaml", "agent: {history: {fine: 1h, most_bytes: 1KiB}}\n" + CHECKS)
        said = agent.call("validate").stdout
        assert "agent.history.fine: '1h' must be between 1d and 365d" in said
        assert "agent.history.most_bytes: '1KiB' must be between 1MiB and 1TiB" in said
