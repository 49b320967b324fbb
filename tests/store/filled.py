"""A store with something in it, and a change."""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec

from agent.model import State, Status
from agent.store import Change, Store
from agent.store.connection import FILE
from tests.delivery.deliveries import critical
from tests.delivery.deliveries import opened as with_destination


def change(number: int, check: str = "disk", filling: int = 600) -> Change:
    told = msgspec.structs.replace(critical(f"{check}-{number}", str(number)), details="x" * filling)
    return Change(State(check, str(number), decided=Status.CRITICAL, events=number), told)


def filled(directory: Path, count: int = 200) -> None:
    with opened(directory) as store:
        store.record([change(number) for number in range(count)], {"disk": {"seen": 7}})


@contextmanager
def opened(directory: Path) -> Iterator[Store]:
    store = with_destination(directory)
    try:
        yield store
    finally:
        store.close()


def aside(directory: Path) -> list[Path]:
    return sorted(path for path in directory.glob(f"{FILE}.corrupt-*") if not path.name.endswith("-wal"))


def all_garbage(file: Path) -> None:
    file.write_bytes(random.Random(1).randbytes(100_000))
