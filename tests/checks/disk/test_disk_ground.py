"""What a path lay on, held against what it lies on now: values in, words out."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from agent.api import Status
from checks.disk.ground import ADOPTED_AFTER, Ground, compare, find_changes
from checks.disk.mountinfo import Mount
from checks.disk.place import Place, uuid_of

DAY = ADOPTED_AFTER
DATA = Ground("/data", "ext4", "uuid-1")


def said(known: Ground, ground: Ground, now: float = 0.0) -> list[Status]:
    return [one.status for one in compare(known, ground, "x", now)[1]]


def test_another_disk_of_the_same_type_is_another_filesystem() -> None:
    known, news = compare(DATA, Ground("/data", "ext4", "uuid-2"), "ext4 /dev/sdc1", 100.0)
    assert [(one.status, one.summary) for one in news] == [
        (
            Status.WARNING,
            "is another filesystem for 0ms: ext4 /dev/sdc1 uuid-2, but was ext4 uuid-1 on /data before",
        )
    ]
    assert said(known, Ground("/data", "ext4", "uuid-2"), 100.0 + DAY) == []
    assert compare(known, DATA, "x", 200.0) == (DATA, []), "as before, nothing is left"


def test_what_nothing_tells_apart_is_the_same() -> None:
    assert said(DATA, Ground("/data", "ext4")) == said(Ground("/data", "ext4"), DATA) == []


def test_a_mount_that_is_gone_is_critical_for_as_long_as_it_is() -> None:
    for now in (0.0, 1000 * DAY):
        assert said(DATA, Ground("/", "ext4", "root"), now) == [Status.CRITICAL]
    assert said(Ground("/", "ext4", "root"), DATA) == [], "a mount that came is no loss"


GROUNDS = st.builds(
    Ground, st.sampled_from(["/", "/a", "/a/b", "/ab"]), st.sampled_from("xy"), st.sampled_from(["", "1", "2"])
)


@given(GROUNDS, st.lists(st.tuples(GROUNDS, st.floats(-3 * DAY, 3 * DAY)), max_size=20))
def test_whatever_comes_what_was_known_is_told_as_over(first: Ground, story: list[tuple[Ground, float]]) -> None:
    known = first
    for ground, now in story:
        before = known
        known, news = compare(before, ground, "x", now)
        assert bool(news) is not before.is_like(ground) or not news
        assert not compare(known, known, "x", now)[1]
        if news:
            assert compare(known, before, "x", now + 1)[1] == []


def place(path: str, mount: Mount | None) -> Place:
    return Place(path, path, mount)


def test_autofs_takes_mounts_away_and_nobody_is_told(tmp_path: Path) -> None:
    mounted = Mount(2, 1, "0:9", "/", "/home/alice", "nfs4", "filer:/home/alice")
    trigger = Mount(1, 0, "0:8", "/", "/home", "autofs", "auto.home")
    memory: dict[str, Any] = {}
    for mount in (mounted, trigger, None, mounted):
        assert find_changes(memory, [place("/home/alice", mount)], 0.0).get("/home/alice", []) == []
        memory = json.loads(json.dumps(memory))
    other = Mount(2, 1, "0:9", "/", "/home/alice", "nfs4", "other:/home/alice")
    (one,) = find_changes(memory, [place("/home/alice", other)], 0.0)["/home/alice"]
    assert "nfs4 other:/home/alice" in one.summary


def test_a_bind_mount_over_itself_is_the_same_place() -> None:
    disk = Mount(1, 0, "8:1", "/", "/", "ext4", "/dev/sda1")
    sandbox = Mount(2, 1, "8:1", "/srv/x", "/srv/x", "ext4", "/dev/sda1")
    elsewhere = Mount(3, 1, "8:1", "/big/x", "/srv/x", "ext4", "/dev/sda1")
    memory: dict[str, Any] = {}
    for mount in (sandbox, disk, sandbox, disk):
        assert not find_changes(memory, [place("/srv/x/deep", mount)], 0.0).get("/srv/x/deep")
    memory = {}
    find_changes(memory, [place("/srv/x/deep", elsewhere)], 0.0)
    (one,) = find_changes(memory, [place("/srv/x/deep", disk)], 0.0)["/srv/x/deep"]
    assert one.status is Status.CRITICAL, "the folder below the bind mount is another one"


def test_a_memory_in_another_form_is_forgotten() -> None:
    for old in ({"/data": ["/data", "ext4"]}, {"/data": {"point": 5}}, "x", [1]):
        memory: dict[str, Any] = {"lies_on": old}
        assert not find_changes(memory, [place("/data", Mount(1, 0, "8:1", "/", "/", "ext4", "x"))], 0.0).get("/data")
        assert memory["lies_on"]["/data"]["point"] == "/"


def test_a_uuid_is_found_by_the_number_of_the_device(tmp_path: Path) -> None:
    (tmp_path / "aaaa-bbbb").symlink_to("/dev/null")
    assert uuid_of("1:3", tmp_path) == "aaaa-bbbb"
    assert uuid_of("1:4", tmp_path) == uuid_of("1:3", tmp_path / "none") == ""
