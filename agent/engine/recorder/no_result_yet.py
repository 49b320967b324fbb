"""Which checks had no result yet: no state says anything of them, so it is kept as a fact."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import msgspec

from agent.config.settings import CheckConfig
from agent.engine.recorder.write_buffer import WriteBuffer
from agent.engine.self_check import BROKEN, NO_RESULT_YET, OWN_NAME


class NoResultYet:
    """Owned by the recorder's thread."""

    def __init__(self, buffer: WriteBuffer) -> None:
        self._buffer = buffer
        self._names: set[str] = set()

    def configure(self, checks: Mapping[str, CheckConfig], with_result: Iterable[str]) -> None:
        names = {name for name, check in checks.items() if check.type not in (OWN_NAME, BROKEN)}
        self._names = names.difference(with_result)
        self._buffer.fact(NO_RESULT_YET, self._text)

    def has_result(self, check: str) -> None:
        if check in self._names:
            self._names.discard(check)
            if not self._names:
                self._names = set()  # an emptied one keeps the room for all: half a megabyte for 10,000
            self._buffer.fact(NO_RESULT_YET, self._text)

    def _text(self) -> str:
        return msgspec.json.encode(sorted(self._names)).decode()
