"""The pages of `status` and `explain`: what fits, what is cut, what is never cut. Pure, and in real terminals."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
import msgspec
import pexpect
import pyte
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.cli.check import EXIT_CODES
from agent.cli.explain import page as page_of_explain
from agent.cli.show.choosing import Choice, choose, unknown
from agent.cli.show.page import Wish, page, worst
from agent.cli.show.screen import Screen, pad, truncate, width_of, wrap_lines
from agent.config.settings import Config
from agent.model import Result, State, Status
from agent.store import Backlog, Delivery, Holder, LastRun, Phase, Progress
from agent.view.compose import StoreContents, compose
from agent.view.forms.every import FORMS
from agent.view.snapshot import CheckView, Snapshot
from tests.documents.making import JSON
from tests.processes.agent_process import AgentProcess, agent_process

NOW = 1_700_000_000_000
MINUTE = 60_000
SMALL = Screen(80, 24)
NO_SCREEN = Screen()


def seen(*found: tuple[str, str, Status, str], at_work: bool = True) -> Snapshot:
    """Return a Snapshot of subjects, each a check, a subject, a status and a summary."""
    states = [State(check, subject, decided=status, decided_since=NOW - 90_500) for check, subject, status, _ in found]
    runs = [
        LastRun(check, subj, Result(status, text, subj), NOW, 0.1, NOW + 30_000) for check, subj, status, text in found
    ]
    known = StoreContents(
        tuple(states),
        tuple(runs),
        {"events": Backlog(0, 0, 0)},
        {"events": Progress(NOW - MINUTE)},
        holder=Holder(42, NOW - 5 * MINUTE) if at_work else None,
    )
    return compose(known, Config(problems=()), NOW)


def lines(snapshot: Snapshot, on: Screen = SMALL, wish: Wish | None = None) -> list[str]:
    return page(snapshot, snapshot.subjects, wish or Wish(), on)


FIFTY = [(f"web-{number}", "", Status.OK, "200 in 3ms") for number in range(44)]
BAD = [(f"db-{number}", "/x" * 40, status, "no answer " * 30) for number, status in enumerate([*Status][1:] * 2)]


def test_fifty_checks_fit_a_small_terminal_with_all_that_is_not_ok() -> None:
    shown = lines(seen(*FIFTY, *BAD))
    assert len(shown) < SMALL.height
    assert shown[0] == "50 checks: 2 critical, 2 warning, 2 nodata, 44 ok"
    assert [line.split()[0] for line in shown[2:8]] == ["critical"] * 2 + ["warning"] * 2 + ["nodata"] * 2
    assert shown[8] == "44 ok (--all)"
    assert shown[-1] == "agent running for 5m (pid 42) | events: all told, the last 1m ago"


def test_few_checks_are_all_shown_and_so_is_everything_that_goes_into_a_file() -> None:
    assert len(lines(seen(*FIFTY[:5]))) == 2 + 5 + 2
    into_a_file = lines(seen(*FIFTY, *BAD), NO_SCREEN)
    assert len(into_a_file) == 2 + 50 + 2
    assert "no answer " * 29 in into_a_file[2]


def test_all_and_problems_do_what_they_say() -> None:
    everything = seen(*FIFTY, *BAD)
    assert len(lines(everything, wish=Wish(all=True))) == 2 + 50 + 2
    assert len(lines(everything, wish=Wish(problems=True))) == 2 + 6 + 2
    assert len(lines(seen(*FIFTY[:3]), wish=Wish(problems=True))) == 2 + 2


TEXTS = st.text(st.characters(codec="utf-8"), max_size=200) | st.sampled_from(
    ["日本語" * 40, "e\u0301" * 90, "\x1b[2J\r\n"]
)


@given(
    found=st.lists(
        st.tuples(st.from_regex(r"[a-z-]{1,60}", fullmatch=True), TEXTS, st.sampled_from(Status), TEXTS), max_size=6
    ),
    width=st.integers(40, 200),
    colour=st.booleans(),
)
def test_no_line_is_wider_than_the_terminal_or_steers_it(
    found: list[tuple[str, str, Status, str]], width: int, colour: bool
) -> None:
    for line in lines(seen(*found), Screen(width, 24, colour), Wish(all=True)):
        plain = re.sub(r"\x1b\[\d+m", "", line) if colour else line
        assert width_of(plain) <= width
        assert "\x1b" not in plain
        assert "\n" not in plain
        assert "\r" not in plain


@given(text=TEXTS, width=st.integers(0, 50))
def test_a_text_fits_its_column_and_shows_when_it_is_cut(text: str, width: int) -> None:
    cut = truncate(text, width)
    assert width_of(cut) <= width
    assert cut == text or cut == "" or cut.endswith("…")
    assert width_of(pad(text, width)) == width


def test_without_an_agent_nothing_is_next() -> None:
    shown = lines(seen(*FIFTY[:1], at_work=False), Screen(160, 50))
    assert "next in" not in "\n".join(shown)
    assert shown[-1].startswith("agent not running")
    assert "next in 30s" in "\n".join(lines(seen(*FIFTY[:1]), Screen(160, 50)))


def test_names_patterns_statuses_and_types_choose() -> None:
    everything = seen(*FIFTY[:3], ("disk", "/mnt", Status.CRITICAL, "full"), ("disk", "/", Status.OK, "fine"))

    def names(**wanted: Any) -> list[str]:
        return [one.name for one in choose(everything, Choice(**wanted))]

    assert names(names=("disk",)) == ["disk /mnt", "disk /"]
    assert names(names=("disk:/mnt",)) == ["disk /mnt"]
    assert names(names=("web-*",), statuses=("critical",)) == []
    assert names(statuses=("critical", "warning")) == ["disk /mnt"]
    assert unknown(everything, Choice(names=("dsk",))) == "no check is called 'dsk', did you mean 'disk'?"
    assert unknown(everything, Choice(names=("web-*", "disk:/mnt"))) == ""
    assert EXIT_CODES[worst(everything.subjects)] == 2
    assert EXIT_CODES[worst(())] == 0


def test_tags_of_the_host_choose_too_and_one_that_nothing_has_is_said() -> None:
    everything = seen(("web", "", Status.OK, "fine"), ("db", "", Status.OK, "fine"))
    host = {"os": "debian", "arch": "x86_64"}
    for wanted, count in (
        ({"tags": ("os=deb*",)}, 2),
        ({"tags": ("os=alpine",)}, 0),
        ({"names": ("os=debian db",)}, 1),
    ):
        choice = Choice(**wanted, host=host)
        assert len(choose(everything, choice)) == count, wanted
    assert (
        unknown(everything, Choice(tags=("oss=debian",), host=host)) == "no check has a tag 'oss', did you mean 'os'?"
    )
    assert unknown(everything, Choice(tags=("os=alpine",), host=host)) == ""


WORDS = st.lists(st.text(st.sampled_from("abcé監 "), max_size=12), max_size=30).map(" ".join)


@given(text=WORDS, indent=st.integers(0, 6), width=st.integers(30, 100))
def test_a_sentence_is_broken_between_words_and_none_is_lost(text: str, indent: int, width: int) -> None:
    line = " " * indent + text
    found = list(wrap_lines([line], width))
    assert " ".join(found).split() == line.split()
    assert list(wrap_lines([line], 0)) == [line]
    for one in found:
        assert len(one) <= width or len(one.split()) == 1


def test_what_became_of_each_notification_is_explained() -> None:
    made = Delivery(
        1, "ops", "id", "web", "", "critical", NOW - MINUTE, "", b"", Phase.PENDING, 3, "no\nroute", NOW, 0, None, b""
    )
    said = {
        phase: [
            *page_of_explain(CheckView("web", None), [], [msgspec.structs.replace(made, phase=phase)], Path("/"), NOW)
        ][-1]
        for phase in Phase
    }
    assert said[Phase.PENDING].endswith("critical to ops: waits, tried 3 times: no route")
    assert said[Phase.DELIVERED].endswith("critical to ops: taken, 1s ago")
    assert said[Phase.REFUSED].endswith("critical to ops: refused, set aside, 1s ago: no route")
    assert said[Phase.DROPPED].endswith("critical to ops: never told, 1s ago: no route")


# --- a real agent, real terminals -----------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def agent(tmp_path_factory: pytest.TempPathFactory) -> Iterator[AgentProcess]:
    """Fifty checks, six of them not ok, and one of a long name in wide letters."""
    with agent_process(tmp_path_factory.mktemp("agent")) as agent:
        rows = [f"  ok-{number}: {{type: script, command: ['true'], interval: 1h}}" for number in range(44)]
        rows += [
            f"  bad-{number}: {{type: script, command: [sh, -c, 'echo {'long ' * 60}; exit 2']}}" for number in range(5)
        ]
        rows += [
            f"  {'監視' * 20}: {{type: script, command: [sh, -c, 'echo {'要約' * 60}; exit 1'], tags: {{team: shop}}}}"
        ]
        agent.write("checks.yaml", "\n".join(["checks:", *rows]))
        agent.start()
        agent.wait_until(lambda: len(agent.status()["checks"]) == 52, "a result of each, and two of the agent's own")
        yield agent


def screen_of(agent: AgentProcess, columns: int, rows: int, *options: str, **environ: str) -> list[str]:
    """Return what stands on a terminal of this size when the command has ended."""
    screen = pyte.Screen(columns, rows)
    pyte.Stream(screen).feed(raw_of(agent, columns, rows, *options, **environ))
    return [line.rstrip() for line in screen.display]


def raw_of(agent: AgentProcess, columns: int = 80, rows: int = 24, *options: str, **environ: str) -> str:
    """Return all that the command sends to a terminal."""
    command, *arguments = agent._command("status", *options)
    # Whoever runs the tests may have these in his environment; they would say more than the terminal does.
    inherited = {name: value for name, value in os.environ.items() if name not in ("COLUMNS", "LINES", "NO_COLOR")}
    child = pexpect.spawn(
        command, list(arguments), dimensions=(rows, columns), env={**inherited, "TERM": "xterm", **environ}, timeout=20
    )
    child.expect(pexpect.EOF)
    return str(child.before.decode())


def test_a_small_terminal_shows_the_header_what_is_not_ok_and_how_many_are(agent: AgentProcess) -> None:
    shown = screen_of(agent, 80, 24)
    assert shown[0] == "51 checks, 52 subjects: 5 critical, 1 warning, 46 ok"
    assert [line.split()[0] for line in shown[2:8]] == ["critical"] * 5 + ["warning"]
    assert all(line.endswith("…") for line in shown[2:8])
    assert shown[8] == "46 ok (--all)"
    assert shown[10].startswith("agent running for ")


def test_a_large_terminal_shows_longer_lines(agent: AgentProcess) -> None:
    shown = screen_of(agent, 200, 50, "--problems")
    assert len(shown[2]) > 190
    assert "next in" in shown[2]
    assert shown[8] == ""


def test_more_than_a_page_goes_through_the_pager_and_colour_only_to_a_terminal(
    agent: AgentProcess, tmp_path: Path
) -> None:
    pager = tmp_path / "pager"
    pager.write_text("#!/bin/sh\nwc -l | sed 's/^/paged /'\n")
    pager.chmod(0o755)
    # A long process id or age moves what else the last line says into one more.
    assert screen_of(agent, 80, 24, "--all", PAGER=str(pager))[0] in ("paged 56", "paged 57")
    last = screen_of(agent, 80, 24, "--all", PAGER=str(tmp_path / "none/more"))[-3:]
    assert any(line.startswith("agent running for ") for line in last)
    assert "\x1b[31mcritical\x1b[0m" in raw_of(agent)
    assert "\x1b" not in raw_of(agent, NO_COLOR="1")
    assert "\x1b" not in agent.call("status", "--all").stdout
    assert len(agent.call("status").stdout.splitlines()) == 56


def test_watch_shows_it_anew_until_it_is_interrupted(agent: AgentProcess) -> None:
    command, *arguments = agent._command("status", "--watch", "0.2")
    child = pexpect.spawn(command, list(arguments), dimensions=(24, 80), timeout=20)
    for _ in range(3):
        child.expect_exact("\x1b[H\x1b[J")
        child.expect("agent running for ")
    child.sendintr()
    child.expect(pexpect.EOF)
    child.close()
    assert child.exitstatus == 0


def test_the_exit_code_is_the_worst_status_only_where_it_is_asked_for(agent: AgentProcess) -> None:
    assert agent.call("status").returncode == 0
    assert agent.call("status", "--exit-code").returncode == 2
    assert agent.call("status", "--exit-code", "team=shop").returncode == 1
    assert agent.call("status", "--exit-code", "--tag", "team=shop").returncode == 1
    assert agent.call("status", "--exit-code", "ok-*").returncode == 0
    assert agent.call("status", "--exit-code", "nobody").returncode == 3
    assert "did you mean 'ok-12'?" in agent.call("status", "ok12").stderr
    assert "write critical" in agent.call("status", "--status", "crit").stderr


FORMS_OF = {
    "status": ("status",),
    "explain": ("explain", "bad-1"),
    "events": ("events",),
    "check": ("check", "bad-1"),
}


@pytest.mark.parametrize("form", FORMS_OF)
def test_what_a_command_prints_as_json_is_its_documented_form(agent: AgentProcess, form: str) -> None:
    printed = agent.json(*FORMS_OF[form])
    schema = json.loads((JSON / f"{form}.schema.json").read_text())
    jsonschema.Draft202012Validator.check_schema(schema)
    jsonschema.validate(printed, schema)
    assert printed["version"] == 1
    msgspec.convert(printed, FORMS[form])


VERSION_1 = {
    "status": "version at agent problems disabled no_result_yet outbox destinations checks",
    "explain": "version at check type place enabled description runbook problems settings subjects",
    "events": "version events",
    "check": "version check type status started_at duration complete results",
    "subject": "check subject type status since marks reported reported_at held reasons why summary last_status"
    " last_run next_run duration late metrics tags",
    "event": "seq id destination check subject status created title phase attempts answer answered_at members digest",
}


def test_no_key_of_version_1_goes(agent: AgentProcess) -> None:
    printed = {form: agent.json(*command) for form, command in FORMS_OF.items()}
    printed |= {"subject": printed["status"]["checks"][0], "event": printed["events"]["events"][0]}
    for form, keys in VERSION_1.items():
        assert set(keys.split()) <= printed[form].keys(), form
