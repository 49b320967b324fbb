"""The mailbox: whatever order, however often hosts hand their changes over, each subject's go out in their order."""

from __future__ import annotations

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from agent.fleet.mailbox import PREDECESSOR_WAIT, Letter, Mailbox
from tests.fleet.letters import letter, none_told


def chain(host: str, count: int) -> list[Letter]:
    """A subject's changes as a host hands them over: each names the one before."""
    letters = [letter(host, number) for number in range(1, count + 1)]
    return [
        msgspec.structs.replace(one, after=letters[at - 1].change.id if at else "") for at, one in enumerate(letters)
    ]


@given(st.data())
def test_in_whatever_order_they_arrive_they_are_told_in_their_order(data: st.DataObject) -> None:
    letters = [one for host in ("a", "b") for one in chain(host, data.draw(st.integers(1, 6)))]
    arrivals = data.draw(st.permutations(letters + data.draw(st.lists(st.sampled_from(letters), max_size=6))))
    mailbox, told = Mailbox(), list[Letter]()

    def is_told(name: tuple[str, str]) -> bool:
        return any(one.name == name for one in told)

    for arrival in arrivals:
        if not is_told(arrival.name):
            mailbox.put(arrival, is_told)
        if ready := mailbox.ready(1.0):
            first = data.draw(st.sampled_from(ready))[:1]
            mailbox.take(first)
            mailbox.remove(first)
            told += first
    while ready := mailbox.ready(1.0):
        mailbox.remove(ready[0])
        told += ready[0]
    for host in ("a", "b"):
        numbers = [one.number for one in told if one.host == host]
        assert numbers == sorted(set(numbers)) and len(numbers) == sum(one.host == host for one in letters)
    assert len(mailbox) == 0 and mailbox.backlog() == {}


def test_what_waits_for_one_that_never_comes_goes_after_a_time() -> None:
    mailbox = Mailbox()
    mailbox.put(letter("a", 2, after="lost"), none_told)
    assert mailbox.ready(PREDECESSOR_WAIT - 1) == []
    assert [one.number for queue in mailbox.ready(PREDECESSOR_WAIT + 1) for one in queue] == [2]


def test_nothing_of_a_subject_goes_while_some_of_it_is_on_its_way() -> None:
    mailbox = Mailbox()
    first, second = letter("a", 1), letter("a", 2)
    mailbox.put(first, none_told)
    mailbox.take([first])
    mailbox.put(second, none_told)
    assert mailbox.ready(0.0) == []
    mailbox.give_back([first])
    assert mailbox.ready(0.0) == [(first, second)]


def test_an_id_that_another_host_uses_as_well_is_another_change() -> None:
    mailbox = Mailbox()
    mailbox.put(letter("a", 1), none_told)
    mailbox.put(letter("b", 1), none_told)
    assert len(mailbox) == 2
