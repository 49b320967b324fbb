"""What a relay knows, for Prometheus: stable names, what a host is called stands in labels."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import GaugeMetricFamily, InfoMetricFamily
from prometheus_client.metrics_core import Metric as Family
from prometheus_client.registry import Collector

from agent import __version__
from agent.fleet.status import RelayStatus, Shown
from agent.store.encode import as_text

PREFIX = "hostvigil_relay_"


def exposition(shown: Shown, at_work: bool) -> bytes:
    """Return the text that Prometheus reads; `at_work`: some relay is."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(ShownCollector(shown, at_work))
    return bytes(generate_latest(registry))


class ShownCollector(Collector):
    """Yields the families of what is shown."""

    def __init__(self, shown: Shown, at_work: bool) -> None:
        self._shown = shown
        self._at_work = at_work

    def collect(self) -> Iterator[Family]:
        shown = self._shown
        yield InfoMetricFamily("hostvigil", "The version of the relay that was asked.", {"version": __version__})
        yield _one("up", "1: a relay is at work, this one or another.", float(self._at_work))
        mine = shown.grant is not None and shown.grant.holder == shown.me
        yield _one("holds_lease", "1: it is the one that was asked.", float(mine))
        if shown.status:
            yield from _status(shown.status)


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
    left = {name: key.left for name, key in status.keys.items()}
    yield _many("key_left", "Requests of this minute that are left of a key.", "key", left)
    well = {name: int(not key.problem) for name, key in status.keys.items()}
    yield _many("key_well", "1: its last answer was no refusal of the key.", "key", well)


def _one(name: str, text: str, value: float) -> Family:
    return GaugeMetricFamily(PREFIX + name, text, value=value)


def _many(name: str, text: str, label: str, values: Mapping[str, Any]) -> Family:
    family = GaugeMetricFamily(PREFIX + name, text, labels=(label,))
    for of, value in values.items():
        family.add_metric((as_text(of),), float(value))
    return family
