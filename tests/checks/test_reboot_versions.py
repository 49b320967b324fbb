"""Names of kernels: their kind, and their order as dpkg and rpm have it."""

from __future__ import annotations

import subprocess
from itertools import pairwise, permutations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from checks.reboot.versions import RPM, compare, dpkg_order, flavour, newest, rpm_order, version
from tests.host import needs

# Of each group: releases of one kind, from old to new, as distributions name them.
ORDERED = [
    ("5.10.0-0.bpo.9-amd64", "6.1.0-9-amd64", "6.1.0-41-amd64", "6.5.0-0.deb12.4-amd64", "6.12.9+bpo-amd64",
     "6.12.57+deb13-amd64", "6.12.74+deb13+1-amd64", "6.16-rc7-amd64", "6.16-amd64", "6.16.1-amd64"),
    ("6.1.0-26-cloud-amd64", "6.12.12+bpo-cloud-amd64", "6.12.57+deb13-cloud-amd64"),
    ("6.8.0-9-generic", "6.8.0-31-generic", "6.8.0-100-generic", "6.9.0-060900rc1-generic", "6.9.0-060900-generic"),
    ("5.14.0-427.el9.x86_64", "5.14.0-427.13.1.el9_4.x86_64", "5.14.0-503.11.1.el9_5.x86_64", "6.12.0-55.el10.x86_64"),
    ("6.8.9-300.fc40.x86_64", "6.9.4-200.fc40.x86_64", "6.9.4-200.fc41.x86_64"),
    ("6.10.0-0.rc7.20240712git43db1e03c086.62.fc41.x86_64", "6.10.0-64.fc41.x86_64"),
    ("6.1.90-99.173.amzn2023.x86_64", "6.1.91-99.172.amzn2023.x86_64"),
    ("5.15.0-9.el9uek.x86_64", "5.15.0-200.131.27.el9uek.x86_64"),
    ("6.9.1-arch1-1", "6.9.1-arch1-2", "6.9.1-arch2-1", "6.10.1-arch1-1"),
    ("6.9.1-zen1-1-zen", "6.9.1-zen1-2-zen", "6.9.2-zen1-1-zen"),
    ("6.6.9-gentoo", "6.6.30-gentoo", "6.6.30-gentoo-r1", "6.6.31-gentoo"),
    ("6.9.1-x64v3-xanmod1", "6.9.1-x64v3-xanmod2"),
    ("6.4.0-150600.23.7-default", "6.4.0-150600.23.14-default"),
    ("6.1.0-rpi7-rpi-v8", "6.6.31+rpt-rpi-v8", "6.6.51+rpt-rpi-v8"),
    ("6.8.12-4-pve", "6.11.0-1-pve"),
    ("6.6.9_1", "6.6.30_1", "6.6.30_2"),
]  # fmt: skip
# No two of these are of one kind.
KINDS = [
    "6.12.90+deb13-amd64", "6.12.74+deb13+1-rt-amd64", "6.1.0-26-cloud-amd64", "6.8.0-45-generic",
    "6.8.0-49-lowlatency", "6.8.0-1015-aws", "6.8.0-35-generic-64k", "6.8.12-4-pve", "5.14.0-427.el9.x86_64",
    "5.14.0-427.el9.x86_64+debug", "5.14.0-427.el9.x86_64+rt", "5.15.0-200.131.27.el9uek.x86_64",
    "6.9.3-1.el9.elrepo.x86_64", "6.4.0-150600.23.7-azure", "6.4.0-150600.23.7-default", "6.9.1-arch1-1",
    "6.6.32-1-lts", "6.9.1-zen1-1-zen", "6.6.31+rpt-rpi-v8", "6.6.51+rpt-rpi-2712", "6.1.21-v7l+",
    "6.9.1-x64v2-xanmod1", "6.9.1-x64v3-xanmod1", "6.6.31-current-rockchip64", "6.6.31-current-rk3588",
    "6.6.31-current-rk3566",
]  # fmt: skip


@pytest.mark.parametrize("group", ORDERED, ids=lambda group: group[0])
def test_kernels_of_one_kind_are_ordered_as_they_came_out(group: tuple[str, ...]) -> None:
    for old, new in permutations(group, 2):
        expected = group.index(new) - group.index(old)
        assert (compare(new, old) > 0) is (expected > 0), (old, new)
        assert newest(old, [old, new]) == (new if expected > 0 else ""), (old, new)
    assert newest(group[0], group) == (group[-1] if len(group) > 1 else "")


def test_kernels_of_other_kinds_are_no_newer_ones() -> None:
    for one, other in permutations(KINDS, 2):
        assert flavour(one) != flavour(other), (one, other)
        assert newest(one, [one, other]) == ""


PIECES = st.sampled_from(("0", "1", "2", "9", "10", "041", "a", "b", "deb", "el", ".", "+", "~", "rt", "z"))
VERSIONS = st.builds("1{}".format, st.lists(PIECES, max_size=6).map("".join))


def dpkg(one: str, other: str) -> int:
    def is_(relation: str) -> bool:
        return subprocess.run(["dpkg", "--compare-versions", one, relation, other], check=False).returncode == 0

    return 1 if is_("gt") else -1 if is_("lt") else 0


@settings(max_examples=60, deadline=None)
@given(VERSIONS, VERSIONS)
def test_the_order_is_dpkg_s(one: str, other: str) -> None:
    needs.command("dpkg")
    assert dpkg_order(one, other) == dpkg(one, other)


def test_debian_s_kernels_are_ordered_by_dpkg() -> None:
    needs.command("dpkg")
    releases = [release for group in ORDERED for release in group if not RPM.search(release) and "_" not in release]
    for old, new in pairwise(releases):
        if flavour(old) == flavour(new):
            assert compare(new, old) == dpkg(version(new), version(old)), (old, new)


def rpm(pairs: list[tuple[str, str]]) -> list[int]:
    program = "".join(f'print(rpm.vercmp("{one}", "{other}") .. " ")' for one, other in pairs)
    out = subprocess.run(["rpm", "--eval", f"%{{lua:{program}}}"], capture_output=True, text=True, check=True).stdout
    return [int(word) for word in out.split()]


@settings(max_examples=10, deadline=None)
@given(st.lists(st.tuples(VERSIONS, VERSIONS), min_size=1, max_size=30))
def test_the_order_is_rpm_s(pairs: list[tuple[str, str]]) -> None:
    needs.command("rpm", "rpm")
    assert [rpm_order(*pair) for pair in pairs] == rpm(pairs)


@given(st.text(max_size=30), st.text(max_size=30))
def test_no_name_whatsoever_breaks_the_order(one: str, other: str) -> None:
    assert (compare(one, other) > 0) is (compare(other, one) < 0)
    assert newest(one, [one]) == ""
