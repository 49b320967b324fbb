"""The end of changes: their hosts learn what became of them, and the broker lets them go."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from agent.delivery.handover.message import Receipt
from agent.fleet.ledger import Name
from agent.fleet.mailbox import Letter, Mailbox
from agent.fleet.streams import Streams, by_host


class Receipts:
    """The relay's loop owns it; methods raise nats errors where the broker is gone."""

    def __init__(self, streams: Streams, mailbox: Mailbox) -> None:
        self._streams = streams
        self._mailbox = mailbox

    async def finish(self, names: Iterable[Name], refusal: str = "", text: str = "") -> None:
        """Say to the hosts what became of these changes, and forget those that wait here."""
        verdict = "refused" if refusal else "told"
        groups = by_host((host, Receipt(id_, verdict, refusal or text)) for host, id_ in names)  # type: ignore[arg-type]
        letters = self._mailbox.letters((host, one.id) for host, receipts in groups.items() for one in receipts)
        self._mailbox.remove(letters)
        for host, receipts in groups.items():
            await self._streams.receipt(host, receipts)
        await self._streams.delete([letter.number for letter in letters])

    async def repeat_receipt(self, letter: Letter) -> None:
        """A change came again though it is told: its receipt was lost."""
        await self._streams.receipt(letter.host, [Receipt(letter.change.id, "told")])
        await self._streams.delete([letter.number])

    async def drop(self, numbers: Sequence[int]) -> None:
        """Take messages out of the broker without a word."""
        await self._streams.delete(numbers)
