"""Where each field of the Snapshot comes from: the state, the last run, the configuration. Golden values."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from agent.config.drop_ins import load
from agent.config.settings import Config
from agent.config.types.catalog import Catalog
from agent.model import EventStatus, Metric, Reason, ReasonKind, Result, Silence, State, Status
from agent.store import Holder, LastRun
from agent.view.compose import LATE_SECONDS, StoreContents, compose
from agent.view.snapshot import AgentView, CheckView, Mark, SubjectView, urgency

NOW = 1_700_000_000_000
MINUTE = 60_000
SILENCE = Silence("web:/cart", NOW - MINUTE, NOW + MINUTE)
OVER = Silence("*", NOW - MINUTE, NOW)

CONFIG = """
agent: {tags: {env: prod, team: ops}}
checks:
  web: {type: script, command: [web], tags: {team: shop}, timeout: 20s}
  off: {type: script, command: [off], enabled: false}
  also-off: {type: script, command: [off], enabled: false}
  wrong: {type: script, comand: [web], shel: x}
  backup: {type: pushed, ttl: 1d}
  gateway: {type: script, command: [gateway]}
  router: {type: script, command: [router], depends_on: gateway}
  shop: {type: script, command: [shop], depends_on: router}
"""


@pytest.fixture(scope="module")
def config(tmp_path_factory: pytest.TempPathFactory) -> Config:
    folder = tmp_path_factory.mktemp("conf.d")
    (folder / "checks.yaml").write_text(CONFIG)
    return load(folder, Catalog(), {})


STATE = State(
    "web",
    "/cart",
    decided=Status.CRITICAL,
    decided_since=NOW - 5 * MINUTE,
    notified=EventStatus.WARNING,
    notified_at=NOW - 4 * MINUTE,
    suppressed_by="it was silenced",
    acknowledged="ann",
    type="http",
)
RUN = LastRun(
    "web",
    "/cart",
    Result(Status.CRITICAL, "HTTP 500", "/cart", "the page said so", (Metric("time", 0.5),)),
    NOW - 1000,
    0.25,
    NOW + 2000,
)
KNOWN = StoreContents((STATE,), (RUN,), silences=(SILENCE, OVER), holder=Holder(42, NOW - MINUTE))


def views(known: StoreContents, config: Config, check: str = "web") -> tuple[SubjectView, ...]:
    return compose(known, config, NOW).checks[check].subjects


def changed(one: Any, **fields: Any) -> Any:
    return msgspec.structs.replace(one, **fields)


def test_a_subject_has_all_that_state_run_and_configuration_say(config: Config) -> None:
    (one,) = views(KNOWN, config)
    reason = Reason(one.reasons[0].text, SILENCE.until, ReasonKind.SILENCE)
    assert one == SubjectView(
        check="web",
        subject="/cart",
        type="script",
        status=Status.CRITICAL,
        since=NOW - 5 * MINUTE,
        state=STATE,
        notified=EventStatus.WARNING,
        notified_at=NOW - 4 * MINUTE,
        suppressed_by="it was silenced",
        reasons=(reason,),
        marks=(Mark.SILENCED, Mark.ACKNOWLEDGED),
        why=f"It is critical, which is not told now: {reason.text}.",
        summary="HTTP 500",
        details="the page said so",
        last_status=Status.CRITICAL,
        last_run=NOW - 1000,
        next_run=NOW + 2000,
        duration=0.25,
        late=0.0,
        metrics=(Metric("time", 0.5),),
        tags={"env": "prod", "team": "shop"},
    )
    assert reason.text.startswith("silenced until ")


def test_what_is_remembered_of_a_check_that_is_not_configured_has_its_own_type_and_the_agents_tags(
    config: Config,
) -> None:
    (one,) = views(StoreContents((changed(STATE, check="gone"),)), config, "gone")
    assert (one.type, one.tags, one.reasons) == ("http", {"env": "prod", "team": "ops"}, ())
    assert (one.summary, one.details, one.last_status, one.metrics) == ("", "", None, ())
    assert (one.last_run, one.next_run, one.duration, one.late) == (0, 0, 0.0, 0.0)


def test_without_an_agent_no_next_run_is_promised(config: Config) -> None:
    (one,) = views(changed(KNOWN, holder=None), config)
    assert (one.last_run, one.next_run) == (NOW - 1000, 0)


def test_who_never_ran_says_so_or_what_is_wrong_with_it(config: Config) -> None:
    (fresh,) = views(StoreContents(), config)
    assert (fresh.summary, fresh.since, fresh.marks) == ("no result yet", 0, (Mark.NO_RESULT,))
    (wrong,) = views(StoreContents(), config, "wrong")
    assert wrong.marks == (Mark.WRONG, Mark.NO_RESULT)
    first, second, *_ = compose(StoreContents(), config, NOW).checks["wrong"].problems
    assert wrong.summary == first != second
    assert "'comand'" in first
    assert "'shel'" in second


def test_a_decided_state_without_a_run_has_no_mark_and_says_nothing(config: Config) -> None:
    (one,) = views(StoreContents((changed(STATE, acknowledged=""),)), config)
    assert (one.marks, one.summary) == ((), "")


def test_of_what_is_written_wrong_the_last_result_is_shown(config: Config) -> None:
    known = StoreContents((changed(STATE, check="wrong", acknowledged=""),), (changed(RUN, check="wrong"),))
    (one,) = views(known, config, "wrong")
    assert (one.summary, one.marks) == ("HTTP 500", (Mark.WRONG,))


def test_each_subject_has_its_own_run_and_a_check_is_none_beside_its_subjects(config: Config) -> None:
    other = changed(STATE, subject="/")
    root = changed(RUN, subject="/", result=changed(RUN.result, subject="/", summary="slow"))
    same_name = changed(RUN, check="other", result=changed(RUN.result, summary="another check's"))
    found = views(StoreContents((STATE, other), (same_name, root, RUN)), config)
    assert {one.subject: one.summary for one in found} == {"/cart": "HTTP 500", "/": "slow"}


def test_a_last_result_is_shown_though_nothing_is_remembered_of_its_subject(config: Config) -> None:
    (one,) = views(StoreContents(runs=(changed(RUN, subject=""),)), config)
    assert (one.subject, one.summary, one.marks) == ("", "HTTP 500", (Mark.UNDECIDED,))


def test_who_stands_behind_a_parent_that_is_behind_one_that_is_down_says_so(config: Config) -> None:
    known = StoreContents((State("gateway", decided=Status.CRITICAL), State("router", decided=Status.OK)))
    (one,) = views(known, config, "shop")
    assert one.marks == (Mark.NO_RESULT, Mark.PARENT)


def test_who_is_switched_off_is_shown_only_with_what_is_remembered_of_it(config: Config) -> None:
    seen = compose(StoreContents((changed(STATE, check="off"),)), config, NOW)
    assert [one.subject for one in seen.checks["off"].subjects] == ["/cart"]
    assert seen.checks["also-off"].subjects == ()
    assert seen.agent.disabled == ("off", "also-off")


def test_checks_stand_in_the_order_of_the_files_then_what_is_wrong_then_what_is_remembered(config: Config) -> None:
    known = StoreContents((changed(STATE, check="gone"), STATE), no_result_yet=("fresh", "web"))
    seen = compose(known, config, NOW)
    assert list(seen.checks) == [*config.checks, "wrong", "gone", "fresh"]
    assert [*config.checks][:4] == ["web", "off", "also-off", "backup"]
    assert seen.checks["web"].config is config.checks["web"]
    assert seen.checks["gone"] == CheckView("gone", None, (), seen.checks["gone"].subjects)
    assert seen.checks["wrong"].config is None


def test_the_agent_is_who_holds_the_store_and_silences_are_those_in_force(config: Config) -> None:
    seen = compose(KNOWN, config, NOW)
    problems = tuple(map(str, config.problems))
    assert seen.agent == AgentView(42, NOW - MINUTE, problems, ("off", "also-off"))
    assert seen.silences == (SILENCE,)
    assert seen.at == NOW
    assert compose(StoreContents(), config, NOW).agent == AgentView(0, 0, problems, ("off", "also-off"))


def late(config: Config, check: str = "web", **fields: Any) -> float:
    run = changed(RUN, check=check, next_at=NOW - round(1000 * fields.pop("overdue", 30.0)))
    known = StoreContents((changed(STATE, check=check),), (run,), holder=Holder(42, 1))
    (one,) = views(changed(known, **fields), config, check)
    assert (one.late > 0) == (Mark.LATE in one.marks)
    return one.late


def test_late_is_a_next_run_that_is_overdue_by_more_than_its_time_out_and_some_seconds(config: Config) -> None:
    enough = 20 + LATE_SECONDS
    assert late(config, overdue=enough) == 0
    assert late(config, overdue=enough + 0.001) == pytest.approx(enough + 0.001)
    assert late(config, overdue=90.5) == 90.5
    assert late(config, overdue=90.5, holder=None) == 0
    assert late(config, "backup", overdue=90.5) == 0
    assert late(config, "off", overdue=90.5) == 0
    assert late(config, "gone", overdue=90.5) == 0
    assert late(config, runs=(changed(RUN, next_at=0),)) == 0


SUBJECT = SubjectView("web", "", "http", Status.OK, 0, State("web"), None, 0, "")


@pytest.mark.parametrize(
    ("status", "marks", "well", "waits", "urgent"),
    [
        (Status.OK, (), True, False, 0),
        (Status.OK, (Mark.SILENCED, Mark.MAINTENANCE, Mark.PARENT, Mark.UNCONFIGURED), True, False, 0),
        (Status.OK, (Mark.FLAPPING,), False, False, 0.5),
        (Status.OK, (Mark.UNDECIDED,), False, False, 0.5),
        (Status.OK, (Mark.LATE,), False, False, 0.5),
        (Status.OK, (Mark.WRONG,), False, False, 0.5),
        (Status.NODATA, (Mark.NO_RESULT,), False, True, 0.25),
        (Status.NODATA, (Mark.NO_RESULT, Mark.WRONG), False, False, 1),
        (Status.NODATA, (), False, False, 1),
        (Status.WARNING, (), False, False, 2),
        (Status.CRITICAL, (Mark.LATE,), False, False, 3),
    ],
)
def test_how_much_a_subject_needs_a_reader(
    status: Status, marks: tuple[Mark, ...], well: bool, waits: bool, urgent: float
) -> None:
    one = changed(SUBJECT, status=status, marks=marks)
    assert (one.is_well, one.waits, urgency(one)) == (well, waits, urgent)


def test_of_equal_urgency_check_and_subject_give_the_order_and_a_name_has_both(config: Config) -> None:
    states = tuple(changed(STATE, check=check, subject=subject) for check in "ba" for subject in ("2", "", "1"))
    seen = compose(StoreContents(states), Config(), NOW)
    assert [one.name for one in seen.subjects] == ["a", "a 1", "a 2", "b", "b 1", "b 2"]
    assert seen.late == ()


def test_the_late_ones_are_those_that_are_late(config: Config) -> None:
    runs = (changed(RUN, next_at=NOW - MINUTE),)
    seen = compose(StoreContents((STATE, changed(STATE, subject="/")), runs, holder=Holder(42, 1)), config, NOW)
    assert [one.subject for one in seen.late] == ["/cart"]
