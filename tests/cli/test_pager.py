"""The pager of a long page; root's environment may be another's, and then leads root to nothing of his."""

from __future__ import annotations

from pathlib import Path

import pytest

from agent.cli.show.pager import USUAL, pager
from tests.host import needs


@pytest.mark.parametrize(
    ("asked", "got"),
    [
        ("", USUAL),
        ("more", ("more",)),
        ("most -s", ("most",)),
        ("less -R +!id", USUAL),
        ("sh", USUAL),
        ("sh -c 'id > /tmp/x'", USUAL),
        ("./more", USUAL),
        ("bin/more", USUAL),
        ("/bin/more", ("/bin/more",)),
        ("a 'quote", USUAL),
    ],
)
def test_root_gets_a_known_pager_without_orders(asked: str, got: tuple[str, ...]) -> None:
    environ = {"PAGER": asked, "LESS": "+!id", "LESSOPEN": "|-/home/alice/x %s", "EDITOR": "/x", "TERM": "xterm"}
    words, own = pager(environ, is_root=True)
    assert (tuple(words), own) == (got, {"PAGER": asked, "TERM": "xterm"})


def test_others_get_what_they_ask_for_with_all_they_have_set() -> None:
    environ = {"PAGER": "sh -c 'less +!id'", "LESS": "-R", "TERM": "xterm"}
    assert pager(environ, is_root=False) == (["sh", "-c", "less +!id"], environ)
    for nothing in ({}, {"PAGER": ""}, {"PAGER": "a 'quote"}):
        assert pager(nothing, is_root=False)[0] == list(USUAL)


def test_root_does_not_run_a_pager_of_somebody_else(open_folder: Path) -> None:
    needs.root()
    theirs = open_folder / "more"
    theirs.write_text("#!/bin/sh\n")
    theirs.chmod(0o755)
    assert pager({"PAGER": str(theirs)}, is_root=True)[0] == [str(theirs)]
    open_folder.chmod(0o777)
    assert pager({"PAGER": str(theirs)}, is_root=True)[0] == list(USUAL)
