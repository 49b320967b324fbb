"""Root's own commands follow, open and run nothing that the agent's user has planted."""

from __future__ import annotations

import fcntl
import json
import os
import sqlite3
import stat
import time
from pathlib import Path

import pytest

from agent.engine.suppression.silences import change
from agent.model import Silence
from tests.processes.forked import call
from tests.system.planted import KINDS, USER, Place, silent_socket

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
