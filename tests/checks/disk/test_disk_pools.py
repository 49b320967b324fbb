"""Datasets of ZFS pools: a pool is told once, with all that it holds; a quota is told by itself."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from checks.disk.mountinfo import Mount
from checks.disk.place import Place
from checks.disk.pools import merge_pools
from checks.disk.usage import Usage

GIB = 1 << 30


def dataset(name: str, point: str) -> Place:
    return Place(point, point, Mount(1, 0, "0:1", "/", point, "zfs", name))


def usage(used: float, free: float) -> Usage:
    return Usage(round((used + free) * GIB), round(used * GIB), round(free * GIB))


def test_a_full_pool_of_many_datasets_is_one_subject_that_says_so() -> None:
    places = [dataset("rpool/ROOT/debian", "/")] + [dataset(f"rpool/data/{n}", f"/data/{n}") for n in range(838)]
    told = merge_pools(places, {"/": usage(3, 0.5)} | {f"/data/{n}": usage(1, 0.5) for n in range(838)})
    (whole,) = [told["/"]]
    assert list(told) == ["/"]
    assert isinstance(whole, Usage)
    assert whole.percent > 99.9
    assert (whole.used, whole.free) == (841 * GIB, GIB // 2)


def test_a_dataset_whose_quota_leaves_less_is_told_by_itself() -> None:
    places = [dataset("tank", "/tank"), dataset("tank/a", "/tank/a"), dataset("tank/b", "/tank/b")]
    told = merge_pools(places, {"/tank": usage(1, 500), "/tank/a": usage(10, 0), "/tank/b": usage(5, 500)})
    assert told == {"/tank": usage(6, 500), "/tank/a": usage(10, 0)}


def test_a_reservation_makes_no_alarm_of_each_other_dataset() -> None:
    places = [dataset("tank/reserved", "/r"), *(dataset(f"tank/{n}", f"/{n}") for n in "abc")]
    told = merge_pools(places, {"/r": usage(1, 100), "/a": usage(9, 1), "/b": usage(9, 1), "/c": usage(9, 1)})
    assert told == {"/r": usage(1, 100), "/a": usage(27, 1)}


def test_pools_are_told_apart_and_other_filesystems_and_failures_are_left_as_they_are() -> None:
    ext4 = Place("/e", "/e", Mount(2, 0, "8:1", "/", "/e", "ext4", "/dev/sda1"))
    places = [dataset("a/x", "/a"), dataset("b/x", "/b"), dataset("a/dead", "/dead"), ext4]
    failure = OSError(5, "Input/output error")
    answers: dict[str, Usage | Exception] = {"/a": usage(1, 9), "/b": usage(1, 9), "/dead": failure, "/e": usage(1, 9)}
    assert merge_pools(places, answers) == answers


@given(st.lists(st.tuples(st.integers(0, 1000), st.integers(0, 1000)), min_size=1, max_size=20))
def test_no_dataset_is_worse_than_what_is_told(sizes: list[tuple[int, int]]) -> None:
    places = [dataset(f"p/{n}", f"/{n}") for n in range(len(sizes))]
    answers = {f"/{n}": Usage(used + free, used, free) for n, (used, free) in enumerate(sizes) if used + free}
    told = [one for one in merge_pools(places, answers).values() if isinstance(one, Usage)]
    worst = max((one.percent for one in answers.values()), default=0.0)
    assert max((one.percent for one in told), default=0.0) >= worst * 0.89
