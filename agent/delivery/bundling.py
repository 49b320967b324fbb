"""When many deliveries go out as one digest, and how a digest that does not get through is taken apart."""

from __future__ import annotations

import logging
import math
from collections.abc import Iterator, Sequence
from itertools import chain

from agent.delivery.choosing import find_stuck, is_full, to_bundle
from agent.delivery.digest import digest
from agent.delivery.sinks.sink import Sink
from agent.model import Notification
from agent.store import Bundle, Delivery, Due, Outbox, notification

log = logging.getLogger("hostvigil.emitter")

MOST_IN_DIGEST = 1_000
"""Changes; its message rarely holds so many."""

DIGEST_PAUSE = 5.0
"""Seconds between digests that are not full: a storm takes some time to come together, and requests are few."""


class Bundling:
    """Puts what waits into digests when it is too much to go out singly. The emitter's thread owns it."""

    def __init__(self, outbox: Outbox, sink: Sink, above: float) -> None:
        self._outbox = outbox
        self._sink = sink
        self._above = above
        self._most = MOST_IN_DIGEST
        self._not_before = 0.0
        self._singly = False

    def wait(self, ready: Sequence[Due], scarce: bool, now: float) -> float | None:
        """Bundle what should be; return the seconds after which to go on, None when there is nothing to bundle.

        `scarce`: requests are so few that already two changes go together.
        """
        if self._singly:
            return None
        heads = to_bundle(ready, 1 if scarce and math.isfinite(self._above) else self._above)
        if heads and now < self._not_before and not is_full(heads):
            return self._not_before - now
        if not heads or not self._bundle(heads):
            return None
        self._not_before = now + DIGEST_PAUSE
        return 0.0

    def take_stuck_apart(self, due: Sequence[Due]) -> bool:
        """Should a digest be what does not get through, smaller ones may; until something does, single ones probe."""
        digests = find_stuck(due)
        for one in digests:
            self.unbundle(one, f"it could not be delivered in {one.attempts} tries")
            self._singly = True
        return bool(digests)

    def unbundle(self, digest: Due, why: str) -> None:
        """Have the half of it tried next, and so on: the one at fault is found, all others get through."""
        self._outbox.unbundle(digest.seq)
        self._most = max(1, digest.members // 2)
        self._not_before = 0.0
        log.warning("a digest of %d changes is taken apart, none of them is lost: %s", digest.members, why)

    def note_success(self) -> None:
        self._singly = False
        self._most = min(MOST_IN_DIGEST, 2 * self._most)

    def _bundle(self, heads: Sequence[Due]) -> bool:
        """Put as much as fits into a digest; False when there is nothing to put together."""
        seqs: dict[str, int] = {}
        subjects = _subjects(self._outbox, heads, self._most, seqs)
        first = next(subjects, None)
        if first is None or len((many := digest(chain([first], subjects))).changes) < 2:
            return False
        latest = many.latest[0]
        check, subject = (latest.check, latest.subject) if many.alone else ("", "")
        return self._outbox.bundle(
            Bundle(
                id=many.id,
                check=check,
                subject=subject,
                status=many.status,
                at=many.at,
                title=many.title,
                body=self._sink.bundle(many),
                members=tuple(seqs[change.id] for change in many.changes),
            )
        )


def _subjects(outbox: Outbox, heads: Sequence[Due], most: int, seqs: dict[str, int]) -> Iterator[list[Notification]]:
    """Yield the changes of each subject, and note their numbers; reads only as far as it is asked.

    What has no facts that can be read goes by itself, and what is after it in its subject waits for it.
    """
    for head in heads:
        if changes := _changes(outbox.waiting(head.check, head.subject, most)):
            seqs |= {change.id: delivery.seq for delivery, change in changes}
            most -= len(changes)
            yield [change for _, change in changes]
        if most <= 0:
            return


def _changes(waiting: Sequence[Delivery]) -> list[tuple[Delivery, Notification]]:
    changes: list[tuple[Delivery, Notification]] = []
    for delivery in waiting:
        change = notification(delivery)
        if change is None:
            break
        changes.append((delivery, change))
    return changes
