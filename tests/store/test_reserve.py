"""A full disk is when an agent has something to tell: room is kept for that, and it starts and tells all the same."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from agent.model import State, Status
from agent.store import Change, Store, StoreError
from agent.store.reserve import BYTES, FILE, Reserve, give_up, keep
from tests.host import kernel, needs
from tests.processes.agent_process import agent_process
from tests.stand_ins.api import ApiStandIn


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A filesystem of its own, which the test may fill."""
    needs.root()
    with kernel.own_mounts():
        yield kernel.mount("tmpfs", tmp_path / "disk", "tmpfs", options="size=40m,mode=0700")


def fill(disk: Path) -> Path:
    """Leave no block free, as somebody else's log does."""
    filling = disk / "fill"
    with filling.open("ab", buffering=0) as file:
        for size in (1 << 20, 4096, 1):
            try:
                while file.write(bytes(size)):
                    pass
            except OSError:
                continue
    return filling


def written(store: Store, number: int) -> None:
    store.record([Change(State("disk", f"s{number}", Status.CRITICAL))])


def test_what_happens_on_a_full_disk_is_written_in_the_room_that_was_kept(disk: Path) -> None:
    store = Store.open(disk / "state")
    written(store, 0)
    assert (disk / "state" / FILE).stat().st_size == BYTES
    filling = fill(disk)
    tried = 0
    for number in range(1, 60):
        try:
            written(store, number)
        except StoreError:
            tried += 1
            written(store, number)
    assert tried == 1, "once, and then there is room"
    assert not (disk / "state" / FILE).exists()
    filling.unlink()
    assert len(store.states()) == 60
    store.close()


@pytest.mark.parametrize("killed", [False, True])
def test_an_agent_starts_on_a_full_disk_tells_it_and_ends_it(disk: Path, killed: bool) -> None:
    with ApiStandIn() as api, agent_process(disk) as agent:
        bad, flag = f"test ! -e {disk}/bad || exit 2", disk / "bad"
        flag.touch()
        flag.unlink()
        agent.write("a.yaml", f"agent: {{events: {{endpoint: '{api.url}', api_key: '{api.key}'}}}}\n")
        agent.write("b.yaml", f"checks:\n  one: {{type: script, command: [/bin/sh, -c, '{bad}'], interval: 1s}}\n")
        agent.start()
        agent.wait_until((agent.state / FILE).exists, "the reserve")
        agent.wait_until(lambda: agent.status()["checks"], "a run")
        agent.stop(9 if killed else 15)
        flag.touch()
        filling = fill(disk)
        agent.start()
        api.wait_for(1, seconds=60)
        filling.unlink()
        flag.unlink()
        api.wait_for(2, seconds=60)
        assert [event["status"] for event in api.accepted] == ["critical", "ok"]
        assert not api.rejections


def test_the_room_is_taken_only_where_there_is_plenty_and_taken_again_later(disk: Path) -> None:
    now = [0.0]
    reserve = Reserve(disk, lambda: now[0])
    filling = fill(disk)
    reserve.renew()
    assert not (disk / FILE).exists()
    filling.unlink()
    reserve.renew()
    assert not (disk / FILE).exists(), "it was looked at just now"
    now[0] = 61.0
    reserve.renew()
    assert (disk / FILE).stat().st_blocks * 512 >= BYTES, "room, not a hole"


def folder(path: Path) -> None:
    path.mkdir()
    (path / "x").touch()


PLANTED: dict[str, Callable[[Path], object]] = {
    "a link": lambda path: path.symlink_to(path.parent / "victim"),
    "a pipe": os.mkfifo,
    "a short file": lambda path: path.write_text("x"),
    "a folder": folder,
}


@pytest.mark.parametrize("planted", PLANTED)
def test_whatever_lies_in_its_place_leads_nowhere(tmp_path: Path, planted: str) -> None:
    (tmp_path / "victim").write_text("mine")
    PLANTED[planted](tmp_path / FILE)
    keep(tmp_path)
    assert (tmp_path / "victim").read_text() == "mine"
    if planted != "a folder":
        assert (tmp_path / FILE).lstat().st_size == BYTES


def test_other_errors_give_no_room_up(tmp_path: Path) -> None:
    keep(tmp_path)
    assert not give_up(tmp_path, OSError(5, "Input/output error"))
    assert (tmp_path / FILE).exists()
    assert give_up(tmp_path, OSError(28, "No space left on device"))
    assert not give_up(tmp_path, OSError(28, "No space left on device")), "there is none any more"
