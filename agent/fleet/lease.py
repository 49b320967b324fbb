"""Pure: who of several relays is at work. A lease that nobody renews for its time may be taken by the next one.

Each relay judges by its own monotonic clock: a holder counts from when it asked for the renewal, the others from when
an answer shows it. The one is never later than the other, so no two relays believe at once that they hold it.
"""

from __future__ import annotations

import msgspec

MARGIN = 0.8
"""A holder works for this part of the lease only: clocks do not run equally fast."""
RENEWALS = 4
"""So often it is renewed while it lasts."""


class Grant(msgspec.Struct, frozen=True):
    """What the broker says of the lease."""

    holder: str
    """Empty: its last holder gave it back."""
    epoch: int
    """Rises with every new holder."""
    asked_at: float = 0.0
    """By the holder's own clock: no two requests are alike, also where a broker that forgot all counts anew."""

    def release(self) -> Grant:
        """Return what the holder leaves behind when it ends: the next one need not wait."""
        return Grant("", self.epoch)


class Lease(msgspec.Struct, frozen=True):
    """What one relay knows of the lease; each change gives a new value. Times are monotonic seconds."""

    me: str
    seconds: float
    grant: Grant | None = None
    revision: int = 0
    """The broker's number of the last change of it; 0: there is none."""
    seen_at: float = 0.0
    """When this revision was seen first."""
    held_until: float = 0.0
    """Until when this relay may work; 0: it does not hold it."""

    def observe(self, grant: Grant | None, revision: int, now: float) -> Lease:
        """Take note of what the broker says; its answer came at `now`."""
        if revision == self.revision and grant == self.grant:
            return self
        return msgspec.structs.replace(self, grant=grant, revision=revision, seen_at=now, held_until=0.0)

    def acquire(self, revision: int, asked_at: float) -> Lease:
        """The broker took this relay's request of `asked_at`: it holds the lease, for the first time or further."""
        return msgspec.structs.replace(
            self,
            grant=self.request(asked_at),
            revision=revision,
            seen_at=asked_at,
            held_until=asked_at + self.seconds * MARGIN,
        )

    def drop(self) -> Lease:
        return msgspec.structs.replace(self, held_until=0.0)

    def holds(self, now: float) -> bool:
        return now < self.held_until

    def may_ask(self, now: float) -> bool:
        """Tell whether to ask for it now: it is ours, or nobody's, or its holder did not renew it in time.

        Who let it run out asks like anybody else: it works on only under a new epoch.
        """
        free = self.grant is None or not self.grant.holder
        return free or self.holds(now) or now >= self.seen_at + self.seconds

    def request(self, now: float) -> Grant:
        """Return what to write to the broker in place of this revision."""
        if self.holds(now) and self.grant:
            return msgspec.structs.replace(self.grant, asked_at=now)
        return Grant(self.me, self.grant.epoch + 1 if self.grant else 1, now)
