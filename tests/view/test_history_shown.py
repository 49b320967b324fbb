"""How the history is shown: bars, plots, and by a real agent."""

from __future__ import annotations

import itertools
import re
import sys
import unicodedata
from array import array
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from agent.cli.history import page
from agent.cli.show.screen import Screen, width_of
from agent.model import SEVERITY
from agent.view.history.course import NOT_WATCHED, bar, columns, height, plot
from agent.view.history.file import FILE
from agent.view.history.reading import MetricCourse, Past
from agent.view.history.rows import HOUR, ChangeRow, Life
from agent.view.snapshot import CheckView
from tests.processes.agent_process import agent_process

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
