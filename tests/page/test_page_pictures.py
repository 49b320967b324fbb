"""The past as SVG: drawn from any history, well formed, and within its frame."""

from __future__ import annotations

import math
from pathlib import Path
from xml.etree import ElementTree

from hypothesis import given
from hypothesis import strategies as st

from agent.engine.state.transition import Transition
from agent.model import Metric as Measured
from agent.model import Result, State, Status
from agent.page.pictures import CELLS, HEIGHT, WIDTH, Span, cells, draw_bar, plot
from agent.store import Store
from agent.view.history.file import Keep
from agent.view.history.reading import MetricCourse, past, recent
from agent.view.history.rows import ChangeRow, Life
from agent.view.history.writer import HistoryWriter, Record
from tests.page.pages import HOUR, NOW, Told, ask, opened, put, served

SINCE = NOW - 24 * HOUR
WHOLE = Span(SINCE, NOW, (Life(SINCE, NOW),), True)
MOMENTS = st.integers(SINCE - HOUR, NOW + HOUR)
CHANGES = st.lists(
    st.tuples(MOMENTS, st.sampled_from([*map(str, Status), "", "<b>", "odd"]), st.booleans()), max_size=6
).map(
    lambda found: [
        ChangeRow(at, "web", "", "ok", decided, flapping, "", "", "") for at, decided, flapping in sorted(found)
    ]
)
LIVES = st.lists(st.tuples(MOMENTS, MOMENTS).map(sorted).map(lambda two: Life(*two)), max_size=3).map(tuple)


@given(changes=CHANGES, lives=LIVES, running=st.booleans())
def test_a_bar_fills_its_frame_and_has_only_classes_of_ours(
    changes: list[ChangeRow], lives: tuple[Life, ...], running: bool
) -> None:
    found = ElementTree.fromstring(draw_bar(cells(changes, None, Span(SINCE, NOW, lives, running))))  # noqa: S314 - ours
    assert found.get("viewBox") == f"0 0 {CELLS} 1"
    ends = [(int(one.get("x", "")), int(one.get("width", ""))) for one in found]
    assert all(x >= 0 and width > 0 and x + width <= CELLS for x, width in ends)
    assert {one.get("class") for one in found} <= {*map(str, Status), "flapping"}


FLOATS = st.floats(allow_nan=False, allow_infinity=False)


@given(points=st.lists(st.tuples(st.integers(SINCE, NOW), FLOATS), min_size=1, max_size=30))
def test_a_plot_of_any_numbers_stays_in_its_frame(points: list[tuple[int, float]]) -> None:
    metric = MetricCourse("", "time", "s", tuple(sorted(points)), 0.0, 0.0, 0.0)
    found = ElementTree.fromstring(plot(metric, WHOLE))  # noqa: S314 - ours
    drawn_points = [point.split(",") for line in found for point in line.get("points", "").split()]
    assert drawn_points
    for x, y in drawn_points:
        assert 0 <= float(x) <= WIDTH
        assert math.isfinite(float(y))
        assert 0 <= float(y) <= HEIGHT


def changed(at: int, status: Status, value: float) -> Transition:
    before, after = State("web"), State("web", decided=status, decided_since=at)
    return Transition(before, after, Result(status, "HTTP 503", metrics=(Measured("time", value, "s"),)), at)


def history(folder: Path, *steps: Transition) -> None:
    now = [SINCE]
    writer = HistoryWriter(Record(folder, Keep(200, 9000, 2**28), lambda: now[0]))
    for step in steps:
        writer.put(step, True)
    writer.take()
    now[0] = NOW
    writer.record.flush()
    writer.record.close()  # while it is open, its pages are read from the file beside it, whatever becomes of it


def test_what_changed_of_all_checks_is_what_each_check_says_of_itself(tmp_path: Path) -> None:
    opened(tmp_path).close()
    steps = [changed(SINCE + hour * HOUR, [*Status][hour % 4], 1.0) for hour in (-3, -2, 2, 5, 6)]
    history(tmp_path, *steps)
    assert recent(tmp_path, SINCE).changes == {("web", ""): list(past(tmp_path, "web", SINCE, NOW).changes)}
    assert [row.at for row in recent(tmp_path, SINCE).changes["web", ""]] == [step.at for step in steps[1:]]
    assert recent(tmp_path / "nowhere", SINCE).changes == {}


def test_the_page_shows_the_last_day_and_does_without_where_it_cannot_be_read(tmp_path: Path) -> None:
    opened(tmp_path).close()
    store = Store.beside(tmp_path)
    put(store, Told("web", "", Status.CRITICAL, "HTTP 503"), Told("disk", "/", since=SINCE - HOUR))
    store.close()
    history(tmp_path, *(changed(SINCE + hour * HOUR, [*Status][hour % 3], hour) for hour in range(20)))
    with served(tmp_path) as server:
        _, said = ask(server, "/")
        assert 'aria-label="Last 24 hours: critical, warning, ok' in said
        assert 'aria-label="Last 24 hours: ok' in said
        _, said = ask(server, "/check/web")
        assert "<polyline" in said
        assert "time: low 0ms, mean 9.5s, high 19s, last 19s" in said
        assert "What changed" in said
        (tmp_path / "history.db").write_text("no database")
        for path in ("/", "/check/web"):
            answer, said = ask(server, path)
            assert (answer.status, "<svg" in said) == (200, False)
            assert "HTTP 503" in said
