"""What is sent to a server and expected of it: text or bytes, in one exchange or in several steps."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Annotated, Self

import msgspec
from msgspec import Meta

from agent.api import Regex
from checks._network.addresses import ComparableSetting

_UNDONE_BY_MORE = re.compile(r"\(\?<?!|\$|\\[bBZ]")


class Bytes(ComparableSetting):
    """Bytes in hexadecimal digits, as `ff 00 1a`."""

    pattern = r"^\s*([0-9a-fA-F]{2}\s*)+$"
    example = "ff 00 1a"
    words = "bytes in hexadecimal digits"

    def __init__(self, content: bytes) -> None:
        self.content = content

    @classmethod
    def parse(cls, value: object) -> Self:
        if isinstance(value, int):
            raise ValueError(f"{value} is a number, put quotes around it")
        if not isinstance(value, str) or not re.match(cls.pattern, value):
            raise ValueError(f"{value!r} is not {cls.words}, write for example {cls.example}")
        return cls(bytes.fromhex(value))

    def __str__(self) -> str:
        return self.content.hex(" ")


class Exchange(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What to send, and what must come then."""

    send: Annotated[str, Meta(description='Text to send; line ends as "\\r\\n" in double quotes.')] = ""
    send_hex: Annotated[Bytes | None, Meta(description="Bytes to send, as `ff 00 1a`.")] = None
    expect: Annotated[Regex | None, Meta(description="Regular expression that must be found in what comes.")] = None
    expect_hex: Annotated[Bytes | None, Meta(description="Bytes that must be found in what comes.")] = None

    @property
    def question(self) -> bytes:
        return self.send_hex.content if self.send_hex else self.send.encode()

    @property
    def expectation(self) -> str:
        return str(self.expect) if self.expect else str(self.expect_hex or "")

    @property
    def hangs_on_more(self) -> bool:
        """Tell whether what comes behind a text may undo that it fits: `$`, `\\b` and what must not be there."""
        return bool(self.expect and _UNDONE_BY_MORE.search(self.expect.pattern_text))

    def fits(self, data: bytes) -> bool:
        """Tell whether that is what was expected; `$` stands before a line end of either kind."""
        if self.expect:
            return is_found(self.expect, data.decode(errors="replace"))
        return self.expect_hex is None or self.expect_hex.content in data

    def problems(self) -> Iterator[tuple[str, str]]:
        """Yield settings that do not fit together, each with what is wrong."""
        if self.send and self.send_hex:
            yield "send_hex", "cannot be sent together with send, leave one of them out"
        if self.expect and self.expect_hex:
            yield "expect_hex", "cannot be expected together with expect, leave one of them out"
        if escape := re.search(r"(?:\\[rn])+$", self.send):
            yield "send", f"ends with the letters {escape[0]}, not with a line end: write it in double quotes"
        # YAML's "\xff" is the letter ÿ: whether the byte or the letter's two bytes are meant, nobody can tell.
        if ambiguous := re.search(r"[\x80-\xff]", self.send):
            byte, letter = ambiguous[0].encode("latin-1").hex(), ambiguous[0].encode().hex(" ")
            yield (
                "send",
                f"{ambiguous[0]!r} may be a byte or a letter: write send_hex, there it is {byte} or {letter}",
            )


def is_found(pattern: Regex, text: str) -> bool:
    """Search a text of a server; `$` stands before a line end of either kind, and `\\n` for one."""
    if pattern.search(text):
        return True
    about_lines = "$" in pattern.pattern_text or "\n" in pattern.pattern_text or r"\n" in pattern.pattern_text
    return about_lines and "\r\n" in text and bool(pattern.search(text.replace("\r\n", "\n")))


def may_be_undone(pattern: Regex, cut: str) -> bool:
    """Tell whether a pattern that a cut text fits may fit no more with what follows."""
    if not _UNDONE_BY_MORE.search(pattern.pattern_text):
        return False
    if "(?!" in re.sub(r"\\.", "", pattern.pattern_text):  # nobody can tell how far it looks
        return True
    letters = {*"x0 <>},\n\0", *pattern.pattern_text}  # its own ones are what a set may leave out: [^a]$
    return not all(is_found(pattern, cut + letter) for letter in letters)


def excerpt(data: bytes) -> str:
    """Return the beginning of what a server said."""
    return repr(data[:80].decode(errors="replace"))
