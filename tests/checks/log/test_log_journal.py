"""The log check on the journal of units: a journald of our own, and journalctls that fail, hang and flood."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from agent.api import CheckError, Context, Regex
from checks.log import Log
from checks.log.journal import Entry, Place, at_end, read, text_of
from checks.log.units import find_problem
from tests.host import needs

ROOT = Path(__file__).parents[3]

# journald takes the unit of a crash from whoever is root, so that entries of any unit can be made.
REAL = """
import os, socket, subprocess, sys, time
sys.path.insert(0, {root!r})
from pathlib import Path
from agent.api import CheckError, Context, Regex
from agent.plugin.results import gather
from checks.log import Log
from tests.host.kernel import mount
mount("tmpfs", Path("/run"), "tmpfs")
for folder in ("/run/systemd/journal", "/run/log/journal"):
    os.makedirs(folder)
journald = subprocess.Popen(["/lib/systemd/systemd-journald"], stderr=subprocess.DEVNULL)
door = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
until = time.monotonic() + 20
while time.monotonic() < until:
    try:
        door.connect("/run/systemd/journal/socket")
        break
    except OSError:
        time.sleep(0.02)

def say(unit, *messages):
    for message in messages:
        fields = b"MESSAGE_ID=fc2e22bc6ee647b6b90729ab34a250b1\\nCOREDUMP_UNIT=" + unit + b"\\nMESSAGE\\n"
        door.send(fields + len(message).to_bytes(8, "little") + message + b"\\n")

def settled():
    # It can be asked a moment later than it can be written to, and what it refuses is not settled.
    until = time.monotonic() + 20
    while subprocess.run(["journalctl", "--sync"], stderr=subprocess.DEVNULL).returncode:
        assert time.monotonic() < until
        time.sleep(0.02)

memory = {{}}
def run():
    if os.getuid() == 0:
        settled()
    ctx = Context("ssh", memory=memory)
    (result,) = gather(Log(units=("ssh.service", "cron*"), pattern=Regex("(?m)^ERR|für")).run(ctx))
    memory.update(ctx.memory)
    print(result.status, result.summary, repr(result.details))

say(b"ssh.service", b"ERR before")
run()
run()
say(b"ssh.service", b"ERR 1", b"fine", b"line\\nERR 2", "für".encode(), "für".encode("latin-1"), b"ERR" + b"x" * 100000)
say(b"cron.service", b"ERR 3")
say(b"other.service", b"ERR 4")
run()
run()
memory["cursor"] = "nonsense"
run()
memory["at"] = 0.0
run()
os.setgroups([]), os.setgid(65534), os.setuid(65534)
try:
    run()
except CheckError as error:
    print(error)
journald.kill()
"""


def test_the_journal_of_units_is_read_once_from_a_real_journald() -> None:
    needs.root()
    needs.file("/lib/systemd/systemd-journald", "systemd")
    needs.command("journalctl", "systemd")
    script = REAL.format(root=str(ROOT))
    done = subprocess.run(
        ["unshare", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc", sys.executable, "-c", script],
        capture_output=True,
        text=True,
        timeout=60,
    )
    lines = done.stdout.splitlines()
    assert lines[:2] == [
        "ok the journal of ssh.service, cron* is followed from its end on ''",
        "ok 0 lines match '(?m)^ERR|für' ''",
    ], done.stdout + done.stderr
    assert lines[2].startswith("warning 6 lines match '(?m)^ERR|für' (warning from 1) 'ERR 1")
    assert "ERR 3" in lines[2]
    assert "ERR 4" not in lines[2]
    assert lines[3].startswith("ok 0 lines match")
    lost = "the place of the last run cannot be found in the journal any more"
    assert f"{lost}: lines written since the last run may be missing" in lines[4]
    assert lines[4].startswith("nodata")
    assert lines[5].startswith("nodata the journal does not reach back to the last run")
    assert lines[-1] == "the agent may not read the journal: put its user into the group systemd-journal"


def program(folder: Path, text: str) -> str:
    file = folder / "journalctl"
    file.write_text(f"#!/bin/sh\n{text}\n")
    file.chmod(0o755)
    return str(file)


def taken(journalctl: str, timeout: float = 5.0, until: float = float("inf")) -> tuple[list[str], Place]:
    messages: list[str] = []
    place = read(Context(timeout=timeout), ["a"], Place("c0"), time.time(), until, messages.append, journalctl)
    return messages, place


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("echo no json", "journalctl answers with what is no JSON"),
        ("echo broken >&2; exit 3", "journalctl: broken"),
        ("exit 4", "journalctl: exit 4"),
        ("echo No journal files were found. >&2", "this host has no journal"),
        ("echo 'Hint: You are currently not seeing messages from other users' >&2", "put its user into the group"),
        ("exec sleep 60", "journalctl does not answer"),
        ("exec >&- 2>&-; exec sleep 60", "journalctl does not end"),
    ],
)
def test_a_journalctl_that_fails_or_hangs_is_nodata_in_time(tmp_path: Path, text: str, says: str) -> None:
    began = time.monotonic()
    with pytest.raises(CheckError, match=says):
        taken(program(tmp_path, text), timeout=0.5)
    assert time.monotonic() - began < 20
    with pytest.raises(CheckError, match="there is no journalctl on this host"):
        at_end(Context(), str(tmp_path / "none"))


def test_a_flood_is_read_on_from_the_last_entry_that_was_judged(tmp_path: Path) -> None:
    flood = """n=1; while :; do echo "{\\"__CURSOR\\": \\"c$n\\", \\"MESSAGE\\": \\"m$n\\"}"; n=$((n+1)); done"""
    messages, place = taken(program(tmp_path, flood), until=time.monotonic())
    assert messages
    assert place == Place(f"c{len(messages)}", True)


def test_an_entry_without_end_is_passed_over_and_said(tmp_path: Path) -> None:
    endless = """head -c 40000000 /dev/zero | tr '\\0' x; echo; echo '{"__CURSOR": "c2", "MESSAGE": "fine"}'"""
    messages, place = taken(program(tmp_path, endless), timeout=30)
    assert messages == ["fine"]
    assert place == Place("c2", False, "an entry of the journal has more than 32 MiB")


@pytest.mark.parametrize(
    ("message", "text"),
    [("für", "für"), ([102, 195, 188, 114], "für"), ([102, 252, 114], "für"), (["a", "b"], "b"), (None, ""), ([], "")],
)
def test_every_way_in_which_journalctl_writes_a_message_is_read(message: object, text: str) -> None:
    assert text_of(Entry(message=message)) == text


def test_units_stand_instead_of_a_path() -> None:
    def problems(**settings: Any) -> list[str]:
        return [setting for setting, _ in Log(pattern=Regex("x"), **settings).problems()]

    assert problems() == ["path"]
    assert problems(units=("ssh.service", "-.mount", "user@*")) == []
    assert problems(units=("a b",)) == problems(units=("",)) == problems(units=("a",), path="/a") == ["units"]


KNOWN = (
    "Id=ssh.service\\nLoadState=loaded\\n\\nId=gone.service\\nLoadState=not-found\\n\\nId=a.timer\\nLoadState=masked\\n"
)


@pytest.mark.parametrize(
    ("units", "answer", "says"),
    [
        (["ssh"], "Id=ssh.service\\nLoadState=loaded\\n", ""),
        (["sshd"], "Id=ssh.service\\nLoadState=loaded\\n", "sshd.service is another name of ssh.service"),
        (["ssh.service", "gone", "a.timer"], KNOWN, "systemd knows no unit gone.service"),
        (["gone*"], "Id=gone.service\\nLoadState=not-found\\n", ""),
        (["ssh"], "", ""),
    ],
)
def test_a_unit_that_the_journal_does_not_know_by_its_name_is_told(
    units: list[str], answer: str, says: str, tmp_path: Path
) -> None:
    program = tmp_path / "systemctl"
    for code in (0, 1):
        program.write_text(f"#!/bin/sh\nprintf '{answer}'\nexit {code}\n")
        program.chmod(0o755)
        said = find_problem(Context("x", timeout=5), units, str(program))
        assert said.startswith("" if code else says)
        assert bool(said) == bool(says and not code)
    assert not find_problem(Context("x", timeout=5), units, str(tmp_path / "none"))
