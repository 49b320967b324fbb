"""The forms of `--json`: each key holds what its description says. One golden value of each form."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from agent.api import Check
from agent.config.at_work import ReloadPreview
from agent.config.settings import CheckConfig, Place
from agent.model import EventStatus, Metric, Outcome, Reason, ReasonKind, Result, State, Status
from agent.store import Delivery, Phase
from agent.view.explanation import SettingView
from agent.view.forms.check import check_form
from agent.view.forms.events import event_form
from agent.view.forms.explain import explain_form
from agent.view.forms.history import history_form
from agent.view.forms.status import status_form
from agent.view.history.reading import MetricCourse as Course
from agent.view.history.reading import Past
from agent.view.history.rows import ChangeRow, Deed, Life, NoteRow
from agent.view.snapshot import AgentView, CheckView, DestinationView, Mark, Snapshot, SubjectView

STATE = State(
    "web",
    "/cart",
    decided=Status.CRITICAL,
    bad=21,
    missing=22,
    good=23,
    repeats=24,
    incident="abc",
    incident_since=25,
    events=26,
)
ONE = SubjectView(
    check="web",
    subject="/cart",
    type="http",
    status=Status.CRITICAL,
    since=1,
    state=STATE,
    notified=EventStatus.FLAPPING,
    notified_at=2,
    suppressed_by="silenced",
    reasons=(Reason("silenced until noon", 3),),
    marks=(Mark.SILENCED,),
    why="Because.",
    summary="HTTP 500",
    details="the page said so",
    last_status=Status.WARNING,
    last_run=4,
    next_run=5,
    duration=0.25,
    late=6.5,
    metrics=(Metric("time", 0.5, "s"),),
    tags={"env": "prod"},
)
NEW = SubjectView(
    "web", "", "http", Status.NODATA, 0, State("web"), None, 0, "", marks=(Mark.NO_RESULT,), why="New.", summary="none"
)
SUBJECT = {
    "check": "web",
    "subject": "/cart",
    "type": "http",
    "status": "critical",
    "since": 1,
    "marks": ["silenced"],
    "reported": "flapping",
    "reported_at": 2,
    "held": "silenced",
    "reasons": [{"text": "silenced until noon", "until": 3, "kind": ReasonKind.SILENCE.value}],
    "why": "Because.",
    "summary": "HTTP 500",
    "last_status": "warning",
    "last_run": 4,
    "next_run": 5,
    "duration": 0.25,
    "late": 6.5,
    "metrics": [{"name": "time", "value": 0.5, "unit": "s"}],
    "tags": {"env": "prod"},
}
NOTHING = {
    "check": "web",
    "subject": "",
    "type": "http",
    "status": "nodata",
    "since": 0,
    "marks": ["no result yet"],
    "reported": "never",
    "reported_at": 0,
    "held": "",
    "reasons": [],
    "why": "New.",
    "summary": "none",
    "last_status": "",
    "last_run": 0,
    "next_run": 0,
    "duration": 0.0,
    "late": 0.0,
    "metrics": [],
    "tags": {},
}
DESTINATIONS = (
    DestinationView("events", 2, 900, 3, 800, "HTTP 503"),
    DestinationView("ops", 4, 700, 5, 600, ""),
    DestinationView("idle"),
)


def snapshot(agent: AgentView, *destinations: DestinationView) -> Snapshot:
    new = msgspec.structs.replace(NEW, check="db")
    return Snapshot(
        1000, agent, {"web": CheckView("web", None, (), (ONE,)), "db": CheckView("db", None, (), (new,))}, destinations
    )


def shown(form: msgspec.Struct) -> Any:
    return msgspec.json.decode(msgspec.json.encode(form))


def test_status_has_the_agent_what_waits_in_all_each_destination_and_the_chosen_subjects() -> None:
    reload = ReloadPreview(("db",), agent=True)
    seen = snapshot(AgentView(42, 500, ("a.yaml: wrong",), ("off",), reload=reload), *DESTINATIONS)
    assert shown(status_form(seen, (ONE,))) == {
        "version": 1,
        "at": 1000,
        "agent": {"pid": 42, "since": 500},
        "problems": ["a.yaml: wrong"],
        "disabled": ["off"],
        "no_result_yet": ["db"],
        "outbox": {"count": 6, "oldest": 700, "refused": 8},
        "destinations": {
            "events": {"count": 2, "oldest": 900, "refused": 3, "delivered_at": 800, "trouble": "HTTP 503"},
            "ops": {"count": 4, "oldest": 700, "refused": 5, "delivered_at": 600, "trouble": ""},
            "idle": {"count": 0, "oldest": 0, "refused": 0, "delivered_at": 0, "trouble": ""},
        },
        "checks": [SUBJECT],
        "reload": {"added": ["db"], "changed": [], "removed": [], "agent": True, "directory": ""},
    }


def test_status_without_an_agent_and_without_destinations_has_neither() -> None:
    form = shown(status_form(snapshot(AgentView()), ()))
    assert (form["agent"], form["destinations"], form["checks"]) == (None, {}, [])
    assert form["outbox"] == {"count": 0, "oldest": 0, "refused": 0}


def explained(subject: dict[str, Any], **more: Any) -> dict[str, Any]:
    return subject | {"details": "", "incident": "", "incident_since": 0, "repeats": 0, "events": 0} | more


EXPLAINED = [
    explained(
        SUBJECT,
        details="the page said so",
        counts={"bad": 21, "nodata": 22, "good": 23},
        incident="abc",
        incident_since=25,
        repeats=24,
        events=26,
    ),
    explained(NOTHING, counts={"bad": 0, "nodata": 0, "good": 0}),
]


def test_explain_has_the_check_its_settings_and_its_subjects_the_worst_first() -> None:
    config = CheckConfig("web", "http", Check(), Place("a.yaml", 3, 5), description="the shop", runbook="https://run")
    check = CheckView("web", config, ("wrong",), (NEW, ONE))
    setting = SettingView("url", "https://a.example/", "a.yaml:4:7")
    assert shown(explain_form(snapshot(AgentView()), check, [setting])) == {
        "version": 1,
        "at": 1000,
        "check": "web",
        "type": "http",
        "place": "a.yaml:3:5",
        "enabled": True,
        "description": "the shop",
        "runbook": "https://run",
        "problems": ["wrong"],
        "settings": [{"name": "url", "value": "https://a.example/", "place": "a.yaml:4:7"}],
        "subjects": EXPLAINED,
    }


def test_explain_of_what_is_not_configured_has_no_settings_and_equals_go_by_name() -> None:
    same = tuple(msgspec.structs.replace(ONE, subject=name) for name in ("b", "a", "c"))
    form = shown(explain_form(snapshot(AgentView()), CheckView("web", None, ("wrong",), same), []))
    assert [one["subject"] for one in form.pop("subjects")] == ["a", "b", "c"]
    assert form == {
        "version": 1,
        "at": 1000,
        "check": "web",
        "type": "",
        "place": "",
        "enabled": False,
        "description": "",
        "runbook": "",
        "problems": ["wrong"],
        "settings": [],
    }


def test_check_has_the_run_and_the_worst_of_its_results() -> None:
    run = Outcome("web", 7, 900, 0.25, (Result(Status.OK, "fine", "/a"),), complete=False, type="http")
    assert shown(check_form(run, Status.CRITICAL)) == {
        "version": 1,
        "check": "web",
        "type": "http",
        "status": "critical",
        "started_at": 900,
        "duration": 0.25,
        "complete": False,
        "results": [{"status": "ok", "summary": "fine", "subject": "/a"}],
    }


@pytest.mark.parametrize(("facts", "value"), [(b'{"summary":"x"}', {"summary": "x"}), (b"", None), (None, None)])
def test_an_event_has_its_delivery_its_title_and_the_facts_as_they_were_kept(facts: bytes | None, value: Any) -> None:
    delivery = Delivery(
        1, "ops", "id", "web", "/cart", "error", 900, "kept", b"sent", Phase.REFUSED, 3, "no", 950, 4, 5, facts
    )
    assert shown(event_form(delivery, "CRITICAL web")) == {
        "seq": 1,
        "id": "id",
        "destination": "ops",
        "check": "web",
        "subject": "/cart",
        "status": "error",
        "created": 900,
        "title": "CRITICAL web",
        "phase": "refused",
        "attempts": 3,
        "answer": "no",
        "answered_at": 950,
        "members": 4,
        "digest": 5,
        "facts": value,
    }


CHANGE = {"at": 1, "result": "warning", "decided": "critical", "flapping": True, "notified": "error", "why": "held"}


def test_history_has_each_subject_with_its_changes_and_metrics_and_the_notes_about_the_check() -> None:
    found = Past(
        "web",
        100,
        200,
        (
            ChangeRow(1, "web", "/cart", "warning", "critical", True, "error", "held", "HTTP 500"),
            ChangeRow(2, "web", "", "ok", "ok", False, "", "", "fine"),
        ),
        (Life(90, 150),),
        (Course("/cart", "time", "s", ((110, 0.5),), 0.25, 0.75, 0.5), Course("/new", "size", "B", (), 0, 0, 0)),
        (
            NoteRow(120, Deed.SILENCED, "ann", "web", 110, 130, "mending"),
            NoteRow(121, Deed.RUN, "bob", "other"),
        ),
    )
    assert shown(history_form(found, CheckView("web", None))) == {
        "version": 1,
        "check": "web",
        "since": 100,
        "until": 200,
        "watched": [[90, 150]],
        "notes": [
            {"at": 120, "deed": "silenced", "who": "ann", "about": "web", "until": 130, "text": "mending"},
        ],
        "subjects": [
            {
                "subject": "/cart",
                "changes": [CHANGE | {"summary": "HTTP 500"}],
                "metrics": [
                    {"name": "time", "unit": "s", "low": 0.25, "high": 0.75, "mean": 0.5, "points": [[110, 0.5]]}
                ],
            },
            {
                "subject": "",
                "changes": [
                    {"at": 2, "result": "ok", "decided": "ok", "flapping": False, "notified": "", "why": ""}
                    | {"summary": "fine"}
                ],
                "metrics": [],
            },
            {
                "subject": "/new",
                "changes": [],
                "metrics": [{"name": "size", "unit": "B", "low": 0.0, "high": 0.0, "mean": 0.0, "points": []}],
            },
        ],
    }
