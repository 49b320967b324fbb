"""Dead mounts hold up no good one, and cost one thread."""

from __future__ import annotations

import re
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from agent.api import Context, Status
from agent.plugin.context import SharedWork
from checks.disk import Disk
from tests.checks.disk.real_disks import ours, run, run_one, tmpfs
from tests.host import kernel, needs

THREAD = "call"


@pytest.fixture
def dead(place: Path) -> Iterator[Path]:
    """Beside three good mounts two that never answer: place/dead0, dead1, good0, good1, good2."""
    needs.file("/dev/fuse")
    others = stuck()
    with ExitStack() as stack:
        for number in range(3):
            tmpfs(place / f"good{number}")
        for number in range(2):
            stack.enter_context(kernel.never_answering(place / f"dead{number}"))
        yield place
    until = time.monotonic() + 60
    while set(stuck()) - set(others) and time.monotonic() < until:
        time.sleep(0.01)
    assert not set(stuck()) - set(others), "with the mounts gone, the threads come back"


def stuck() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name == THREAD]


def test_two_dead_mounts_hold_up_no_good_one(dead: Path) -> None:
    ctx = Context(timeout=1)
    results = run(ours(dead), ctx)
    assert time.monotonic() <= ctx.deadline
    assert [(Path(result.subject).name, str(result.status)) for result in results] == [
        ("dead0", "nodata"),
        ("dead1", "nodata"),
        ("good0", "ok"),
        ("good1", "ok"),
        ("good2", "ok"),
    ]
    assert re.fullmatch(r"/.*/dead0 not answering for [\d.]+m?s \(fuse dead\)", results[0].summary)


def test_a_dead_mount_gets_no_second_thread_from_whichever_check_or_path(dead: Path) -> None:
    shared, others = SharedWork(), set(stuck())
    for _ in range(2):
        run(ours(dead), Context(timeout=0.2, shared=shared))
    (dead / "link").symlink_to(dead / "dead0")
    below = (str(dead / "dead0" / "x"), str(dead / "dead0"), str(dead / "link" / "y"))
    results = run(Disk(path=below), Context(timeout=0.2, shared=shared))
    assert [result.status for result in results] == [Status.NODATA] * 3
    until = time.monotonic() + 60
    while len(set(stuck()) - others) > 2 and time.monotonic() < until:
        time.sleep(0.01)  # a call that has answered may not have left its thread yet
    assert len(set(stuck()) - others) == 2, "one a mount"


def test_a_dead_mount_that_answers_again_is_measured_again(place: Path) -> None:
    needs.file("/dev/fuse")
    shared = SharedWork()
    target = place / "dead"
    with kernel.never_answering(target):
        disk = Disk(path=str(target))
        assert run_one(disk, Context(timeout=0.2, shared=shared)).status is Status.NODATA
    tmpfs(target)
    until = time.monotonic() + 60
    while (result := run_one(disk, Context(timeout=1, shared=shared))).status is Status.NODATA:
        assert time.monotonic() < until, result
    assert result.status is Status.OK


def test_a_fuse_mount_whose_server_died_says_what_the_kernel_says(place: Path) -> None:
    needs.file("/dev/fuse")
    with kernel.dead_server(place / "dead"):
        result = run_one(Disk(path=str(place / "dead"), mounted=True))
    assert result.status is Status.NODATA
    assert "dead Transport endpoint is not connected (fuse dead)" in result.summary


EXITING = """
import sys
from agent.api import Context
from checks.disk import Disk
print([result.summary for result in Disk(path=sys.argv[1]).run(Context(timeout=0.2))])
"""


def test_a_dead_mount_does_not_delay_the_end_of_the_process(dead: Path) -> None:
    ended = subprocess.run(
        [sys.executable, "-c", EXITING, dead / "dead0"],
        cwd=Path(__file__).parents[3],
        capture_output=True,
        text=True,
        timeout=5,
    )
    assert ended.returncode == 0, ended.stderr
    assert "dead0 not answering for " in ended.stdout
