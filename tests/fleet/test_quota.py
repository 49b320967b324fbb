"""What is looked at of one host: a burst, then a pace; nobody waits for another, nothing is left out."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from agent.fleet.quota import Late, Quota


@given(st.lists(st.tuples(st.sampled_from("ab"), st.floats(0, 3)), max_size=200))
def test_each_host_has_its_own_pace_and_order_and_all_is_looked_at_once(steps: list[tuple[str, float]]) -> None:
    quota, now = Quota(burst=5, per_second=2), 0.0
    looked: dict[str, list[tuple[float, int]]] = {"a": [], "b": []}
    for number, (host, later) in enumerate(steps):
        now += later
        for late in quota.due(now):
            looked[late.word].append((now, late.number))
        if quota.passes(Late(number, 0.0, host), now):
            looked[host].append((now, number))
    while sum(map(len, looked.values())) < len(steps):
        now += 0.5
        for late in quota.due(now):
            looked[late.word].append((now, late.number))
    for host, found in looked.items():
        assert [number for _, number in found] == [at for at, (one, _) in enumerate(steps) if one == host]
        for first in range(len(found)):
            for last in range(first, len(found)):
                assert last - first + 1 <= 5 + 2 * (found[last][0] - found[first][0]) + 1e-6


def test_a_host_within_its_quota_never_waits() -> None:
    quota = Quota(burst=2000, per_second=100)
    assert sum(quota.passes(Late(number, 0.0, "evil"), 0.0) for number in range(100_000)) == 2000
    assert all(quota.passes(Late(number, 0.0, f"host-{number}"), 0.0) for number in range(1000))
    assert len(quota.due(1.0)) == 100
