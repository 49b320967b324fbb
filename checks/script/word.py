"""A word of a command."""

from __future__ import annotations

from typing import Any, ClassVar, Self

from agent.api import SettingValue


class Word(str, SettingValue):
    """Text as it is written: `-w`, `5`, `1.10`, `true`."""

    __slots__ = ()
    example: ClassVar[str] = "-w"
    words: ClassVar[str] = "text"
    as_written: ClassVar[bool] = True

    @classmethod
    def parse(cls, value: object) -> Self:
        if not isinstance(value, str):
            raise ValueError(f"{value!r} is no text, write one word of the command")
        return cls(value)

    @classmethod
    def schema(cls) -> dict[str, Any]:
        return {"type": ["string", "number", "boolean", "null"]}
