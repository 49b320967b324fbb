"""What a relay knows, for Prometheus: stable names, what a host is called stands in labels."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from agent import __version__
from agent.fleet.status import RelayStatus, RelayView
from agent.view.exposition import Family, text

PREFIX = "hostvigil_relay_"


def exposition(view: RelayView, at_work: bool) -> bytes:
    """Return the text that Prometheus reads; `at_work`: some relay is."""
    return text(families(view, at_work))


def families(view: RelayView, at_work: bool) -> Iterator[Family]:
    """Yield what is shown, by the name of what is measured."""
    about = "The version of the relay that was asked."
    yield Family("hostvigil_info", "gauge", about, ("version",), {(__version__,): 1.0})
    yield _one("up", "1: a relay is at work, this one or another.", float(at_work))
    holds = view.grant is not None and view.grant.holder == view.me
    yield _one("holds_lease", "1: it is the one that was asked.", float(holds))
    if view.status:
        yield from _status(view.status)


def _status(status: RelayStatus) -> Iterator[Family]:
    yield _one("status_timestamp_seconds", "When the relay at work said this, Unix time.", status.at / 1000)
    yield _one("epoch", "Rises with every relay that takes over.", float(status.epoch))
    yield _one("waiting", "Changes that are not told yet.", float(status.waiting))
    yield _one("held", "Of them, those that are held back.", float(sum(status.held.values())))
    yield _one("unfinished", "Requests whose answer is not known.", float(status.unfinished))
    hosts = {"heard": status.heard, "missing": status.missing}
    yield _many("hosts", "Hosts that give signs of life, and hosts that did.", "state", hosts)
    waiting = status.hosts
    yield _many("host_waiting", "Changes that wait, of the hosts with most of them.", "host", waiting)
    missing = dict.fromkeys(status.missing_hosts, 1)
    yield _many("host_missing", "1 for each host that is not heard of.", "host", missing)
    remaining = {name: key.left for name, key in status.keys.items()}
    yield _many("key_left", "Requests of this minute that are left of a key.", "key", remaining)
    well = {name: int(not key.problem) for name, key in status.keys.items()}
    yield _many("key_well", "1: its last answer was no refusal of the key.", "key", well)


def _one(name: str, about: str, value: float) -> Family:
    return Family(PREFIX + name, "gauge", about, (), {(): value})


def _many(name: str, about: str, label: str, values: Mapping[str, float]) -> Family:
    return Family(PREFIX + name, "gauge", about, (label,), {(of,): float(value) for of, value in values.items()})
