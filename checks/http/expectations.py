"""How YAML writes what is expected: statuses, TLS versions, headers, JSON values."""

from __future__ import annotations

import operator
import re
import ssl
from typing import Any, ClassVar, Self

import msgspec

from agent.api import Regex
from checks._network.addresses import ComparableSetting


class StatusSet(ComparableSetting):
    """Which HTTP statuses are expected: `200`, `200-299`, or a list of both."""

    example = "200-299"
    words = "HTTP statuses"

    def __init__(self, ranges: tuple[tuple[int, int], ...]) -> None:
        self.ranges = ranges

    @classmethod
    def parse(cls, value: object) -> Self:
        parts = value if isinstance(value, (list, tuple)) else [value]
        if not parts:
            raise ValueError("an empty list expects nothing, write for example 200-299")
        return cls(tuple(cls._range(part) for part in parts))

    @staticmethod
    def _range(part: object) -> tuple[int, int]:
        if isinstance(part, bool) or not isinstance(part, (str, int, float)):
            raise ValueError("holds a value that is not an HTTP status, write for example 200, 200-299 or [200, 404]")
        text = str(part).replace(" ", "")
        if not re.fullmatch(r"[1-9]\d\d(-[1-9]\d\d)?", text):
            raise ValueError(f"{part!r} is not an HTTP status, write {_suggest(text)}")
        first, _, last = text.partition("-")
        if int(last or first) < int(first):
            raise ValueError(f"range {text} begins after its end, write {last}-{first}")
        return int(first), int(last or first)

    @classmethod
    def schema(cls) -> dict[str, Any]:
        one = {"anyOf": [{"type": "integer"}, {"type": "string", "pattern": r"^\s*[1-9]\d\d(\s*-\s*[1-9]\d\d)?\s*$"}]}
        return {"anyOf": [*one["anyOf"], {"type": "array", "items": one}]}

    def without(self, other: StatusSet) -> str:
        """Return how those of them are written that the other has not; nothing where there are none."""
        left: list[tuple[int, int]] = []
        for status in (one for one in range(100, 1000) if one in self and one not in other):
            adjoins = bool(left) and left[-1][1] == status - 1
            left = [*left[:-1], (left[-1][0], status)] if adjoins else [*left, (status, status)]
        texts = [_range_text(*one) for one in left]
        return texts[0] if len(texts) == 1 else f"[{', '.join(texts)}]" if texts else ""

    def __contains__(self, status: int) -> bool:
        return any(first <= status <= last for first, last in self.ranges)

    def __str__(self) -> str:
        return " or ".join(_range_text(first, last) for first, last in self.ranges)


def _range_text(first: int, last: int) -> str:
    return str(first) if first == last else f"{first}-{last}"


def _suggest(text: str) -> str:
    """Return how statuses are written that others write as `2xx` or `200,201`, else examples."""
    if all(re.fullmatch(r"[1-9]\d\d", one) for one in text.split(",")):
        return f"[{', '.join(text.split(','))}]"
    if kind := re.fullmatch(r"([1-9])(xx|\*|\*\*|\.\.)", text, re.IGNORECASE):
        return f"{kind[1]}00-{kind[1]}99"
    return "for example 200, 200-299 or [200, 404]"


class TlsVersion(ComparableSetting):
    """A TLS version: `1.2` or `1.3`."""

    example = "1.3"
    words = "a TLS version"
    versions: ClassVar[dict[str, ssl.TLSVersion]] = {"1.2": ssl.TLSVersion.TLSv1_2, "1.3": ssl.TLSVersion.TLSv1_3}

    def __init__(self, text: str) -> None:
        self.text, self.version = text, self.versions[text]

    @classmethod
    def parse(cls, value: object) -> Self:
        if str(value) not in cls.versions:
            raise ValueError(
                f"{value!r} is not a TLS version that is still in use, write 1.2 or 1.3; or old_tls: true for old ones"
            )
        return cls(str(value))

    @classmethod
    def schema(cls) -> dict[str, Any]:
        return {"enum": [1.2, 1.3, *cls.versions]}

    def __str__(self) -> str:
        return self.text


class HeaderCondition(ComparableSetting):
    """What a header of the answer must be: a pattern, or patterns by what they mean.

    A pattern alone: the header must be there and match. `optional`: if it is there, it must match. `not_matches`: it
    must not match, and may be missing.
    """

    example = "^max-age="
    words = "a regular expression, or a mapping with optional or not_matches"

    def __init__(
        self, matches: Regex | None = None, optional: Regex | None = None, not_matches: Regex | None = None
    ) -> None:
        self.matches, self.optional, self.not_matches = matches, optional, not_matches

    @classmethod
    def parse(cls, value: object) -> Self:
        if not isinstance(value, dict):
            return cls(matches=Regex.parse(value))
        if not value or not value.keys() <= {"optional", "not_matches"}:
            raise ValueError("knows optional and not_matches, write for example {not_matches: nginx}")
        return cls(**{key: Regex.parse(pattern) for key, pattern in value.items()})

    @classmethod
    def schema(cls) -> dict[str, Any]:
        pattern = Regex.schema()
        inside = {"optional": pattern, "not_matches": pattern}
        mapping = {"type": "object", "properties": inside, "additionalProperties": False, "minProperties": 1}
        return {"anyOf": [pattern, mapping]}

    def fault(self, name: str, values: list[str]) -> str:
        """Say what does not hold; nothing where all does."""
        if not values:
            return f"no header {name}" if self.matches else ""
        text = ", ".join(values)
        for pattern in (self.matches, self.optional):
            if pattern and not pattern.search(text):
                return f"header {name} does not match {pattern.pattern_text!r}"
        if self.not_matches and self.not_matches.search(text):
            return f"header {name} matches {self.not_matches.pattern_text!r}"
        return ""

    def __str__(self) -> str:
        patterns = {"matches": self.matches, "optional": self.optional, "not_matches": self.not_matches}
        return ", ".join(f"{key} {pattern.pattern_text}" for key, pattern in patterns.items() if pattern)


EQUAL = ("=", "==", "===")
OURS = {"=>": ">=", "=<": "<="}
"""How comparisons of other tools are written here; what else begins with a sign means != there."""


class JsonCondition(ComparableSetting):
    """What a value in a JSON body must be.

    A plain value must be equal; text beginning with `<`, `<=`, `>`, `>=` (numbers) or `!=` compares. Behind `!=` nobody
    can tell a number from text of digits, so it means both.
    """

    example = "<100"
    words = "a value or a comparison"
    operators: ClassVar[dict[str, Any]] = {
        "<=": operator.le,
        ">=": operator.ge,
        "!=": operator.ne,
        "<": operator.lt,
        ">": operator.gt,
    }

    def __init__(self, comparison: str, operand: Any, text: str | None = None) -> None:
        self.comparison, self.operand = comparison, operand
        self.text = text
        """Behind `!=`: what is written there."""

    @classmethod
    def parse(cls, value: object) -> Self:
        if isinstance(value, (list, dict)):
            raise ValueError("only single values can be compared, write one line for each of them, as in a.b: up")
        match = re.match(r"\s*([=!<>][=!<>~]*)\s*(.*)", value) if isinstance(value, str) else None
        if not match:
            return cls("", value)
        if match[1] not in cls.operators:
            raise ValueError(f"{value!r} does not begin with a comparison that is known, {_advice(match[1], match[2])}")
        if quoted := re.fullmatch(
            r"'([^']*)'\s*", match[2]
        ):  # no text of the body has quotes: behind != all would hold
            raise ValueError(f"{value!r} has quotes that are not taken off here, write {match[1]} {quoted[1]}")
        operand = _scalar(match[2])
        if match[1] != "!=" and not _is_number(operand):
            raise ValueError(f"{value!r} compares with something that is no number, write for example <100")
        return cls(match[1], operand, match[2].strip() if match[1] == "!=" else None)

    @classmethod
    def schema(cls) -> dict[str, Any]:
        return {"type": ["string", "number", "boolean", "null"]}

    def holds(self, value: object) -> bool:
        if self.comparison in ("", "!="):
            # True == 1 in Python, but not in JSON.
            equal = value == self.operand and isinstance(value, bool) == isinstance(self.operand, bool)
            equal = equal or (self.text is not None and value == self.text) or self._is_long_number(value)
            return equal == (self.comparison == "")
        return _is_number(value) and bool(self.operators[self.comparison](value, self.operand))

    def _is_long_number(self, value: object) -> bool:
        """In YAML as it is read here, a number of 19 digits and more is text, quotes or none."""
        is_text = isinstance(self.operand, str) and len(self.operand) > 18
        return is_text and type(value) is int and str(value) == self.operand

    def __str__(self) -> str:
        return f"{self.comparison or 'equal to'} {self.operand_text}"

    @property
    def operand_text(self) -> str:
        return msgspec.json.encode(self.operand).decode()


def _advice(comparison: str, operand: str) -> str:
    """Say how a comparison of another tool is written here."""
    if "~" in comparison:
        return "write a pattern that the body must match as `matches`"
    if comparison in EQUAL:
        return f"for an equal value write it alone: {operand or 'up'}"
    return f"write {OURS.get(comparison, '!=')} {operand or 5}"


def _scalar(text: str) -> Any:
    """Read the right side of a comparison: a JSON scalar, else plain text."""
    try:
        value = msgspec.json.decode(text.strip())
    except msgspec.DecodeError:
        return text.strip()
    return text.strip() if isinstance(value, (list, dict)) else value


def _is_number(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)
