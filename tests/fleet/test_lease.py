"""The lease: whatever is late, lost or asleep, no two relays believe at the same moment that they hold it."""

from __future__ import annotations

from hypothesis import example, given
from hypothesis import strategies as st

from agent.fleet.lease import Grant, Lease
from tests.examples import examples

SECONDS = 5.0


class Broker:
    """One value with compare-and-set."""

    def __init__(self) -> None:
        self.grant: Grant | None = None
        self.revision = 0

    def write(self, grant: Grant, expected: int) -> int | None:
        if expected != self.revision:
            return None
        self.grant, self.revision = grant, self.revision + 1
        return self.revision


STEPS = st.lists(
    st.tuples(st.integers(0, 2), st.sampled_from(["look", "ask", "answer lost", "wiped"]), st.floats(0, 4)),
    max_size=80,
)


@examples(100)
@example(
    [(1, "ask", 0), (1, "ask", 0), (0, "look", 0), (0, "wiped", 0), (1, "ask", 0), (1, "ask", 3), (0, "ask", 3)],
    [0] * 3,
)
@given(STEPS, st.lists(st.floats(0, 3), min_size=3, max_size=3))
def test_no_two_relays_hold_the_lease_at_once(steps: list[tuple[int, str, float]], lags: list[float]) -> None:
    """Each answer comes late by the relay's lag, and between two steps any time passes. A relay is paused by lag.

    A broker that lost its memory is left out of the count for one lease: then nobody can know of the holder.
    """
    broker, now, blind_until = Broker(), 0.0, 0.0
    relays = [Lease(f"relay {number}", SECONDS) for number in range(3)]
    epochs: dict[int, str] = {}
    for who, what, passes in steps:
        now += passes
        lease = relays[who]
        if what == "wiped":
            broker = Broker()
            blind_until = now + SECONDS
            continue
        # Always looked at first: a broker that forgot may have come to the same number again.
        lease = relays[who] = lease.observe(broker.grant, broker.revision, now + lags[who])
        if what != "look" and lease.may_ask(now):
            asked = now
            grant = lease.request(asked)
            revision = broker.write(grant, lease.revision)
            if revision is None:
                relays[who] = lease.drop()
            elif what == "ask":
                relays[who] = lease.acquire(revision, asked)
                if now > blind_until:
                    assert epochs.setdefault(grant.epoch, grant.holder) == grant.holder or blind_until
        if now > blind_until:
            assert sum(lease.holds(now) for lease in relays) <= 1


def test_a_relay_that_slept_past_its_lease_does_not_hold_it_and_comes_back_under_a_new_epoch() -> None:
    broker = Broker()
    lease = Lease("a", SECONDS)
    revision = broker.write(lease.request(0.0), 0)
    assert revision
    lease = lease.acquire(revision, 0.0)
    assert lease.holds(3.9) and not lease.holds(4.1)
    assert lease.may_ask(5.0)
    assert lease.request(5.0) == Grant("a", 2, 5.0)


def test_a_lease_that_is_given_back_is_the_next_ones_at_once() -> None:
    broker, a, b = Broker(), Lease("a", SECONDS), Lease("b", SECONDS)
    revision = broker.write(a.request(0.0), 0)
    assert revision
    a = a.acquire(revision, 0.0)
    assert a.grant
    broker.write(a.grant.release(), revision)
    b = b.observe(broker.grant, broker.revision, 0.5)
    assert b.may_ask(0.5) and b.request(0.5) == Grant("b", 2, 0.5)
    assert not a.observe(broker.grant, broker.revision, 0.5).holds(0.5)


def test_a_lease_that_is_renewed_is_nobody_elses() -> None:
    broker, a, b = Broker(), Lease("a", SECONDS), Lease("b", SECONDS)
    for second in range(60):
        now = float(second)
        if a.may_ask(now) and second % 2 == 0:
            revision = broker.write(a.request(now), a.revision)
            assert revision
            a = a.acquire(revision, now)
        b = b.observe(broker.grant, broker.revision, now)
        assert not b.may_ask(now)
    assert a.grant == Grant("a", 1, 58.0)
