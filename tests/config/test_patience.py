"""Who reads the configuration waits for all that hangs together, for a bounded time, with few threads."""

from __future__ import annotations

import itertools
import os
import threading
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest

from agent.config.files.content import Unreadable
from agent.config.files.patience import LEAST, MOST_OF_ONE, MOST_THREADS, SILENT, Patience, Threads
from agent.config.files.probe import MOST_LEFT, Mounts, Probes


@pytest.fixture
def never() -> Iterator[Callable[[], int]]:
    """A question that is answered when the test is over."""
    free = threading.Event()

    def ask() -> int:
        free.wait(60)
        return 0

    yield ask
    free.set()
    for thread in threading.enumerate():
        if thread.name == "patience":
            thread.join(60)  # the next test counts threads


def patience(threads: Threads | None = None, seconds: float = 0.3) -> Patience:
    return Patience(seconds, threads or Threads(), Mounts(Path("/none")))


def raised() -> int:
    raise ValueError("x")


def test_what_answers_is_found_and_what_is_raised_is_given_back() -> None:
    found = patience().all({"/a/1": lambda: 1, "/a/2": raised, "/a/3": lambda: 3})
    assert (found["/a/1"], found["/a/3"], repr(found["/a/2"])) == (1, 3, "ValueError('x')")
    assert patience().all({}) == {}
    with pytest.raises(ValueError, match="x"):
        patience().one("/a", raised)


def asking() -> int:
    """Return how many threads ask; of this process there may be others that end meanwhile."""
    return sum(thread.name == "patience" for thread in threading.enumerate())


def test_all_that_hangs_is_waited_for_together_and_the_others_are_found(never: Callable[[], int]) -> None:
    mine = patience()
    questions = {f"/dead/{at}" if at % 2 else f"/good/{at}": never if at % 2 else partial(int, at) for at in range(16)}
    began = time.monotonic()
    found = mine.all(questions)
    assert time.monotonic() - began < 8 * 0.3, "one after the other"
    assert {path for path, one in found.items() if str(one) == SILENT} == {f"/dead/{at}" for at in range(1, 16, 2)}
    assert mine.silent == [f"/dead/{at}" for at in range(1, 16, 2)]
    assert all(found[f"/good/{at}"] == at for at in range(0, 16, 2))


def test_a_thousand_that_hang_take_few_threads_however_often_they_are_asked(never: Callable[[], int]) -> None:
    threads = Threads()
    questions = {f"/dead/{at}": never for at in range(1000)}
    before = asking()
    for _ in range(6):
        patience(threads).all(questions)
    assert asking() - before <= MOST_THREADS + 1
    good: dict[str, Callable[[], int]] = {f"/good/{at}": partial(int, at) for at in range(100)}
    others = patience(threads).all({**questions, **good})
    assert [others[f"/good/{at}"] for at in range(100)] == list(range(100))


def test_what_hangs_is_not_asked_anew_at_once_and_never_more_than_a_few_times(
    never: Callable[[], int], monkeypatch: pytest.MonkeyPatch
) -> None:
    threads = Threads()
    before = asking()
    patience(threads).all({"/dead/a": never})
    with pytest.raises(Unreadable):
        patience(threads).one("/dead/a", never)
    assert asking() - before == 1
    monkeypatch.setattr("agent.config.files.patience.AGAIN", 0.0)
    for _ in range(10):
        patience(threads, LEAST).all({"/dead/a": never})
    assert asking() - before == MOST_OF_ONE


def test_what_comes_back_is_counted_and_answers_again() -> None:
    threads, free = Threads(), threading.Event()

    def late() -> bool:
        return free.wait(60)

    with pytest.raises(Unreadable):
        patience(threads).one("/late/a", late)
    assert threads.late_answers == 0
    free.set()
    until = time.monotonic() + 60
    while not threads.late_answers:
        assert time.monotonic() < until
        time.sleep(0.01)
    assert patience(threads).one("/late/a", late)


def table(folder: Path, *mounts: tuple[str, str]) -> Mounts:
    lines = [f"{at} 1 0:{at} / {place} rw - {kind} x rw\n" for at, (place, kind) in enumerate(mounts)]
    (folder / "mountinfo").write_text("".join(lines))
    return Mounts(folder / "mountinfo")


KINDS = ("nfs", "nfs4", "cifs", "smb3", "fuse", "fuse.sshfs", "fuse.glusterfs", "ceph", "9p", "virtiofs", "autofs")


@pytest.mark.parametrize("kind", KINDS)
def test_what_lies_on_a_mount_that_may_hang_is_known_by_its_way_alone(tmp_path: Path, kind: str) -> None:
    far, near = tmp_path / "far", tmp_path / "near"
    far.mkdir()
    near.mkdir()
    (near / "file").touch()
    (near / "link").symlink_to(far / "file")
    (near / "links").symlink_to("link")
    (near / "folder").symlink_to("../far")
    (near / "circle").symlink_to("circle")
    mounts = table(tmp_path, ("/", "ext4"), (str(far), kind), (str(far / "local"), "tmpfs"))
    yes = [far, far / "file", far / "local" / "x", near / "link", near / "links", near / "folder" / "x"]
    yes += [near / ".." / "far" / "x", near / "folder"]
    no = (near, near / "file", near / "none" / "x", near / "circle", tmp_path / "farther", Path("/"))
    assert [path for path in yes if not mounts.may_hang(str(path))] == []
    assert [path for path in no if mounts.may_hang(str(path))] == []


def test_a_host_without_such_mounts_is_asked_nothing(tmp_path: Path) -> None:
    assert not table(tmp_path, ("/", "overlay"), ("/proc", "proc"), ("/x", "xfs")).may_hang("/x/y")
    # Where all of it is such a system, so is our own program.
    assert not table(tmp_path, ("/", "nfs")).may_hang("/x/y")
    assert not table(tmp_path, ("/", "fuse.fuse-overlayfs")).may_hang("/x/y")


def test_blanks_in_the_name_of_a_mount_are_understood(tmp_path: Path) -> None:
    assert table(tmp_path, (r"/a\040b", "nfs")).may_hang("/a b/c")


def test_another_process_says_what_answers(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    os.mkfifo(tmp_path / "pipe")
    paths = [str(tmp_path / name) for name in ("file", "pipe", "none", ".", "a\nb")]
    assert Probes().silent(paths, 10, 60) == set()


def test_few_processes_are_left_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Stands for a child that hangs: one that says that it has come up, and then nothing."""
    child = tmp_path / "child.py"
    child.write_text("import os, sys, time\nsys.stdin.read(); os.write(1, b'\\n'); time.sleep(600)\n")
    monkeypatch.setattr("agent.config.files.probe.CHILD", child)
    probes = Probes()
    names = (f"/dead/{at}" for at in itertools.count())
    try:
        for _ in range(MOST_LEFT + 3):
            path = next(names)
            assert probes.silent([path], 0.01, 60) == {path}
        assert len(probes._hanging) == MOST_LEFT
    finally:
        for one, _, _ in probes._hanging:
            one.kill()
            one.wait()
    assert probes.late_answers == MOST_LEFT


def test_many_that_answer_slowly_are_waited_for_as_long_as_one_comes_after_the_other() -> None:
    def slow() -> bool:
        time.sleep(0.02)
        return True

    assert all(answer is True for answer in patience(seconds=0.2).all({f"/a/{at}": slow for at in range(60)}).values())
