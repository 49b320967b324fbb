"""What the history keeps of changes, and of what people did."""

from __future__ import annotations

import contextlib
import itertools
import sqlite3
from pathlib import Path

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from agent.api import Check
from agent.config.settings import CheckConfig, Place
from agent.engine.state.transition import Transition, apply_result
from agent.model import Metric, Policy, Reason, Result, Silence, State, Status
from agent.view.history.about import is_about, note_text
from agent.view.history.file import FILE
from agent.view.history.reading import past
from agent.view.history.rows import HOUR, MINUTE, Deed, NoteRow, change_of
from agent.view.history.writer import HistoryWriter, Record
from agent.view.snapshot import CheckView
from agent.view.words import clock as clock_text
from tests.view.histories import KEEP, T0, Clock, measured, written

# --- changes --------------------------------------------------------------------------------------------------------


@given(letters=st.lists(st.sampled_from("owcnWC"), min_size=1, max_size=30))
def test_a_change_is_kept_exactly_when_something_is_decided_told_or_held_back(letters: list[str]) -> None:
    """Upper case: while it is silenced."""
    statuses = {"o": Status.OK, "w": Status.WARNING, "c": Status.CRITICAL, "n": Status.NODATA}
    state, news_of_steps, kept = State("web"), [], []
    for second, letter in enumerate(letters):
        reasons = (Reason("silenced"),) if letter.isupper() else ()
        step = apply_result(state, Result(statuses[letter.lower()], letter), Policy(), second * 1000, reasons)
        news = (state.decided, state.flapping, state.suppressed_by) != (
            step.state.decided,
            step.state.flapping,
            step.state.suppressed_by,
        )
        if news or step.report:
            news_of_steps.append((step.at, str(step.state.decided), bool(step.report), step.state.suppressed_by))
        if row := change_of(step):
            kept.append((row.at, row.decided, bool(row.notified), row.why))
        state = step.state
    assert kept == news_of_steps


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
    writer.record.close()
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
    record.close()
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
    written(tmp_path, measured(T0, 1.0))
    with sqlite3.connect(tmp_path / FILE) as db:
        db.execute("DROP TABLE notes")
    assert past(tmp_path, "web", T0, T0 + HOUR).notes == ()
    record = Record(tmp_path, KEEP, Clock())
    record.note(NoteRow(T0, Deed.RUN, "ann", "web"))
    record.flush()
    assert [row.who for row in past(tmp_path, "web", T0, T0 + HOUR).notes] == ["ann"]
