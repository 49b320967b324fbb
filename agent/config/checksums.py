"""Checksums of settings, by which a reload and the store tell whether they are still the same. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from zlib import crc32

from agent.config.located_yaml.tree import Node

Nodes = Mapping[str, Node]


def checksum_of(own: Nodes) -> int:
    """Return what the store keeps beside a subject to tell under which settings it was seen.

    It stays the same from version to version: else a subject that goes while hostvigil is upgraded is not missed.
    """
    return _checksum([(name, [leaf.source or leaf.value for leaf in own[name].leaves()]) for name in sorted(own)])


def checksum_as_written(nodes: Nodes) -> int:
    """Return a checksum of settings as they are written; of what a reference stands for only its text."""
    return _checksum([(name, nodes[name].written) for name in sorted(nodes)])


def _checksum(settings: object) -> int:
    """Never 0, which stands for not known."""
    return crc32(repr(settings).encode("utf-8", "surrogatepass")) or 1
