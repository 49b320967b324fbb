"""Pure: what a check yielded -> one result a subject, without secrets, clean and bounded."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Iterable
from typing import Any, TypeVar

import msgspec

from agent.model import SEVERITY, Metric, Result, Status
from agent.plugin.text import lines, one_line, plain_name

T = TypeVar("T", bound=msgspec.Struct)

SUMMARY_LIMIT = 1000
DETAILS_LIMIT = 10_000
SUBJECT_LIMIT = 500
NAME_LIMIT = 200
"""Of a metric's name; its unit and levels are as bounded."""
SUBJECTS_LIMIT = 1000
METRICS_LIMIT = 200
"""A subject's. The limits keep one mad check from filling the memory or the database of all others."""
READ_LIMIT = 20
"""So many times its limit is read of a text: secrets that are taken out leave room, and a huge text costs no time."""


MOST_WHOLE = 2**53
"""Whole numbers beyond it are told as floats, which hold no more digits."""

_NOTHING = type(None)
_METRIC_FIELDS = {
    "value": ((int, float), "a number"),
    "minimum": ((int, float, _NOTHING), "a number"),
    "maximum": ((int, float, _NOTHING), "a number"),
    "status": ((Status, _NOTHING), "a Status"),
    "hold": ((Status, _NOTHING), "a Status"),
}
_METRIC_KINDS = tuple(
    _METRIC_FIELDS[field][0] if field in _METRIC_FIELDS else str for field in Metric.__struct_fields__
)


def gather(items: Iterable[Any]) -> tuple[Result, ...]:
    """Merge what a run yielded into one result a subject; nothing but metrics, or nothing, is nodata.

    TypeError for anything that is neither a Result nor a Metric: a bug of the check.
    """
    by_subject: dict[str, list[Result]] = {}
    metrics: dict[str, list[Metric]] = {}
    for one in items:
        if isinstance(one, Result):
            by_subject.setdefault(one.subject, []).append(_sound(one, ("summary", "details")))
        elif isinstance(one, Metric):
            metrics.setdefault(one.subject, []).append(one)
        elif isinstance(one, tuple | list) and any(isinstance(part, Result | Metric) for part in one):
            raise TypeError(f"run() yielded a {type(one).__name__} of results: yield each by itself")
        elif callable(one) and hasattr(one, "__name__"):
            raise TypeError(f"run() yielded {one.__name__} itself: call it, such as `yield ok(...)`")
        else:
            raise TypeError(f"run() yielded {one!r:.80}, which is neither a Result nor a Metric")
    if not by_subject:
        only = (
            "only metrics, no result: yield ok(...) as well" if metrics else "nothing: yield a result, such as ok(...)"
        )
        by_subject[""] = [Result(Status.NODATA, f"the check said {only}")]
    return tuple(merge(results, metrics.get(subject, [])) for subject, results in by_subject.items())


def limit_subjects(
    results: tuple[Result, ...], limit: int = SUBJECTS_LIMIT
) -> tuple[tuple[Result, ...], tuple[Result, ...]]:
    """Return the worst `limit` subjects, with one line about the rest, and the rest without what is big.

    A bound must hide no problem: what is left out is no worse than what is told, and the line says how bad it is.
    """
    if len(results) <= limit:
        return results, ()
    worst_first = sorted(results, key=lambda result: (result.subject != "", -SEVERITY[result.status]))
    worst, rest = worst_first[:limit], worst_first[limit:]
    words = f"{len(rest)} of {len(results)} subjects are left out, the worst of them {rest[0].status}"
    line = Result(rest[0].status, words)
    if worst[0].subject:
        worst.insert(0, line)
    else:
        worst[0] = merge([worst[0], line], [])
    return tuple(worst), tuple(msgspec.structs.replace(result, details="", metrics=()) for result in rest)


def merge(results: list[Result], metrics: list[Metric]) -> Result:
    """Merge the results of one subject: the worst status, the summaries that explain it first."""
    every = [_sound_metric(metric) for result in results for metric in result.metrics]
    every += [_sound_metric(metric) for metric in metrics]
    sound = tuple([metric for metric in every if math.isfinite(metric.value)][:METRICS_LIMIT])
    if len(results) == 1:
        only = results[0]
        return Result(_status(only), only.summary, str(only.subject), only.details, sound, bool(only.discovered))
    worst_first = sorted(results, key=lambda result: -SEVERITY[_status(result)])
    return Result(
        _status(worst_first[0]),
        ", ".join(result.summary for result in worst_first if result.summary),
        str(results[0].subject),
        "\n".join(result.details for result in worst_first if result.details),
        sound,
        all(result.discovered for result in results),
    )


def _status(result: Result) -> Status:
    """Return it as what it should be; a check may have written its word."""
    status = result.status
    return status if type(status) is Status else Status(status)


def _sound(one: T, texts: Iterable[str]) -> T:
    """Return a result or metric whose texts are text, none given is ''; TypeError where one is something else."""
    for field in texts:
        text = getattr(one, field)
        if text is None:
            one = msgspec.structs.replace(one, **{field: ""})
        elif not isinstance(text, str):
            raise TypeError(f"run() yielded a {type(one).__name__} whose {field} is {text!r:.60}: write text")
    return one


def _sound_metric(metric: Any) -> Metric:
    if type(metric) is Metric and all(map(isinstance, msgspec.structs.astuple(metric), _METRIC_KINDS)):
        return _with_plain_numbers(metric)
    if not isinstance(metric, Metric):
        raise TypeError(f"run() yielded a Result whose metrics hold {metric!r:.60}, which is no Metric")
    for field, (kinds, word) in _METRIC_FIELDS.items():
        if not isinstance(value := getattr(metric, field), kinds):
            raise TypeError(
                f"run() yielded the Metric {metric.name!r:.60} whose {field} is {value!r:.60}: write {word}"
            )
    return _with_plain_numbers(_sound(metric, ("name", "unit", "warning", "critical")))


def _with_plain_numbers(metric: Metric) -> Metric:
    value, least, most = metric.value, metric.minimum, metric.maximum
    for number in (value, least, most):
        kind = type(number)
        if kind is not float and number is not None and not (kind is int and -MOST_WHOLE <= number <= MOST_WHOLE):
            break
    else:
        return metric
    return msgspec.structs.replace(
        metric, value=_plain_number(value), minimum=_plain_number(least), maximum=_plain_number(most)
    )


def _plain_number(value: float | None) -> float | None:
    """Return a number that every reader of JSON and every database takes; infinity where it is too large for one."""
    if value is None or (type(value) is int and -MOST_WHOLE <= value <= MOST_WHOLE):
        return value
    try:
        return float(value)
    except OverflowError:
        return math.inf


def presentable(results: Iterable[Result], scrub: Callable[[str], str] = str) -> tuple[Result, ...]:
    """Return the results as they may leave the process: secrets out first, then clean, then cut.

    `scrub` takes secrets out of texts; out of names it may have another way, `scrub.in_names`. Two subjects stay two.
    """
    by_name: dict[str, Result] = {}
    for result in results:
        subject = _unique_name(presentable_name(result.subject, scrub), by_name)
        by_name[subject] = Result(
            _status(result),
            _text(result.summary, SUMMARY_LIMIT, scrub, one_line),
            subject,
            _text(result.details, DETAILS_LIMIT, scrub, _paragraph),
            result.metrics
            if _stay(result.metrics, scrub)
            else tuple(_metric(metric, scrub) for metric in result.metrics),
            result.discovered,
        )
    return tuple(by_name.values())


def presentable_name(subject: str, scrub: Callable[[str], str]) -> str:
    """Return a subject's name; one that held a secret is told from its like by a checksum."""
    original = str(subject)
    if not original:
        return ""
    name = getattr(scrub, "in_names", scrub)(original)
    if name != original:
        name = f"{name} ~{hashlib.sha256(original.encode(errors='replace')).hexdigest()[:8]}"
    return plain_name(name, SUBJECT_LIMIT)


def _unique_name(name: str, by_name: dict[str, Result]) -> str:
    """Two subjects stay two, even where their names differ in nothing that shows."""
    if name not in by_name:
        return name
    return next(other for number in range(2, len(by_name) + 3) if (other := f"{name} ({number})") not in by_name)


def _stay(metrics: Iterable[Metric], scrub: Callable[[str], str]) -> bool:
    """Tell whether metrics are presentable as they are, as nearly all: looked at together, for a tenth of the cost."""
    words = [word for one in metrics for word in (one.name, one.subject, one.unit, one.warning, one.critical) if word]
    if words and (max(map(len, words)) > NAME_LIMIT or not "".join(words).isprintable()):
        return False
    # A secret stands alone on its line as it does in a text of its own.
    lines = "\n".join(words)
    blank = "  " in lines or " \n" in f"{lines}\n" or "\n " in f"\n{lines}"
    return lines.isascii() and not blank and scrub(lines) == lines


def _metric(metric: Metric, scrub: Callable[[str], str]) -> Metric:
    """Clean what a metric says in words. Mostly there is nothing to do."""
    fresh = msgspec.structs.replace(
        metric,
        name=plain_name(scrub(metric.name), NAME_LIMIT),
        subject=presentable_name(metric.subject, scrub),
        **{word: _text(getattr(metric, word), NAME_LIMIT, scrub, one_line) for word in ("unit", "warning", "critical")},
    )
    return metric if fresh == metric else fresh


def without_secrets(memory: Any, scrub: Callable[[str], str]) -> Any:
    """Return what a check remembers as it may be written down: keys stay, as they say what the values are about."""
    if isinstance(memory, str):
        return scrub(memory)
    if isinstance(memory, dict):
        return {key: without_secrets(value, scrub) for key, value in memory.items()}
    if isinstance(memory, list | tuple):
        return [without_secrets(value, scrub) for value in memory]
    return memory


def _paragraph(text: str, limit: int) -> str:
    return "\n".join(lines(text, limit))


def _text(text: str, limit: int, scrub: Callable[[str], str], clean: Callable[[str, int], str]) -> str:
    text = str(text)
    if not text:
        return ""
    safe_text = scrub(text[: READ_LIMIT * limit])
    clean_text = clean(safe_text, len(safe_text))
    # What was taken out may have stood in the middle of a secret.
    return clean(scrub(clean_text), limit) if clean_text != safe_text or len(clean_text) > limit else clean_text
