"""A mount that is gone is missed, and another one in its place is noted."""

from __future__ import annotations

import json
import re
from pathlib import Path

from agent.api import Context, Result, Status
from checks.disk import Disk
from tests.checks.disk.real_disks import ours, run, tmpfs
from tests.host import kernel, needs


class Story:
    """One check over many runs, its memory written and read between them as over restarts."""

    def __init__(self, disk: Disk) -> None:
        self.disk, self.memory = disk, "{}"

    def look(self, now: float = 0.0) -> list[Result]:
        context = Context(timeout=5, memory=json.loads(self.memory), wall=lambda: now)
        results = run(self.disk, context)
        self.memory = json.dumps(context.memory)
        return results

    def says(self, now: float = 0.0) -> tuple[Status, str]:
        (result,) = self.look(now)
        return result.status, result.summary


def test_a_path_whose_mount_is_gone_is_critical_until_it_is_back(place: Path) -> None:
    target = tmpfs(place / "t")
    (target / "deep").mkdir()
    stories = [Story(Disk(path=str(path))) for path in (target, target / "deep")]
    assert [story.says()[0] for story in stories] == [Status.OK] * 2
    kernel.unmount(target)
    for _ in range(2):
        for story in stories:
            status, words = story.says(10 * 86400.0)
            assert status is Status.CRITICAL
            assert re.search(rf" is on /.* now, but was on {target} \(tmpfs\) before", words)
            assert "% used" not in words, "what lies there now is another filesystem"
    tmpfs(target)
    (target / "deep").mkdir()
    assert [story.says()[0] for story in stories] == [Status.OK] * 2


def test_a_folder_that_never_was_anything_else_tells_nothing_and_a_mount_that_comes_is_noted(place: Path) -> None:
    (place / "t").mkdir()
    story = Story(Disk(path=str(place / "t"), warning=None, critical=None))
    assert [story.says()[0] for _ in range(2)] == [Status.OK] * 2
    tmpfs(place / "t")
    assert story.says()[0] is Status.OK
    kernel.unmount(place / "t")
    assert story.says()[0] is Status.CRITICAL


def test_a_mount_that_is_meant_to_go_tells_nothing(place: Path) -> None:
    story = Story(Disk(path=str(tmpfs(place / "t")), mounted=False, warning=None, critical=None))
    assert story.says()[0] is Status.OK
    kernel.unmount(place / "t")
    assert story.says()[0] is Status.OK


def test_another_filesystem_at_the_same_place_is_a_warning_for_a_day(place: Path) -> None:
    needs.file("/dev/fuse")
    story = Story(Disk(path=str(tmpfs(place / "t"))))
    assert story.says()[0] is Status.OK
    with kernel.answering(place / "t"):
        assert story.says(1000)[0] is Status.WARNING
        assert re.search(r"is another filesystem for 1h: fuse half.*, but was tmpfs on", story.says(4600)[1])
        assert story.says(1000 + 86400)[0] is Status.OK
    assert story.says(1000 + 86500)[0] is Status.WARNING, "and back again is as new"


def test_another_filesystem_that_goes_again_leaves_nothing(place: Path) -> None:
    needs.file("/dev/fuse")
    story = Story(Disk(path=str(tmpfs(place / "t"))))
    story.says()
    before = story.memory
    with kernel.answering(place / "t"):
        assert story.says(1000)[0] is Status.WARNING
    assert story.says(2000)[0] is Status.OK
    assert story.memory == before


def test_a_mount_that_another_of_its_disk_now_stands_for_is_not_missed(place: Path) -> None:
    target = tmpfs(place / "long-name")
    story = Story(ours(place))
    assert [one.subject for one in story.look(0)] == [str(target)]
    kernel.mount(str(target), place / "b", flags=kernel.MS_BIND)
    assert [one.subject for one in story.look(2 * 86_400)] == [str(place / "b")]


def test_of_all_mounts_only_what_was_there_for_a_day_is_missed(place: Path) -> None:
    old = tmpfs(place / "old")
    story = Story(ours(place))
    assert len(story.look(0)) == 1
    young = tmpfs(place / "young")
    assert len(story.look(86_400)) == 2
    kernel.unmount(young)
    kernel.unmount(old)
    stays = tmpfs(place / "stays")
    said = {result.subject: result.status for result in story.look(86_460)}
    assert said == {str(stays): Status.OK, str(old): Status.NODATA}
    assert len(story.look(2 * 86_460)) == 1
