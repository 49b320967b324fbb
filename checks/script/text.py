"""What a program printed, as text that people and JSON can hold: any bytes in, clean text out."""

from __future__ import annotations

import codecs
import re

_ESCAPES = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)?|[ -/]*[0-~])")
_STRAY_RETURN = re.compile(r"\r(?=[,;:.)])")
# C0 without tab and newline, DEL, C1: they drive terminals and break logs; NUL and CR are among them.
_CONTROLS = dict.fromkeys([*range(9), *range(11, 32), *range(127, 160)])


def readable(output: bytes) -> str:
    """Decode as UTF-8 (or UTF-16 where it plainly is) with replacement, without colours and control characters."""
    encoding = _utf16(output)
    text = output.decode(encoding, "replace") if encoding else output.decode("utf-8", "replace")
    if text.replace("\n", "").isprintable():
        return text.removeprefix("\ufeff")
    if "\r" in text:
        text = "\n".join(map(_apply_returns, text.split("\n")))
    if "\x1b" in text:
        text = _ESCAPES.sub("", text)
    return text.translate(_CONTROLS).removeprefix("\ufeff")


def _apply_returns(line: str) -> str:
    """Return what a line says at last: each carriage return begins it anew, as progress bars do.

    A stray one before a comma does not: some plugins pass on the line ends of a server.
    """
    return _STRAY_RETURN.sub("", line).rstrip("\r").rpartition("\r")[2]


def one_line(text: str) -> str:
    """Return text on one line, without tabs."""
    return " ".join(text.split())


def printable(text: str) -> str:
    """Take out what JSON can write as an escape and nobody can read."""
    return text if text.isprintable() else text.translate(_CONTROLS)


def _utf16(output: bytes) -> str:
    if output[:2] in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE):
        return "utf-16"
    if b"\0" not in output:
        return ""
    # Latin letters in UTF-16 have a NUL as every second byte; stray NULs in UTF-8 have not.
    half = max(1, len(output) // 2)
    if output[1::2].count(0) > half * 0.7 and output[0::2].count(0) < half * 0.1:
        return "utf-16-le"
    if output[0::2].count(0) > half * 0.7 and output[1::2].count(0) < half * 0.1:
        return "utf-16-be"
    return ""


def shorten(text: str, length: int) -> str:
    """Cut text to at most `length` characters, showing that it was cut."""
    return text if len(text) <= length else text[: length - 2].rstrip() + " …"
