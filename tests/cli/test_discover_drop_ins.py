"""The drop-ins that discovery writes, and what it says of what it could not look at."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from agent.api import Host
from agent.config.drop_ins import load
from agent.config.settings import Config
from agent.config.types.catalog import Catalog, Folder
from agent.running.discovery import Candidate, discover, drop_in, try_out
from agent.testing import files

NO_FILES = Config()


def suggesting(folder: Path, *suggestions: str, more: str = "") -> Catalog:
    """A catalog with one type, which suggests this."""
    text = (
        "from agent.api import Check, Suggestion, warning, ok\nimport time\n"
        "class Thing(Check):\n    at: str = 'x'\n    bad: bool = False\n"
        "    def run(self, ctx):\n        yield warning('too bad') if self.bad else ok('fine')\n"
        f"    @classmethod\n    def discover(cls, host):\n        {more or 'pass'}\n"
        + "".join(f"        yield Suggestion({one})\n" for one in suggestions)
    )
    files(folder, {"thing.py": text})
    return Catalog((Folder(folder),))


def texts(found: dict[str, tuple[Candidate, ...]]) -> str:
    return "".join(drop_in(checks) for checks in found.values())


def test_what_is_not_ok_is_commented_out_with_the_reason(tmp_path: Path) -> None:
    catalog = suggesting(
        tmp_path / "checks.d",
        "name='good', settings={}, why='It is there.', about=('at',)",
        "name='bad', settings={'at': 'y', 'bad': True}, why='It is there, too.', about=('at',)",
        "name='later', settings={'at': 'z'}, why='And this.', about=('at',), off='do something first'",
        "name='wrong', settings={'att': 1}, why='A mistake.', about=('at',)",
    )
    text = texts(try_out(discover(NO_FILES, catalog, Host()).candidates))
    assert text.partition("checks:\n")[2] == (
        "  # It is there.\n  good:\n    type: thing\n\n"
        "  # It is there, too.\n  # Off: it is warning now: too bad\n  # bad:\n  #   type: thing\n"
        "  #   at: y\n  #   bad: true\n\n"
        "  # And this.\n  # Off: do something first\n  # later:\n  #   type: thing\n  #   at: z\n\n"
        "  # A mistake.\n  # Off: it cannot be used: unknown setting 'att', did you mean 'at'?\n"
        "  # wrong:\n  #   type: thing\n  #   att: 1\n"
    )


@pytest.mark.parametrize("evil", ["${file:/etc/hostname}", "${env:HOME}", "$${x}", "${", "$$$${env:HOME}"])
def test_names_on_the_host_are_no_references(evil: str, tmp_path: Path) -> None:
    catalog = suggesting(tmp_path / "types", f"name='a', settings={{'at': {evil!r}}}, why='', about=('at',)")
    found = try_out(discover(NO_FILES, catalog, Host()).candidates)
    files(tmp_path / "conf.d", {"found.yaml": texts(found)})
    config = load(tmp_path / "conf.d", catalog)
    assert config.problems == ()
    assert config.checks["a"].check.at == evil  # type: ignore[attr-defined]


def test_names_on_the_host_cannot_write_configuration(tmp_path: Path) -> None:
    evil = "x\\nchecks:\\n  evil: {type: script, command: [id]}\\u2028#\\x85- \\x00"
    catalog = suggesting(
        tmp_path / "checks.d",
        f"name='{evil}', settings={{'at': '{evil[:-4]}'}}, why='{evil}', about=('at',)",
        f"name='null', settings={{'at': 'b: [c'}}, why='{evil}', about=('at',), off='{evil}'",
        "name='???', settings={'at': 'c'}, why='w' * 10000, about=('at',)",
    )
    text = texts(try_out(discover(NO_FILES, catalog, Host()).candidates))
    files(tmp_path, {"conf.d/found-thing.yaml": text})
    config = load(tmp_path / "conf.d", Catalog())
    assert config.problems == ()
    assert {check.type for check in config.checks.values()} == {"thing"}
    assert len(config.checks) == 2
    assert len(text) < 3000


def test_what_is_configured_already_is_not_suggested_again(tmp_path: Path) -> None:
    catalog = suggesting(
        tmp_path / "checks.d",
        "name='same', settings={'at': 'a'}, why='', about=('at',)",
        "name='taken', settings={'at': 'b'}, why='', about=('at',)",
        "name='other', settings={'at': 'c'}, why='', about=('at',)",
        "name='only', settings={}, why='', about=()",
        "name='named', settings={'at': 'd'}, why='', about=None",
    )
    written = "checks:\n  mine: {type: thing, at: a, bad: true}\n  other: {type: load}\n  named: {type: thing, at: x}\n"
    files(tmp_path, {"conf.d/mine.yaml": written})
    catalog.add(Folder(tmp_path / "checks.d"))
    full = Catalog()
    config = load(tmp_path / "conf.d", full)
    assert config.problems == ()
    (found,) = discover(config, catalog, Host()).candidates.values()
    assert [(one.name, one.settings["at"]) for one in found] == [("taken", "b"), ("other-2", "c")]


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ("1 / 0", "ZeroDivisionError"),
        ("time.sleep(60)", "not answering for"),
        ("yield 7", "AttributeError"),
        ("yield Suggestion(name='x', settings={'at': time}, why='')", "RepresenterError"),
    ],
)
def test_a_type_that_cannot_look_takes_no_other_with_it(more: str, said: str, tmp_path: Path) -> None:
    catalog = suggesting(tmp_path, "name='a', settings={}, why=''", more=more)
    files(tmp_path, {"fine.py": (tmp_path / "thing.py").read_text().replace(more, "pass")})
    # So long has the other one, too, which does not wait at all.
    found = discover(NO_FILES, Catalog((Folder(tmp_path),)), Host(), seconds=2 if "sleep" in more else 60)
    assert found.candidates.keys() == {"fine"}
    assert len(found.problems) == 1
    assert said in found.problems[0]
    assert catalog.names()


def test_a_command_of_the_host_has_a_deadline_and_may_fail() -> None:
    begun = time.monotonic()
    assert Host(seconds=0.2).output("sleep", "9") == ""
    assert time.monotonic() - begun < 5
    assert Host().output("false") == Host().output("no-such-command") == ""
    assert Host().output("echo", "there") == "there\n"


def test_files_of_the_host_that_cannot_be_read_are_empty(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "large").write_bytes(b"x" * 5_000_000)
    assert Host(tmp_path).read("/pipe") == Host(tmp_path).read("/none") == Host(tmp_path).read("/") == ""
    assert len(Host(tmp_path).read("/large")) == 4 * 1024 * 1024
