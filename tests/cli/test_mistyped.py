"""What people type who know other tools: the answer says what to type here."""

from __future__ import annotations

from argparse import ArgumentTypeError

import pytest

from agent.cli import words
from agent.cli.answers.mistyped import command, too_much
from agent.cli.silence import describe_matches
from agent.config.settings import Config

TYPED = {
    ("history", "--since"): "--last",
    ("silence", "--until"): "--for",
    ("silence", "-d"): "--for",
    ("validate", "-d"): "--config",
    ("bundle", "x.tgz"): "--output x.tgz",
    ("events", "--last"): "--limit",
    ("status", "--critical"): "--problems",
    ("setup", "--region"): "--endpoint",
    ("ack", "--message=x"): "--reason",
    ("import", "--preview"): "--dry-run",
}


@pytest.mark.parametrize(("name", "word"), TYPED)
def test_an_option_of_another_tool_leads_to_ours(name: str, word: str) -> None:
    assert too_much(name, [word]).endswith(f", write {TYPED[name, word]}")


@pytest.mark.parametrize("word", ["--start", "--from=22:00", "--at"])
def test_a_silence_for_later_is_told_as_maintenance_and_not_as_another_option(word: str) -> None:
    assert too_much("silence", [word]).startswith(
        f"a silence begins now, {word!r} is not taken: for a later time write"
    )


@pytest.mark.parametrize(
    ("word", "ours"),
    [("export", "hostvigil metrics"), ("top", "hostvigil status --watch"), ("incidents", "hostvigil history NAME")],
)
def test_a_command_of_another_tool_leads_to_ours(word: str, ours: str) -> None:
    assert command(word) == f"no command {word!r}, write {ours!r}"


@pytest.mark.parametrize(
    ("word", "ours"), [("0", "ok"), ("failed", "critical"), ("Warnings", "warning"), ("missing", "nodata")]
)
def test_a_status_in_other_words_is_told_in_ours(word: str, ours: str) -> None:
    for read in (words.result_status, words.statuses):
        with pytest.raises(ArgumentTypeError, match=f"is no status, write {ours}$"):
            read(word)


def test_a_status_of_nagios_is_taken_and_what_is_none_is_told_all() -> None:
    assert [words.result_status(one) for one in ("OK", "Warn", "crit", "UNKNOWN")] == [
        "ok",
        "warning",
        "critical",
        "nodata",
    ]
    with pytest.raises(ArgumentTypeError, match="'foo' is no status, write ok, warning, critical, nodata"):
        words.result_status("foo")


def test_who_wants_the_silences_or_all_checks_is_told_how() -> None:
    assert "`hostvigil silence` alone shows" in describe_matches("list", Config(), [])
    assert "'*' is every check" in describe_matches("all", Config(), [("web", "")])
    assert describe_matches("list", Config(), [("list", "")]) == "it matches list"
