"""What the running agent has at work beside what the files say now: a reload is named before somebody misses it."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import msgspec
import pytest

from agent.cli.show.choosing import Choice, unknown
from agent.cli.show.page import Wish, page
from agent.cli.show.screen import Screen
from agent.config.at_work import AtWork, ReloadPreview, as_text, from_text, preview
from agent.config.drop_ins import load
from agent.config.settings import Config
from agent.config.types.catalog import Catalog
from agent.model import State, Status
from agent.service.kept import keep_at_work
from agent.store import Holder, Store
from agent.view.compose import StoreContents, compose
from agent.view.explanation import head
from agent.view.forms.status import status_form
from agent.view.reading import read_store
from agent.view.snapshot import Mark, ReloadMark, Snapshot
from tests.processes.agent_process import agent_process

NOW = 1_700_000_000_000
WIDE = Screen(200, 50)
BEFORE = """
agent: {tags: {env: prod}}
defaults: {interval: 1m}
checks:
  same: {type: load}
  other: {type: file, path: "${env:FOLDER}/a", expect: absent}
  gone: {type: load}
  off: {type: load, enabled: false}
"""


def written(folder: Path, text: str, environ: dict[str, str] | None = None) -> Config:
    (folder / "a.yaml").write_text(text)
    return load(folder, Catalog(), {"FOLDER": "/srv"} | (environ or {}))


def at_work(config: Config) -> AtWork:
    fact = from_text(as_text(config, 42, NOW - 60_000))
    assert fact
    return fact


@pytest.mark.parametrize(
    ("old", "new", "differs"),
    [
        ("", "", {}),
        ("checks:", "# a comment\n\nchecks:", {}),
        ("  same: {type: load}\n", "  same:\n    type: load\n", {}),
        ("gone:", "new:", {"added": ("new",), "removed": ("gone",)}),
        ("gone: {type: load}", "gone: {type: memory}", {"changed": ("gone",)}),
        ('/a"', '/b"', {"changed": ("other",)}),
        ("gone: {type: load}", "gone: {type: load, enabled: false}", {"changed": ("gone",)}),
        (", enabled: false", "", {"added": ("off",)}),
        ("interval: 1m", "interval: 2m", {"changed": ("same", "other", "gone")}),
        ("{env: prod}", "{team: prod}", {"agent": True}),
        ("gone: {type: load}", "gone: {type: lod}", {}),
        ("gone: {type: load}", "gone: {type: load", {}),
    ],
)
def test_a_reload_is_missing_exactly_where_what_is_written_differs(
    old: str, new: str, differs: dict[str, Any], tmp_path: Path
) -> None:
    known = at_work(written(tmp_path, BEFORE))
    found = preview(known, written(tmp_path, BEFORE.replace(old, new, 1)))
    assert found == ReloadPreview(**differs, since=NOW - 60_000)
    assert bool(found) == bool(differs)


def test_a_variable_that_the_shell_of_a_command_has_otherwise_changes_nothing(tmp_path: Path) -> None:
    known = at_work(written(tmp_path, BEFORE))
    assert not preview(known, written(tmp_path, BEFORE, {"FOLDER": "/home"}))


def test_another_folder_is_named_instead_of_all_its_checks(tmp_path: Path) -> None:
    (tmp_path / "one").mkdir()
    (tmp_path / "two").mkdir()
    known = at_work(written(tmp_path / "one", BEFORE))
    found = preview(known, written(tmp_path / "two", BEFORE))
    assert found == ReloadPreview(directory=str(tmp_path / "one"), since=NOW - 60_000)


def test_a_link_to_the_folder_is_the_folder(tmp_path: Path) -> None:
    (tmp_path / "one").mkdir()
    known = at_work(written(tmp_path / "one", BEFORE))
    (tmp_path / "link").symlink_to("one")
    assert not preview(known, load(tmp_path / "link", Catalog(), {"FOLDER": "/srv"}))


def test_of_an_agent_of_another_version_only_names_are_compared(tmp_path: Path) -> None:
    known = msgspec.structs.replace(at_work(written(tmp_path, BEFORE)), version="0.0.1")
    found = preview(known, written(tmp_path, BEFORE.replace("1m", "2m").replace("gone:", "new:").replace("env", "x")))
    assert found == ReloadPreview(added=("new",), removed=("gone",), since=NOW - 60_000)


@pytest.mark.parametrize("text", ["", "nonsense", "{}", "[1]"])
def test_a_fact_that_is_none_says_nothing(text: str) -> None:
    assert from_text(text) is None


def seen(config: Config, known: AtWork | None, running: bool = True) -> Snapshot:
    states = tuple(State(name, decided=Status.OK, decided_since=NOW - 1000) for name in ("same", "other", "gone"))
    holder = Holder(42, NOW - 300_000) if running else None
    return compose(StoreContents(states, holder=holder, at_work=known), config, NOW)


AFTER = BEFORE.replace("gone:", "new:").replace('/a"', '/b"').replace("prod", "test")


def test_status_marks_each_and_says_in_its_last_line_what_a_reload_would_take_over(tmp_path: Path) -> None:
    known = at_work(written(tmp_path, BEFORE))
    snapshot = seen(written(tmp_path, AFTER), known)
    lines = page(snapshot, snapshot.subjects, Wish(), WIDE)
    rows = {line.split()[1]: line for line in lines[2:6]}
    assert "[not at work yet] no result yet" in rows["new"]
    assert "[old settings]" in rows["other"]
    assert "[still at work]" in rows["gone"]
    assert "not configured" not in rows["gone"]
    assert "[" not in rows["same"]
    said = "not taken over yet (hostvigil reload): new: new; changed: other; removed: gone; the agent's own settings"
    assert said in "\n".join(lines[7:])


@pytest.mark.parametrize("width", [40, 80, 200])
def test_many_changes_are_counted_and_fit_the_terminal(width: int, tmp_path: Path) -> None:
    known = at_work(written(tmp_path, BEFORE))
    many = "".join(f"  a-check-with-a-name-{number}: {{type: load}}\n" for number in range(100))
    snapshot = seen(written(tmp_path, AFTER + many), known)
    lines = page(snapshot, snapshot.subjects, Wish(), Screen(width, 24))
    assert max(map(len, lines)) <= width
    said = "new: new, a-check-with-a-name-0, a-check-with-a-name-1 and 98 more; changed: other;"
    assert said in " ".join(" ".join(lines).split())


def test_no_agent_or_another_one_than_that_which_kept_the_fact_has_nothing_to_take_over(tmp_path: Path) -> None:
    known = at_work(written(tmp_path, BEFORE))
    config = written(tmp_path, AFTER)
    other = msgspec.structs.replace(known, pid=43)
    for snapshot in (seen(config, known, running=False), seen(config, other), seen(config, None)):
        assert not snapshot.agent.reload
        assert not any(one.reload for one in snapshot.subjects)


def test_an_agent_that_was_not_restarted_after_an_upgrade_says_so(tmp_path: Path) -> None:
    config = written(tmp_path, BEFORE)
    snapshot = seen(config, msgspec.structs.replace(at_work(config), version="0.0.1"))
    assert "still version 0.0.1: restart it for" in page(snapshot, (), Wish(), WIDE)[-1]


def test_json_has_it_and_marks_stay_what_version_1_says(tmp_path: Path) -> None:
    known = at_work(written(tmp_path, BEFORE))
    snapshot = seen(written(tmp_path, AFTER), known)
    form = status_form(snapshot, snapshot.subjects)
    reload = {"added": ("new",), "changed": ("other",), "removed": ("gone",), "agent": True, "directory": ""}
    assert msgspec.structs.asdict(form.reload) == reload
    assert {one.check: one.marks for one in form.checks}["gone"] == (Mark.UNCONFIGURED,)


def test_explain_says_which_settings_are_at_work(tmp_path: Path) -> None:
    checks = seen(written(tmp_path, AFTER), at_work(written(tmp_path, BEFORE))).checks
    for name, said in (("new", "does not have it yet"), ("other", "its old settings"), ("gone", "still has it")):
        assert f"{said}: hostvigil reload. What it has was taken over 1m ago." in "\n".join(
            head(checks[name], "1m ago")
        )
    assert "reload" not in "\n".join(head(checks["same"], "1m ago"))


def test_a_check_that_is_switched_off_is_not_said_to_be_missing(tmp_path: Path) -> None:
    snapshot = seen(written(tmp_path, BEFORE), None)
    assert unknown(snapshot, Choice(names=("off",))) == "off is switched off (enabled: false), so it has no status"


def test_what_is_kept_is_found_by_a_command(tmp_path: Path) -> None:
    config = written(tmp_path, BEFORE)
    store = Store.open(tmp_path / "state")
    keep_at_work(config, store)
    fact = read_store(store, (), tmp_path / "state").at_work
    store.close()
    assert fact
    assert fact.pid == os.getpid()
    assert set(fact.checks) == {"same", "other", "gone"}


def test_a_running_agent_is_asked_for_a_reload_until_it_had_one(tmp_path: Path) -> None:
    with agent_process(tmp_path) as agent:
        agent.write("a.yaml", "checks: {a: {type: file, path: /none, expect: absent}}")
        agent.start()
        agent.wait_until(lambda: agent.status()["checks"], "a result")
        assert agent.status()["reload"]["added"] == []
        agent.write("b.yaml", "checks: {b: {type: file, path: /none, expect: absent}}")
        assert agent.status()["reload"]["added"] == ["b"]
        assert str(ReloadMark.ADDED) in agent.call("status", "b").stdout
        assert agent.call("reload").returncode == 0
        assert agent.status()["reload"]["added"] == []


def test_the_settings_checksum_that_the_store_keeps_is_the_same_in_every_version(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text(
        'checks:\n  b: {type: script, command: [/bin/true, "${env:HOME}", 5, null, 1.50]}\n'
    )
    assert load(tmp_path, Catalog(), {"HOME": "/root"}).checks["b"].settings_checksum == 424793769
