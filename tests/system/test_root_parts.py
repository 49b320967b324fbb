"""The parts that keep root from being led: rights, paths, bounded files, and whose directory is taken."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
import time
from pathlib import Path

import pytest

from agent.engine.suppression.silences import Silences, change, read
from agent.model import Silence
from agent.service.state_directory import require_own_way
from agent.store import Store, StoreError, holder
from agent.store.lock import lock
from agent.system.frozen import NO_NAME, takes_writes
from agent.system.regular import read_regular
from agent.system.rights import SYSTEM_PATH, owner_of, owners_rights, safe_folders
from tests.host import needs
from tests.processes.agent_process import agent_process
from tests.system.planted import KINDS, USER, Place


def test_rights_are_those_of_the_first_who_is_not_root_on_the_way(place: Place) -> None:
    place.fresh()
    assert owner_of(place.state) == (USER, USER)
    assert owner_of(place.state / "spool") == (USER, USER)
    assert owner_of(place.roots) == (0, 0)
    (place.state / "to-root").symlink_to(place.roots)
    os.chown(place.state / "to-root", USER, USER, follow_symlinks=False)
    assert owner_of(place.state / "to-root") == (USER, USER)
    before = (os.geteuid(), os.getegid(), os.getgroups())
    with owners_rights(place.state):
        assert os.geteuid() == USER
        assert 0 not in (os.getegid(), *os.getgroups())
        with pytest.raises(PermissionError):
            (place.roots / "secret").read_text()
    assert (os.geteuid(), os.getegid(), os.getgroups()) == before


def test_folders_in_which_others_may_put_programs_are_left_out_of_a_path() -> None:
    needs.root()
    home = Path(tempfile.mkdtemp(prefix="path-", dir="/var/lib"))  # pytest's own folders lie in /tmp
    try:
        theirs, open_one, ours, link = (home / name for name in ("theirs", "open", "ours", "link"))
        for folder in (theirs, open_one, ours):
            folder.mkdir()
        os.chown(theirs, USER, USER)
        open_one.chmod(0o777)
        link.symlink_to(theirs)
        kept = f"{ours}:/usr/bin"
        assert safe_folders(f"{theirs}::{ours}:bin:{open_one}:{link}:/tmp/none:{theirs}/none:/usr/bin:.") == kept
        for nothing in ("", ":", ".", f"{theirs}:"):
            assert safe_folders(nothing) == SYSTEM_PATH
    finally:
        shutil.rmtree(home)


def test_to_ask_whether_writes_are_taken_touches_nothing_where_a_link_of_others_leads(place: Place) -> None:
    place.fresh()
    (place.roots / NO_NAME).touch()
    (place.state / "link").symlink_to(place.roots)
    os.chown(place.state / "link", USER, USER, follow_symlinks=False)
    before = place.outside()
    assert takes_writes(place.state / "link")
    assert takes_writes(place.state)
    assert place.outside() == before
    (place.roots / NO_NAME).unlink()


def test_only_regular_files_of_a_bounded_size_are_read(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"x" * 100)
    assert read_regular(tmp_path / "file", 100) == b"x" * 100
    (tmp_path / "link").symlink_to(tmp_path / "file")
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "folder").mkdir()
    for name, most in (("file", 99), ("link", 100), ("pipe", 100), ("folder", 100), ("none", 100)):
        with pytest.raises(OSError, match=str(tmp_path / name)):
            read_regular(tmp_path / name, most)


@pytest.mark.parametrize("kind", ["a pipe", "a link to a device", "a folder", "a huge file"])
def test_the_agent_goes_on_whatever_lies_in_the_place_of_its_silences(kind: str, tmp_path: Path) -> None:
    KINDS[kind](None, tmp_path / "silences.json")  # type: ignore[arg-type]
    begun = time.monotonic()
    silences = Silences(tmp_path)
    assert silences() == ()
    assert time.monotonic() - begun < 1
    if kind == "a folder":
        shutil.rmtree(tmp_path / "silences.json")
    (tmp_path / "silences.json").unlink(missing_ok=True)
    now = time.time_ns() // 1_000_000
    change(tmp_path, lambda _: [Silence("a", now, now + 60_000)], now)
    assert [silence.selector for silence in silences()] == ["a"]
    assert read(tmp_path) == silences()


@pytest.mark.parametrize("name", ["agent.lock", "hostvigil.db", "hostvigil.db-wal", "hostvigil.db-shm"])
@pytest.mark.parametrize("kind", ["a pipe", "a link to a device", "a folder"])
def test_an_agent_does_not_start_on_what_is_no_file(name: str, kind: str, tmp_path: Path) -> None:
    if (name, kind) == ("hostvigil.db", "a folder"):
        return  # damage like any other: tests/store/test_damaged_store.py has it set aside
    KINDS[kind](None, tmp_path / name)  # type: ignore[arg-type]
    with pytest.raises(StoreError, match=f"{name} is not a regular file: move it away"):
        lock(tmp_path)


def test_an_agent_of_root_takes_no_directory_that_others_own_or_may_write(tmp_path: Path) -> None:
    needs.root()
    tmp_path.chmod(0o777)
    with pytest.raises(StoreError, match="others than root may write"):
        Store.open(tmp_path)
    tmp_path.chmod(0o755)
    os.chown(tmp_path, USER, USER)
    with pytest.raises(StoreError, match="run the agent as that user, or chown root"):
        Store.open(tmp_path)


def test_an_agent_of_root_takes_no_directory_that_others_may_exchange(open_folder: Path) -> None:
    needs.root()
    theirs, state = open_folder / "theirs", open_folder / "theirs" / "state"
    state.mkdir(parents=True, mode=0o700)
    (open_folder / "link").symlink_to(state)
    require_own_way(state)
    require_own_way(open_folder / "link")
    os.chown(theirs, USER, USER)
    for way in (state, theirs / "none", open_folder / "link"):
        with pytest.raises(StoreError, match=f"{theirs} belongs to games"):
            require_own_way(way)
    os.chown(theirs, 0, 0)
    os.chown(open_folder / "link", USER, USER, follow_symlinks=False)
    with pytest.raises(StoreError, match="link belongs to games"):
        require_own_way(open_folder / "link")


def test_only_the_process_that_holds_the_lock_is_taken_for_the_agent(tmp_path: Path) -> None:
    descriptor = lock(tmp_path)
    found = holder(tmp_path)
    assert found
    assert found.pid == os.getpid()
    (tmp_path / "agent.lock").write_text(json.dumps({"pid": 1, "since": 0}))
    assert holder(tmp_path) is None
    os.close(descriptor)


def test_an_agent_of_root_says_whose_configuration_it_obeys(tmp_path: Path) -> None:
    needs.root()
    with agent_process(tmp_path) as agent:
        agent.write("a.yaml", "checks:\n  a: {type: script, command: ['true']}\n")
        os.chown(agent.config, USER, USER)
        agent.start()
        agent.wait_until(lambda: "can run commands as root" in agent.output(), "the warning")
        assert f"{agent.config} belongs to games" in agent.output()
