"""The output of a Nagios plugin: the exit code decides, the text is told, performance data become metrics.

Source: Monitoring Plugins Development Guidelines, "Plugin Output for Nagios".
"""

from __future__ import annotations

import signal
from typing import NamedTuple

from agent.api import Result, Status
from checks.script import perfdata
from checks.script.perfdata import Perfdata, Unread
from checks.script.text import readable, shorten

SUMMARY_LENGTH = 512
DETAILS_LENGTH = 8192
NOTES_MAX = 8

_STATUS = {0: Status.OK, 1: Status.WARNING, 2: Status.CRITICAL, 3: Status.NODATA}
_SHELL_HINTS = {126: "not executable (exit 126)", 127: "command or shared library not found (exit 127)"}


class PluginResult(NamedTuple):
    """A result, and which of its metrics have no value."""

    result: Result
    unread: tuple[Unread, ...] = ()


def parse(output: bytes, exit_code: int, meaning: Status | None = None, decimal_comma: bool = False) -> PluginResult:
    """Read what a plugin printed; a negative exit code is the signal that ended it. Never raises.

    `meaning` is what the settings say of the exit code.
    """
    text = readable(output).strip()
    first, _, rest = (perfdata.with_points(text) if decimal_comma else text).partition("\n")
    # Among strangers items are read in the first line only, and that line stays whole: it may be a log's or a table's.
    summary, data = _split(first, loosely=True)
    details, more = _split_lines(rest)
    data = data.join(more)
    if len(summary) > SUMMARY_LENGTH:
        details = f"{summary}\n{details}"
    notes = [*dict.fromkeys(data.notes)][:NOTES_MAX]
    result = Result(
        meaning or _STATUS.get(exit_code, Status.NODATA),
        shorten(_word_summary(summary.replace("\t", " "), exit_code, meaning is not None), SUMMARY_LENGTH),
        "",
        "\n".join(filter(None, (shorten(details, DETAILS_LENGTH), *notes))),
        data.metrics[: perfdata.METRICS_MAX],
    )
    return PluginResult(result, data.unread)


def _split(text: str, loosely: bool = False) -> tuple[str, Perfdata]:
    """Return the text before the performance data, and that."""
    if "|" not in text:
        return text.rstrip(), Perfdata()
    pipe, like = perfdata.find(text)
    if pipe >= 0:
        before = Perfdata(unread=perfdata.find_in_text(text[:pipe]) if loosely else ())
        return text[:pipe].rstrip(), before.join(perfdata.read(text[pipe:]))
    if not loosely:
        return text.rstrip(), Perfdata()
    # `OK |` ends in empty performance data.
    whole = text.rstrip().removesuffix("|").rstrip()
    return whole, perfdata.read(text[like:]) if like >= 0 else Perfdata()


def _split_lines(rest: str) -> tuple[str, Perfdata]:
    """Do the same for the further lines, where the last may be nothing but items, and each may end in some."""
    if not rest:
        return "", Perfdata()
    text, last = _split(rest)
    if "|" not in text:
        return text, last
    lines = [_split(line) for line in text.split("\n")]
    data = Perfdata()
    for _, more in (*lines, ("", last)):
        if len(data.metrics) + len(data.notes) < perfdata.METRICS_MAX:
            data = data.join(more)
    return "\n".join(line for line, _ in lines), data


def _word_summary(summary: str, exit_code: int, has_meaning: bool) -> str:
    reason = "" if has_meaning and exit_code >= 0 else reason_for(exit_code)
    if not summary:
        return reason or f"no output (exit {exit_code})"
    return f"{reason}: {summary}" if reason else summary


def reason_for(exit_code: int) -> str:
    """Say why there is no status in the exit code; empty where there is one."""
    if exit_code in _STATUS:
        return ""
    if exit_code < 0:
        return f"killed by {signal_name(-exit_code)}"
    if exit_code > 128 and (name := signal_name(exit_code - 128)).startswith("SIG"):
        return f"exit {exit_code} (a shell says so of {name})"
    return _SHELL_HINTS.get(exit_code, f"exit {exit_code} is no plugin status (0 to 3)")


def signal_name(number: int) -> str:
    """Return the name of a signal; of one that has none its number."""
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
