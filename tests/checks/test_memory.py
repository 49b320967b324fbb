"""The memory check: texts of /proc and of cgroups in, judgement out."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.api import CheckError, Duration, NumberAbove, PercentAbove, Result, Size, Status
from agent.plugin.results import gather
from agent.testing import ran
from checks import memory as check
from checks.memory import Memory, Reading, count_kills, read_container, read_host

GIB = 1 << 30
# A laptop of 16 GB with swap, Linux 6.8.
LAPTOP = """\
MemTotal:       16107192 kB
MemFree:          411872 kB
MemAvailable:    1047012 kB
Buffers:           52536 kB
Cached:          1923456 kB
SwapCached:        48216 kB
SwapTotal:       4194300 kB
SwapFree:         419430 kB
HugePages_Total:       0
Hugepagesize:       2048 kB
Hugetlb:               0 kB
DirectMap4k:      612148 kB
"""
# A database server of 64 GB that set 48 GB of huge pages aside; no swap.
DATABASE = """\
MemTotal:       65809392 kB
MemFree:         3019328 kB
MemAvailable:    6291456 kB
SwapTotal:             0 kB
SwapFree:              0 kB
HugePages_Total:   24576
HugePages_Free:      512
Hugepagesize:       2048 kB
"""
# RHEL 7's 3.10 has MemAvailable, 2.6.32 does not.
OLD = "MemTotal:        1030588 kB\nMemFree:           84500 kB\nBuffers:           71312 kB\n"
VMSTAT = "nr_free_pages 102968\npgmajfault 81521\noom_kill 3\ndrop_pagecache 0\n"
ARCSTATS = """\
13 1 0x01 147 39984 5307064543 3427310098312
name                            type data
hits                            4    2184937364
c_min                           4    1073741824
c_max                           4    8589934592
size                            4    7516192768
"""


def assess(
    seen: Reading, settings: Memory | None = None, memory: dict[str, Any] | None = None, now: float = 0
) -> Result:
    (result,) = gather((settings or Memory()).assess(seen, {} if memory is None else memory, now))
    return result


def test_available_memory_is_judged_in_percent() -> None:
    assert (one := assess(read_host(LAPTOP, VMSTAT))).status is Status.WARNING
    assert one.summary == "1022 MiB of 15.4 GiB available (warning below 10%), 90% of 4 GiB swap used"
    assert {metric.name for metric in one.metrics} == {"available", "swap_used", "oom_kills"}


def test_swap_is_judged_only_when_asked() -> None:
    one = assess(read_host(LAPTOP, VMSTAT), Memory(available_warning=None, swap_warning=PercentAbove.parse("80%")))
    assert one.summary == "90% of 4 GiB swap used (warning from 80%), 1022 MiB of 15.4 GiB available"


def test_swap_that_was_there_and_is_gone_is_told_where_a_level_is_set_until_it_is_back() -> None:
    memory: dict[str, Any] = {}
    asked = Memory(swap_warning=PercentAbove.parse("99%"))
    texts = [LAPTOP.replace("1047012", "9047012"), DATABASE.replace("24576", "0")]
    there, gone = (read_host(text, VMSTAT) for text in texts)
    assert assess(gone, asked, memory).summary.endswith("available, no swap"), "nobody has seen any"
    statuses = [assess(each, asked, memory).status for each in (there, gone, gone, there)]
    assert statuses == [Status.OK, Status.WARNING, Status.WARNING, Status.OK]
    one = assess(gone, asked, memory)
    assert one.summary.startswith(
        "no swap any more, it had 4 GiB: swapon --show; if that is meant, leave its levels out"
    )
    assert assess(gone, None, memory).status is Status.OK, "nobody asked"


def test_a_host_without_swap_has_no_word_of_it() -> None:
    assert "swap" not in assess(read_host(DATABASE, VMSTAT)).summary


def test_huge_pages_that_were_set_aside_are_no_memory_to_run_out_of() -> None:
    seen = read_host(DATABASE, VMSTAT)
    assert seen.total == (65809392 - 24576 * 2048) * 1024
    assert assess(seen).status is Status.OK, "6 GiB of 15 GiB, not of 64"


def test_the_cache_of_zfs_counts_as_available_down_to_its_minimum() -> None:
    assert read_host(LAPTOP, VMSTAT, ARCSTATS).available == 1047012 * 1024 + 6 * GIB


def test_a_few_percent_of_a_big_host_are_plenty() -> None:
    assert assess(Reading(1024 * GIB, 30 * GIB)).status is Status.OK
    assert assess(Reading(1024 * GIB, 3 * GIB)).status is Status.CRITICAL


def test_a_kernel_that_tells_nothing_is_no_data() -> None:
    for text in (OLD, ""):
        with pytest.raises(CheckError, match="tells no MemAvailable"):
            read_host(text, "")


# cgroup 2: `docker run -m 512m`; a limit of "max" is none.
EVENTS2 = "low 0\nhigh 0\nmax 8814\noom 2\noom_kill 2\noom_group_kill 0\n"
STAT2 = "anon 484380672\nfile 27623424\nactive_file 4194304\ninactive_file 20971520\nslab_reclaimable 1048576\n"
# cgroup 1: the container's own numbers and, as total_, all below it.
STAT1 = "cache 0\nactive_file 1\ninactive_file 1\nhierarchical_memory_limit 536870912\ntotal_active_file 4194304\n"
STAT1 += "total_inactive_file 20971520\n"
EVENTS1 = "oom_kill_disable 0\nunder_oom 0\noom_kill 2\n"
AROUND = Reading(64 * GIB, 32 * GIB, swap=GIB, swap_free=0, oom_kills=7)


def test_the_limit_of_a_container_is_judged_and_said() -> None:
    seen = read_container("536870912\n", "520093696\n", EVENTS2, STAT2, AROUND)
    assert seen is not None
    assert (seen.total, seen.available, seen.oom_kills) == (512 << 20, (16 << 20) + 26214400, 2)
    one = assess(seen)
    assert one.summary == "41 MiB of 512 MiB of this container's limit available (warning below 10%)"
    assert "swap" not in one.summary, "the host's swap is not the container's"


def test_the_first_version_of_cgroups_is_read_too() -> None:
    seen = read_container("536870912\n", "520093696\n", EVENTS1, STAT1, AROUND)
    assert seen is not None
    assert (seen.available, seen.oom_kills) == ((16 << 20) + 25165824, 2)


@pytest.mark.parametrize("limit", ["max\n", "9223372036854771712\n", str(64 * GIB), ""])
def test_a_container_without_a_limit_sees_the_host(limit: str) -> None:
    assert read_container(limit, "1\n", EVENTS2, STAT2, AROUND) is None


def test_a_container_cannot_have_more_than_the_host_still_has() -> None:
    seen = read_container(str(16 * GIB), "0\n", EVENTS2, STAT2, Reading(64 * GIB, GIB))
    assert seen is not None and seen.available == GIB


def test_a_kill_shows_for_half_an_hour() -> None:
    memory: dict[str, Any] = {}
    seen = Reading(GIB * 16, GIB * 8, oom_kills=3)
    assert assess(seen, memory=memory, now=1000).status is Status.OK, "killed before anybody looked"
    more = Reading(GIB * 16, GIB * 8, oom_kills=5)
    one = assess(more, memory=memory, now=1060)
    assert one.summary == "2 killed for lack of memory in the last 30m (warning from 1), 8 GiB of 16 GiB available"
    assert assess(more, memory=memory, now=1060 + 1799).status is Status.WARNING
    assert assess(more, memory=memory, now=1060 + 1800).status is Status.OK
    assert memory["kills"] == []


def test_kills_that_go_on_add_up() -> None:
    memory: dict[str, Any] = {}
    assert [count_kills(memory, count, now, 100) for count, now in ((0, 0), (1, 60), (3, 120), (3, 180))] == [
        *(0, 1, 3, 2),
    ]


def test_after_a_reboot_the_kernel_counts_anew_and_what_it_counted_is_new() -> None:
    memory: dict[str, Any] = {}
    count_kills(memory, 40, 0, 1800)
    assert count_kills(memory, 0, 60, 1800) == 0
    count_kills(memory, 40, 90, 1800)
    assert count_kills(memory, 2, 2000, 1800) == 2
    assert count_kills(memory, 3, 2060, 1800) == 3


def test_a_reboot_is_known_by_the_boots_name_where_as_many_are_killed_after_it_as_before() -> None:
    memory: dict[str, Any] = {}
    count_kills(memory, 3, 0, 1800, "first")
    assert count_kills(memory, 3, 60, 1800, "") == 0, "a name that cannot be read is no other boot"
    assert count_kills(memory, 3, 120, 1800, "second") == 3
    assert count_kills(memory, 3, 180, 1800, "second") == 3
    assert count_kills(memory, 3, 2000, 1800, "second") == 0


@pytest.mark.parametrize(("free", "known"), [(0, 0), (4194300, 4194300 * 1024), (4194301, None)])
def test_more_free_swap_than_there_is_is_not_known(free: int, known: int | None) -> None:
    """As lxcfs tells it of containers."""
    assert read_host(LAPTOP.replace("419430 kB", f"{free} kB"), VMSTAT).swap_free == known


def test_more_huge_pages_than_memory_are_an_error_and_no_negative_memory() -> None:
    with pytest.raises(CheckError, match="more huge pages than there is memory"):
        read_host(LAPTOP.replace("Hugetlb:               0", "Hugetlb:  99999999"), VMSTAT)


def test_a_clock_set_back_forgets_kills_instead_of_keeping_them_for_years() -> None:
    memory: dict[str, Any] = {}
    count_kills(memory, 0, 5000, 1800)
    assert count_kills(memory, 1, 5060, 1800) == 1
    assert count_kills(memory, 1, 60, 1800) == 0


def test_a_kernel_that_does_not_count_kills_has_no_word_of_them() -> None:
    one = assess(read_host(LAPTOP, "nr_free_pages 1\n"), Memory(oom_kills_critical=NumberAbove.parse(1)))
    assert "oom_kills" not in {metric.name for metric in one.metrics}


def test_this_host_has_memory() -> None:
    result = ran(Memory(available_warning=None, available_critical=None)).result
    assert result.status is Status.OK
    assert "available" in result.summary
    assert check.read(Path("/sys/fs/cgroup/nothing")) == ""


TEXTS = st.text(max_size=60) | st.sampled_from(["MemTotal: 0 kB\nMemAvailable: 0 kB\n", "MemAvailable: 5 kB\n"])


@given(TEXTS, TEXTS, TEXTS)
def test_texts_of_no_known_form_are_nodata(meminfo: str, vmstat: str, arcstats: str) -> None:
    with contextlib.suppress(CheckError):
        assert read_host(meminfo, vmstat, arcstats).total > 0


@given(TEXTS, TEXTS, TEXTS, TEXTS)
def test_a_container_s_texts_of_no_known_form_are_nodata(limit: str, usage: str, events: str, stat: str) -> None:
    with contextlib.suppress(CheckError):
        read_container(limit, usage, events, stat, Reading(1 << 30, 1 << 29))
    with pytest.raises(CheckError, match="how much it uses is not told"):
        read_container("1000000", "", events, stat, Reading(1 << 30, 1 << 29))


def test_a_bound_that_switches_the_levels_off_is_refused() -> None:
    ((setting, text),) = Memory(only_below=Size(0)).problems()
    assert (setting, "1024TiB" in text) == ("only_below", True)
    assert not list(Memory(only_below=Size.parse("1024TiB")).problems())


def test_no_time_in_which_something_counts_is_refused() -> None:
    ((_, text),) = Memory(oom_kills_within=Duration(0)).problems()
    assert "0s counts nothing" in text
