"""What the history keeps of metrics: what came, in a bounded file, whatever happens to it."""

from __future__ import annotations

import contextlib
import itertools
import math
import sqlite3
import tracemalloc
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from agent.engine.state.transition import apply_result
from agent.model import Policy, Result, State, Status
from agent.store import StoreError
from agent.view.history.file import ASIDE, FILE, Keep, bytes_in_use, open_history
from agent.view.history.reading import past
from agent.view.history.rows import HOUR, MINUTE
from agent.view.history.writer import MOST_WAITING, HistoryWriter, Record
from tests.view.histories import KEEP, T0, Clock, measured, together, written


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


@pytest.mark.parametrize("values", [(1e308, 1.7e308), (-1.7e308, -1.7e308), (1.7e308, 1.7e308, -1.7e308), (1e39, 2e39)])
def test_the_largest_floats_stay_finite(tmp_path: Path, values: tuple[float, ...]) -> None:
    for at, value in enumerate(values):
        steps = [measured(T0 + (at * 60 + minute) * MINUTE, value) for minute in range(3)]
        written(tmp_path, *steps)
        written(tmp_path, *(measured(T0 + 5 * MINUTE, -value) for _ in range(2)))
    (metric,) = past(tmp_path, "web", T0, T0 + 3 * HOUR).metrics
    assert all(map(math.isfinite, (metric.low, metric.high, metric.mean, *(value for _, value in metric.points))))
    assert metric.low <= metric.mean <= metric.high


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


@pytest.mark.parametrize(("names", "most"), [("a", 800), ("abcd", 220)])
def test_of_a_metric_that_is_written_little_stays_in_memory(names: str, most: int, tmp_path: Path) -> None:
    count = 1000
    clock = Clock()
    record = Record(tmp_path, KEEP, clock)
    tracemalloc.start()
    for minute in range(20):
        for number in range(count):
            values = dict.fromkeys(names, minute + 0.5)
            record.take(together(T0 + minute * MINUTE, values, check=f"web-{number}"), True)
        if minute % 5 == 4:
            record.flush()
    kept = tracemalloc.get_traced_memory()[0]
    tracemalloc.stop()
    assert kept / count / len(names) < most, (
        "bytes a metric, its names among them; with the values of the whole hour 900, or an object each, more"
    )


@given(
    results=st.lists(
        st.tuples(
            st.integers(0, 3 * 60 - 1), st.lists(st.sampled_from("abcd"), unique=True, max_size=4), st.booleans()
        ),
        min_size=1,
        max_size=14,
    )
)
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_each_metric_of_a_subject_keeps_its_own_values_whichever_others_come_and_when(
    results: list[tuple[int, list[str], bool]], tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder, clock = tmp_path_factory.mktemp("history"), Clock()
    record = Record(folder, KEEP, clock)
    came: dict[str, list[tuple[int, float]]] = {}
    for number, (minute, names, flushes) in enumerate(results):
        clock.now = T0 + minute * MINUTE
        values = {name: 10.0 * number + at for at, name in enumerate(names)}
        record.take(together(clock.now, values), True)
        for name, value in values.items():
            came.setdefault(name, []).append((clock.now, value))
        if flushes:
            record.flush()
    record.flush()
    found = {metric.name: metric for metric in past(folder, "web", T0, T0 + 3 * HOUR).metrics}
    assert found.keys() == came.keys()
    for name, points in came.items():
        assert dict(found[name].points) == dict(points)
        assert found[name].mean == pytest.approx(sum(value for _, value in points) / len(points))


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


# --- a file that cannot be used -------------------------------------------------------------------------------------


def damages(path: Path) -> Iterator[Any]:
    yield lambda: path.write_bytes(b"no database at all, but long enough to be read" * 100)
    yield lambda: path.write_bytes(path.read_bytes()[:4096] + b"\xff" * 20_000)
    yield lambda: (path.unlink(), path.mkdir())
    yield lambda: (path.unlink(), path.symlink_to("/etc/passwd"))


@pytest.mark.parametrize("kind", range(4), ids=["no database", "torn pages", "a folder", "a link"])
def test_a_damaged_file_is_set_aside_and_begun_anew(tmp_path: Path, kind: int) -> None:
    written(tmp_path, measured(T0, 1.0))
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
