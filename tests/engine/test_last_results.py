"""What is known of a check that the agent does not run, beside what only says that nothing came since."""

from __future__ import annotations

from agent.engine.recorder.last_results import LastResults
from agent.model import Outcome, Pushed, Result, Status

BACKUP = ("backup", "db")
FINE, NOTHING_CAME = Result(Status.OK, "fine", "db"), Result(Status.NODATA, "no result for 1m", "db")


def outcome(pushed: Pushed) -> Outcome:
    return Outcome("backup", 0, 1, 0.0, (), complete=False, pushed=pushed)


def test_what_was_known_stays_known_until_it_is_forgotten() -> None:
    results = LastResults(())
    assert results.note(BACKUP, FINE, outcome(Pushed.LIVE)) is None
    assert results.missing() == []
    assert results.note(BACKUP, NOTHING_CAME, outcome(Pushed.NOT)) == FINE
    assert (results.get(BACKUP), results.missing()) == (NOTHING_CAME, [(BACKUP, FINE)])
    results.is_true(BACKUP)
    assert (results.get(BACKUP), results.missing()) == (FINE, [])
    results.forget(BACKUP)
    assert (results.get(BACKUP), results.note(BACKUP, NOTHING_CAME, outcome(Pushed.NOT))) == (None, None)


def test_a_pushed_nodata_is_a_result_like_any() -> None:
    results = LastResults(())
    results.note(BACKUP, FINE, outcome(Pushed.LIVE))
    assert results.note(BACKUP, NOTHING_CAME, outcome(Pushed.LIVE)) is None
    assert results.missing() == []
