"""Commands of root on a state directory of another user, who has planted whatever he could think of."""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import socket
import sqlite3
import stat
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from agent.engine.suppression.silences import Silences, change, read
from agent.model import Silence
from agent.service.state_directory import require_own_way
from agent.store import Store, StoreError, holder
from agent.store.lock import lock
from agent.system.frozen import NO_NAME, takes_writes
from agent.system.regular import read_regular
from agent.system.rights import SYSTEM_PATH, owner_of, owners_rights, safe_folders
from tests import needs
from tests.agent_process import agent_process
from tests.forked import call

USER = 5  # games: without files and processes
SOON = 10
"""Seconds; the promise is 5, and the machine that runs the tests has other things to do."""

COMMANDS: dict[str, tuple[list[str], tuple[str, ...]]] = {
    "silence": (
        ["silence", "x", "--for", "1h"],
        ("silences.json", "silences.lock", "silences.json.new", "hostvigil.db"),
    ),
    "unsilence": (["unsilence", "*"], ("silences.json", "silences.lock", "silences.json.new")),
    "status": (["status"], ("hostvigil.db", "hostvigil.db-wal", "hostvigil.db-shm", "agent.lock", "silences.json")),
    "explain": (["explain", "a"], ("hostvigil.db", "hostvigil.db-wal", "silences.json")),
    "events": (["events"], ("hostvigil.db", "hostvigil.db-wal", "hostvigil.db-journal")),
    "retry": (["events", "retry"], ("hostvigil.db", "agent.lock", "control.sock")),
    "reload": (["reload"], ("agent.lock", "control.sock")),
    "report": (["report", "b", "ok", "fine"], ("agent.sock", "spool")),
    "wrap": (["wrap", "b", "--"], ("agent.sock", "spool")),
    "ack": (["ack", "a"], ("agent.lock", "control.sock")),
    "history": (["history", "a"], ("history.db", "history.db-wal", "silences.json")),
    "metrics": (["metrics"], ("hostvigil.db", "silences.json")),
    "doctor": (["doctor"], ("hostvigil.db", "silences.json", "spool", "agent.sock")),
}


class Place:
    """A state directory of USER, root's own things beside it, and root's commands."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.state = folder / "state"
        self.roots = folder / "root"
        self.config = folder / "conf.d"
        self.marker = folder / "the command ran"
        for one in (self.roots, self.config, folder / "template"):
            one.mkdir()
        self.roots.chmod(0o700)
        (self.config / "a.yaml").write_text("checks:\n  a: {type: load}\n  b: {type: pushed, ttl: 1h}\n")
        Store.open(folder / "template").close()
        (folder / "template" / "spool").mkdir()
        self.commands = subprocess.Popen(
            [sys.executable, "-m", "tests.root_commands"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        self.victim = subprocess.Popen(["sleep", "600"])

    def fresh(self) -> None:
        shutil.rmtree(self.state, ignore_errors=True)
        shutil.copytree(self.folder / "template", self.state)
        for path in (self.state, *self.state.rglob("*")):
            os.chown(path, USER, USER)
        self.state.chmod(0o710)
        (self.state / "spool").chmod(0o770)
        (self.roots / "secret").write_text("root's own")
        (self.roots / "secret").chmod(0o600)
        self.marker.unlink(missing_ok=True)

    def run(self, words: list[str]) -> tuple[int, str, float]:
        at = [words[0], "--state", str(self.state), "--config", str(self.config), *words[1:]]
        more = ["touch", str(self.marker)] if words[0] == "wrap" else []
        assert self.commands.stdin
        assert self.commands.stdout
        print(
            json.dumps({"words": at + more, "output": str(self.folder / "output")}),
            file=self.commands.stdin,
            flush=True,
        )
        code, output, seconds = json.loads(self.commands.stdout.readline())
        return code, output, seconds

    def outside(self) -> dict[str, Any]:
        """Return all that a command could do outside of the state directory."""
        found: dict[str, Any] = {"alive": self.victim.poll() is None}
        for path in (self.roots, self.config, *self.roots.rglob("*"), *self.config.rglob("*")):
            info = path.lstat()
            content = path.read_bytes() if path.is_file() else b""
            found[str(path)] = (info.st_uid, info.st_gid, info.st_mode, info.st_mtime_ns, content)
        return found

    def close(self) -> None:
        for process in (self.commands, self.victim):
            process.kill()
            process.communicate()


@pytest.fixture(scope="module")
def place() -> Iterator[Place]:
    needs.root()
    folder = Path(tempfile.mkdtemp(prefix="security-"))
    folder.chmod(0o755)
    found = Place(folder)
    yield found
    found.close()
    shutil.rmtree(folder)


def link(to: str) -> Callable[[Place, Path], None]:
    return lambda place, path: path.symlink_to(to.replace("@", str(place.roots) if place else ""))


def folder_with_something(place: Place, path: Path) -> None:
    path.mkdir()
    (path / "x").touch()


def huge(place: Place, path: Path) -> None:
    with path.open("wb") as file:
        file.truncate(200 * 1024**3)


def foreign_pid(place: Place, path: Path) -> None:
    path.write_text(json.dumps({"pid": place.victim.pid, "since": 1}))


def silent_socket(place: Place, path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(path))
        server.listen()
        # It stays open in a process that never accepts.
        os.set_inheritable(server.fileno(), True)
        subprocess.Popen(["sleep", "8"], close_fds=False).returncode = 0


def pipe(place: Place, path: Path) -> None:
    os.mkfifo(path)


KINDS: dict[str, Callable[[Place, Path], None]] = {
    "a link to root's file": link("@/secret"),
    "a link to what is not there": link("@/new"),
    "a link to a folder of root": link("@"),
    "a link to a device": link("/dev/zero"),
    "a pipe": pipe,
    "a folder": folder_with_something,
    "a huge file": huge,
    "a foreign pid": foreign_pid,
    "a socket that never answers": silent_socket,
}


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("command", COMMANDS)
def test_nothing_outside_is_touched_and_an_answer_in_words_comes_in_time(place: Place, command: str, kind: str) -> None:
    words, names = COMMANDS[command]
    for name in names:
        place.fresh()
        path = place.state / name
        if path.is_dir():
            path.rmdir()
        path.unlink(missing_ok=True)
        KINDS[kind](place, path)
        os.chown(path, USER, USER, follow_symlinks=False)
        before = place.outside()
        code, output, seconds = place.run(words)
        assert place.outside() == before, f"{name} as {kind}: {output}"
        assert "root's own" not in output
        assert "Traceback" not in output, f"{name} as {kind}: {output}"
        if command == "wrap":
            assert (code, place.marker.exists()) == (0, True), f"{name} as {kind}: {output}"
            assert seconds < 2 * SOON
        else:
            assert seconds < (2 * SOON if command == "reload" else SOON), (
                f"{name} as {kind} took {seconds:.1f}s: {output}"
            )
            assert code in (0, 1, 2), f"{name} as {kind}: {code} {output}"
            assert code == 0 or output.startswith(("hostvigil: ", "0 ", "there was", "ok  ")), (
                f"{name} as {kind}: {output}"
            )
        kept = [file for file in place.state.rglob("*") if not file.is_symlink() and file.lstat().st_uid != USER]
        assert not [file for file in kept if file != path / "x"], "what root's command leaves there is its owner's"


@pytest.mark.parametrize(
    ("words", "view"),
    [(["status"], "SELECT n, n FROM c"), (["explain", "a"], "SELECT n, zeroblob(100000000) || n FROM c")],
    ids=["without an end", "of any size"],
)
def test_a_database_that_was_written_to_hold_root_up_does_not(place: Place, words: list[str], view: str) -> None:
    place.fresh()
    endless = "WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c)"
    with sqlite3.connect(place.state / "hostvigil.db") as db:
        db.execute("DROP TABLE states")
        db.execute(f"CREATE VIEW states (check_name, state) AS {endless} {view}")
    db.close()
    code, output, seconds = place.run(words)
    assert (code, output[:11]) == (2, "hostvigil: "), output
    assert seconds < SOON


def test_a_silence_of_root_is_the_owners_file(place: Place) -> None:
    place.fresh()
    code, output, _ = place.run(["silence", "a", "--for", "1h"])
    assert code == 0, output
    for name in ("silences.json", "silences.lock"):
        info = (place.state / name).stat()
        assert (info.st_uid, stat.S_IMODE(info.st_mode)) == (USER, 0o600)


def test_what_root_reports_while_the_agent_is_away_is_the_owners_file(place: Place) -> None:
    place.fresh()
    code, output, _ = place.run(["report", "b", "ok", "fine"])
    assert (code, output) == (0, "the agent is not there; it takes the result when it starts\n")
    (file,) = (place.state / "spool").iterdir()
    assert (file.stat().st_uid, stat.S_IMODE(file.stat().st_mode)) == (USER, 0o640)


def test_a_directory_of_root_in_which_others_may_write_is_not_looked_into(place: Place) -> None:
    for mode in (0o770, 0o757, 0o1777):
        for command, (words, names) in COMMANDS.items():
            place.fresh()
            os.chown(place.state, 0, USER)
            place.state.chmod(mode)
            for name in {*names, "hostvigil.db"} - {"spool", "agent.sock"}:
                (place.state / name).unlink(missing_ok=True)
                (place.state / name).symlink_to(place.roots / "secret")
            before = place.outside()
            code, output, _ = place.run(words)
            assert place.outside() == before, f"{command}: {output}"
            if command == "wrap":
                assert (code, place.marker.exists()) == (0, True)
            elif command != "report":
                assert code in (1, 2), f"{command}: {output}"
                assert f"may write {place.state}: chmod go-w" in output, f"{command}: {output}"
    place.state.chmod(0o755)
    assert "may write" not in place.run(["silence"])[1]


@pytest.mark.parametrize(("command", "soon"), [("ack", 8.0), ("reload", 15.0)])
def test_who_holds_lock_and_socket_and_says_nothing_holds_up_what_takes_no_time_for_less(
    place: Place, command: str, soon: float
) -> None:
    place.fresh()
    silent_socket(place, place.state / "control.sock")
    os.chown(place.state / "control.sock", USER, USER)
    held = lock_of(place.state)
    code, output, seconds = place.run(COMMANDS[command][0])
    os.close(held)
    assert (code, "within" in output) == (2, True), output
    assert seconds < soon


def lock_of(directory: Path) -> int:
    file = os.open(directory / "agent.lock", os.O_RDWR | os.O_CREAT, 0o600)
    os.fchown(file, USER, USER)
    fcntl.flock(file, fcntl.LOCK_EX)
    os.write(file, json.dumps({"pid": os.getpid(), "since": 1}).encode())
    return file


def test_a_silence_is_one_line_without_colours_whoever_wrote_its_file(place: Place) -> None:
    place.fresh()
    words = "\x1b[31mred\nall is well\x1b[0m\x9b2J\u202e"
    far = time.time_ns() // 1_000_000 + 3_600_000
    change(place.state, lambda _: [Silence(words, 0, far, words, words)], 0)
    for name in ("silences.json", "silences.lock"):
        os.chown(place.state / name, USER, USER)
    for asked in (["silence"], ["unsilence", "x"]):
        _, output, _ = place.run(asked)
        assert "red all is well" in output
        assert "\x1b" not in output
        assert len(output.splitlines()) == 1
    change(place.state, lambda _: [Silence(words, 0, far, words, words)], 0)
    for name in ("silences.json", "silences.lock"):
        os.chown(place.state / name, USER, USER)
    _, output, _ = place.run(["silence", "--json"])
    assert json.loads(output)[0]["reason"] == words
    assert not set(output) & set("\x1b\x9b\u202e")


def test_root_is_not_told_to_be_root(place: Place) -> None:
    place.fresh()
    (place.state / "silences.json").write_text("[]")  # root's own, which the owner of the directory may not read
    (place.state / "silences.json").chmod(0o600)
    code, output, _ = place.run(["silence", "x", "--for", "1h"])
    assert (code, output) == (2, f"hostvigil: {place.state}/silences.json: Permission denied\n")


@pytest.mark.parametrize("kind", ["a link to a folder of root", "a pipe", "a link to root's file", "a list"])
def test_a_host_is_enrolled_with_the_rights_of_the_relays_user(place: Place, kind: str) -> None:
    place.fresh()
    enrolled = place.state / "enrolled"
    if kind == "a link to a folder of root":
        KINDS[kind](place, enrolled)
    else:
        enrolled.mkdir()
        (enrolled / "keys.json").write_text("[]") if kind == "a list" else KINDS[kind](place, enrolled / "keys.json")
    for path in (enrolled, *place.state.glob("enrolled/keys.json")):
        os.chown(path, USER, USER, follow_symlinks=False)
    relay = place.folder / "relay.yaml"
    api = "{endpoint: 'http://127.0.0.1:1', api_keys: [a]}"
    relay.write_text(f"relay: {{broker: 'nats://127.0.0.1:1', state: '{place.state}', events: {api}}}\n")
    before, begun = place.outside(), time.monotonic()
    done = call(["relay", "--config", str(relay), "enrol", "web-1"], os.environ)
    assert (done.returncode, done.stderr[:11]) == (2, "hostvigil: "), done
    assert place.outside() == before
    assert time.monotonic() - begun < 2 * SOON


def test_no_program_out_of_a_folder_of_another_user_runs_whatever_the_path_says(place: Place) -> None:
    place.fresh()
    theirs = place.folder / "bin"
    theirs.mkdir()
    for name in ("journalctl", "timedatectl", "uname", "systemctl", "less"):
        (theirs / name).write_text(f"#!/bin/sh\n: > '{place.marker}'\n")
        (theirs / name).chmod(0o755)
    os.chown(theirs, USER, USER)
    environ = {"PATH": f"{theirs}:{os.environ['PATH']}"}
    at = ("--state", str(place.state), "--config", str(place.config))
    assert call(["bundle", *at, "--output", str(place.folder / "b.tar.gz")], environ).returncode == 0
    assert call(["doctor", *at], environ).returncode in (0, 1)
    assert not place.marker.exists()


# --- the parts --------------------------------------------------------------------------------------------------------


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
