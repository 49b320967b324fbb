"""The door for pushed results: what senders and the system do to it, it stays open, and nobody pays for others."""

from __future__ import annotations

import os
import pwd
import resource
import socket
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from agent.api import Duration, PushedCheck
from agent.config.drop_ins import load
from agent.config.settings import CheckConfig, Config, Place
from agent.config.types.catalog import Catalog
from agent.model import Outcome, RunStarted, State, Status
from agent.plugin.results import SUBJECTS_LIMIT
from agent.push.client import PushError, push
from agent.push.listener import NUDGE, UnixListener
from agent.push.message import Message, encode
from agent.push.senders import Names, Sender, refusal
from agent.push.server import PushServer
from tests.host import needs
from tests.running.runs import wait_until


class Door:
    """A PushServer whose recorder takes everything at once."""

    def __init__(
        self,
        state: Path,
        names: Callable[[Callable[[], None]], Names] = Names,
        states: tuple[State, ...] = (),
    ) -> None:
        self.state = state
        self.outcomes: list[Outcome | RunStarted] = []
        self.now = 0.0
        self.server = PushServer(state, self._put, states=states, monotonic=lambda: self.now, names=names)

    def _put(self, thing: object) -> None:
        if isinstance(thing, Outcome | RunStarted):
            self.outcomes.append(thing)
        elif callable(thing):
            thing()

    def serve(self, **senders: tuple[str, ...]) -> None:
        checks = {
            name: CheckConfig(name, "pushed", PushedCheck(ttl=Duration(3600), senders=allowed), Place("x"))
            for name, allowed in senders.items()
        }
        self.server.serve(Config(checks=checks))

    def said(self) -> list[str]:
        """Return what was told as the agent's own check."""
        return [
            f"{result.status} {result.summary}"
            for one in self.outcomes
            if isinstance(one, Outcome) and one.check == "hostvigil"
            for result in one.results
        ]

    def taken(self) -> list[Outcome]:
        return [one for one in self.outcomes if isinstance(one, Outcome) and one.check != "hostvigil"]


@pytest.fixture
def door(tmp_path: Path) -> Iterator[Door]:
    found = Door(tmp_path)
    yield found
    found.server.stop()


def descriptors() -> int:
    return sum(1 for _ in Path("/proc/self/fd").iterdir())


def take_all_descriptors(held: ExitStack) -> None:
    with pytest.raises(OSError, match="Too many open files"):
        while True:
            held.callback(os.close, os.open("/dev/null", os.O_RDONLY))


def ask(state: Path, line: bytes) -> bytes:
    with socket.socket(socket.AF_UNIX) as client:
        client.settimeout(10)
        client.connect(str(state / "agent.sock"))
        client.sendall(line + b"\n")
        return client.recv(4096)


def test_folders_links_and_pipes_in_the_spool_cost_no_descriptor_and_go_away(door: Door) -> None:
    door.serve(b=())
    spool = door.state / "spool"
    (spool / "a.json").mkdir()
    (spool / "full.json").mkdir()
    (spool / "full.json" / "x").touch()
    os.mkfifo(spool / "b.json")
    (spool / "c.json").symlink_to("/etc/hostname")
    with socket.socket(socket.AF_UNIX) as other:
        other.bind(str(spool / "d.json"))
        ask(door.state, NUDGE)
        before = descriptors()
        for _ in range(100):
            assert ask(door.state, NUDGE) == b"ok\n"
        assert descriptors() < before + 10, "what the last of them held may be given back a moment later"
    assert [name.name for name in spool.iterdir()] == ["full.set-aside"]
    assert push(Message(check="b", summary="fine"), door.state) == "taken"


def test_a_hard_link_to_another_s_file_is_no_result_of_his(door: Door) -> None:
    door.serve(b=())
    (door.state / "his").write_bytes(encode(Message(check="b", summary="by him")))
    (door.state / "spool" / "a.json").hardlink_to(door.state / "his")
    ask(door.state, NUDGE)
    assert (door.taken(), list((door.state / "spool").iterdir())) == ([], [])


def test_what_is_no_message_leaves_the_spool_after_an_hour(door: Door) -> None:
    door.serve(b=())
    spool = door.state / "spool"
    for name in ("half.json.new", "x", "fresh"):
        (spool / name).touch()
        os.utime(spool / name, (0, 0)) if name != "fresh" else None
    (spool / "link").symlink_to("/etc/hostname")
    os.utime(spool / "link", (0, 0), follow_symlinks=False)
    ask(door.state, NUDGE)
    assert [file.name for file in spool.iterdir()] == ["fresh"]
    assert Path("/etc/hostname").exists()


def test_nobody_fills_the_spool_for_others(door: Door, monkeypatch: pytest.MonkeyPatch) -> None:
    needs.root()
    monkeypatch.setattr("agent.push.client.SPOOL_LIMIT", 5)
    spool = door.state / "spool"
    spool.mkdir()
    for number in range(20):
        (spool / f"{number}.json").touch()
        os.chown(spool / f"{number}.json", 65534, 65534)
    for _ in range(5):
        assert push(Message(check="b", summary="mine"), door.state) == "spooled"
    with pytest.raises(PushError, match="is full"):
        push(Message(check="b", summary="one too many"), door.state)


def test_what_is_not_readable_in_the_spool_is_complained_of_once(door: Door, caplog: pytest.LogCaptureFixture) -> None:
    door.serve(b=())
    (door.state / "spool" / "x\n12:00 ERROR forged.json").symlink_to("/nonexistent")
    for _ in range(20):
        ask(door.state, NUDGE)
    (text,) = [record.getMessage() for record in caplog.records if "x" in record.getMessage()]
    assert "\n" not in text


def test_the_door_goes_on_after_the_system_had_no_descriptor_left_and_says_so(door: Door) -> None:
    door.serve(b=())
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with ExitStack() as stack:
        clients = [stack.enter_context(socket.socket(socket.AF_UNIX)) for _ in range(5)]
        resource.setrlimit(resource.RLIMIT_NOFILE, (descriptors() + 20, hard))
        with ExitStack() as held:
            held.callback(resource.setrlimit, resource.RLIMIT_NOFILE, (soft, hard))
            for client in clients[:-1]:
                # What another thread gave back since then is taken first; only then none is left for a client.
                take_all_descriptors(held)
                client.connect(str(door.state / "agent.sock"))
            until = time.monotonic() + 60
            while not any("Too many open files" in text for text in door.said()):
                assert time.monotonic() < until, door.said()
                time.sleep(0.02)
        clients[-1].connect(str(door.state / "agent.sock"))
        for client in clients:
            client.settimeout(10)
            client.sendall(b'{"check": "b", "summary": "late, not lost"}\n')
            assert client.recv(100) == b"ok\n"
    until = time.monotonic() + 60
    while door.said()[-1] != "ok results can be pushed":
        assert time.monotonic() < until, door.said()
        time.sleep(0.02)


def test_only_closing_ends_it(tmp_path: Path) -> None:
    before = set(threading.enumerate())
    listener = UnixListener(tmp_path / "s", tmp_path, lambda line, spooled, sender: "")
    listener.start()
    (inbox,) = [one for one in set(threading.enumerate()) - before if one.name == "inbox"]
    inbox.join(0.3)
    assert inbox.is_alive()
    listener.close()
    inbox.join(5)
    assert not inbox.is_alive()


def test_a_socket_that_was_removed_or_could_not_be_made_is_made_at_the_next_reload(door: Door) -> None:
    (door.state / "agent.sock").mkdir()
    door.serve(b=())
    assert door.said()[-1].startswith("warning no result can be pushed")
    (door.state / "agent.sock").rmdir()
    door.serve(b=())
    assert door.said()[-1] == "ok results can be pushed"
    (door.state / "agent.sock").unlink()
    door.serve(b=())
    assert push(Message(check="b", summary="fine"), door.state) == "taken"


def test_subjects_of_a_pushed_check_are_bounded_and_others_do_not_pay(tmp_path: Path) -> None:
    known = tuple(State("b", f"old {number}") for number in range(SUBJECTS_LIMIT - 1))
    door = Door(tmp_path, states=known)
    door.serve(b=(), c=())
    try:
        assert push(Message(check="b", subject="the last"), tmp_path) == "taken"
        for kind in (b"", b', "kind": "started"'):
            answer = ask(tmp_path, b'{"check": "b", "subject": "one more"' + kind + b"}")
            assert answer == b"b has 1000 subjects already, 'one more' is not taken as one more\n"
        for check, subject in (("b", "the last"), ("b", "old 7"), ("c", "one more")):
            assert push(Message(check=check, subject=subject), tmp_path) == "taken"
        door.now = 7 * 86_400 + 3600.0  # all are given up by now
        assert push(Message(check="b", subject="one more"), tmp_path) == "taken"
    finally:
        door.server.stop()


def test_a_subject_of_others_is_one_line_that_steers_nothing(door: Door) -> None:
    door.serve(b=())
    push(Message(check="b", status=Status.CRITICAL, summary="\x1b[2Jgone", subject="su\x1b[31mb\nj\u202e"), door.state)
    push(Message(check="b", kind="started", subject="su\x1b[31mb\nj\u202e"), door.state)
    (outcome,) = door.taken()
    (result,) = outcome.results
    assert (result.summary, result.subject) == ("gone", r"su\x1b[31mb\nj\u202e")
    (begun,) = [one for one in door.outcomes if isinstance(one, RunStarted)]
    assert begun.subject == result.subject


# --- who pushes -------------------------------------------------------------------------------------------------------


def test_who_pushed_is_in_the_details(door: Door) -> None:
    door.serve(b=())
    push(Message(check="b", details="more"), door.state)
    (outcome,) = door.taken()
    assert outcome.results[0].details.splitlines()[0] == "more"
    assert f"(uid {os.geteuid()})" in outcome.results[0].details.splitlines()[1]


def test_root_the_agents_user_and_who_is_named_may_push() -> None:
    names = Names()
    assert refusal(Sender(12345, 12345), (), names) == ""
    for user in (0, os.geteuid()):
        assert refusal(Sender(user, 12345), ("backup",), names) == ""
    assert refusal(Sender(5, 60), ("games",), names) == ""
    assert refusal(Sender(12345, 60), ("games",), names) == "", "a group of his process"
    assert refusal(Sender(5, 60), ("backup", "deploy"), names) == (
        "takes results from backup, deploy only (setting `from`), not from games (uid 5)"
    )
    assert refusal(Sender(12345, 12345), ("backup",), names).endswith("not from uid 12345")
    assert refusal(Sender(), ("backup",), names).endswith("not from somebody")


class SilentDirectory:
    """Knows everybody as `backup`, once somebody lets it answer."""

    def __init__(self) -> None:
        self.answers, self.asked = threading.Event(), 0

    def __call__(self, user: int) -> pwd.struct_passwd:
        self.asked += 1
        self.answers.wait(20)
        return pwd.struct_passwd(("backup", "x", user, 4_000_000_000, "", "/", "/bin/false"))


def test_a_directory_of_users_that_hangs_shuts_the_door_for_nobody(tmp_path: Path) -> None:
    """What everybody may push is taken under the sender's number; what only some may push waits for his name."""
    needs.root()
    silent = SilentDirectory()
    door = Door(tmp_path, lambda late: Names(late, silent))
    door.serve(open=(), closed=("backup",))
    try:
        for number in range(40):
            file = tmp_path / "spool" / f"{number}.json"
            file.write_bytes(encode(Message(check="closed" if number else "open")))
            os.chown(file, 4_000_000_000, -1)
        began = time.monotonic()
        assert [push(Message(check="open"), tmp_path) for _ in range(5)] == ["taken"] * 5
        assert ask(tmp_path, NUDGE) == b"ok\n"
        assert time.monotonic() - began < 5, "one question waits, those like it do not"
        assert sorted(one.results[0].details for one in door.taken()) == [
            *["pushed by uid 0"] * 5,
            "pushed by uid 4000000000",
        ]
    finally:
        silent.answers.set()
    wait_until(lambda: len(door.taken()) == 45)
    door.server.stop()


def test_another_user_is_refused_by_what_the_kernel_says_of_him() -> None:
    needs.root()
    with tempfile.TemporaryDirectory(prefix="security-") as folder:
        Path(folder).chmod(0o755)
        door = Door(Path(folder))
        door.serve(b=("backup",), c=("games",), d=())
        (door.state / "agent.sock").chmod(0o777)
        answers = {check: as_games(door.state, check) for check in "bcd"}
        door.server.stop()
    assert answers["b"] == "b takes results from backup only (setting `from`), not from games (uid 5)\n"
    assert (answers["c"], answers["d"]) == ("ok\n", "ok\n")


def as_games(state: Path, check: str) -> str:
    with socket.socket(socket.AF_UNIX) as client:
        client.settimeout(10)
        os.setegid(60)
        os.seteuid(5)
        try:
            client.connect(str(state / "agent.sock"))
        finally:
            os.seteuid(0)
            os.setegid(0)
        client.sendall(b'{"check": "%s"}\n' % check.encode())
        return client.recv(1000).decode()


def test_a_name_under_from_that_the_host_does_not_know_is_told_and_stops_nothing(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text("checks:\n  b: {type: pushed, ttl: 1h, from: [root, nosuchuser, nosuchuser2]}\n")
    config = load(tmp_path, Catalog(), {})
    assert [(one.place.line, one.place.column, one.check) for one in config.problems] == [(2, 36, "")] * 2
    assert "b.from: 'nosuchuser' is neither a user nor a group of this host" in str(config.problems[0])
    assert "b" in config.checks
    assert config.complete
