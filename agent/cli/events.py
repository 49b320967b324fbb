"""hostvigil events: the latest, the pending, the refused; and retry."""

from __future__ import annotations

import argparse
import os
import signal
import time
from typing import Any

import msgspec

from agent.cli.output import fail
from agent.store import Phase, Store, StoredEvent, StoreError, holder


def main(options: argparse.Namespace) -> int:
    """Exits 0; 1 when there was nothing to retry, 2 when the store cannot be used."""
    try:
        if options.action == "retry":
            return _retry(options)
        store = Store.read(options.state)
        events = _wanted(store, options)
    except StoreError as error:
        return fail(error)
    if options.json:
        print(msgspec.json.encode([as_json(event) for event in events]).decode())
    else:
        print("\n".join(text(event) for event in events) or "no events")
    return 0


def _wanted(store: Store, options: argparse.Namespace) -> list[StoredEvent]:
    if options.pending:
        return store.pending()
    if options.refused:
        return store.refused_events()
    return store.history(options.limit)[::-1]


def _retry(options: argparse.Namespace) -> int:
    store = Store.beside(options.state)
    count = store.retry_refused(options.event_id)
    store.close()
    if count and (agent := holder(options.state)):
        os.kill(agent.pid, signal.SIGUSR1)
    print(f"{count} refused events are in the outbox again" if count else "there was no such refused event")
    return 0 if count else 1


def text(event: StoredEvent) -> str:
    at = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(event.created / 1000))
    title = msgspec.json.decode(event.body)["title"]
    lines = [f"{at}  {event.phase:9}  {title}"]
    if event.phase is not Phase.DELIVERED and event.answer:
        lines.append(f"    {event.event_id}: {event.attempts} tries, last answer: {event.answer}")
    return "\n".join(lines)


def as_json(event: StoredEvent) -> dict[str, Any]:
    fields: dict[str, Any] = {name: getattr(event, name) for name in event.__struct_fields__}
    return fields | {"body": msgspec.Raw(event.body)}
