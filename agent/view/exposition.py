"""Pure: the text format of Prometheus, version 0.0.4: families of samples -> text."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping

import msgspec

from agent.store.encode import as_text

Labels = tuple[str, ...]


class Family(msgspec.Struct, frozen=True):
    """All samples of one name."""

    name: str
    kind: str
    """gauge or counter; a counter's name ends with _total."""
    help: str
    labels: Labels
    """The names of its labels."""
    values: Mapping[Labels, float]
    """By the values of the labels."""


def text(families: Iterable[Family]) -> bytes:
    """Return what Prometheus reads; any text may be the value of a label."""
    return "".join(line for family in families for line in _lines(family)).encode()


def _lines(family: Family) -> Iterator[str]:
    yield f"# HELP {family.name} {_escape(family.help)}\n# TYPE {family.name} {family.kind}\n"
    # A name that is no text is shown with a `?`; two that are then alike would be one sample twice.
    samples = {tuple(map(as_text, labels)): value for labels, value in family.values.items()}
    for labels, value in samples.items():
        label_text = ",".join(f'{name}="{_quote(of)}"' for name, of in sorted(zip(family.labels, labels, strict=True)))
        yield f"{family.name}{{{label_text}}} {_number(value)}\n" if label_text else f"{family.name} {_number(value)}\n"


def _escape(text: str) -> str:
    return text.replace("\\", "\\\\").replace("\n", "\\n")


def _quote(text: str) -> str:
    return _escape(text).replace('"', '\\"')


def _number(value: float) -> str:
    if math.isfinite(value):
        return repr(float(value))
    return {"nan": "NaN", "inf": "+Inf", "-inf": "-Inf"}[str(value)]
