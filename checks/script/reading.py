"""What came of a child -> results."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import msgspec

from agent.api import CheckError, Result, Status, duration_text, size_text
from checks.script import nagios
from checks.script.child import PRINTED_MAX, STREAM_MAX, ChildOutput
from checks.script.program import carriage_return
from checks.script.text import readable, shorten

if TYPE_CHECKING:
    from checks.script.check import Script
    from checks.script.launch import Launch
    from checks.script.many import Report
    from checks.script.perfdata import Unread

ExitCodes = dict[str, Literal["ok", "warning", "critical", "nodata"]]

_STDERR_LENGTH = 2048
_STREAM_MAX_OF_MANY = 1024 * 1024


def stdout_max(format_: str) -> int:
    """Return the bytes of stdout worth keeping."""
    return STREAM_MAX if format_ == "nagios" else _STREAM_MAX_OF_MANY


def read(script: Script, output: ChildOutput, timeout: float, launch: Launch) -> Iterable[Result]:
    """Read what it printed; CheckError, after all that could be read, where some of it is missing."""
    if output.exit_code > 0 and not output.stdout.strip() and (fault := carriage_return(Path(launch.file))):
        raise CheckError(f"{launch.file} did not run (exit {output.exit_code}): {fault}")
    return (_one(script, output, timeout),) if script.format == "nagios" else _many(script, output, timeout)


def _one(script: Script, output: ChildOutput, timeout: float) -> Result:
    notes = []
    if output.cut:
        notes.append(f"(of each stream only the first {size_text(STREAM_MAX)} are kept)")
    if reason := _why_stopped(output, timeout):
        result = _judge_early_end(script, output, reason)
    else:
        result = _plugin(script, output)
        if output.has_leftovers:
            notes.append("(it left processes running in its group: killed)")
    if result.status is not Status.OK and (stderr := readable(output.stderr).strip()):
        notes.append(f"stderr: {shorten(stderr, _STDERR_LENGTH)}")
    if not notes:
        return result
    return msgspec.structs.replace(result, details="\n".join(filter(None, (result.details, *notes))))


def _plugin(script: Script, output: ChildOutput) -> Result:
    """Read a plugin that came to its end."""
    meaning = _meaning(script.exit_codes, output.exit_code)
    if not output.stdout[:1].isalnum() and not readable(output.stdout).strip():
        from checks.script.silence import judge_silence

        if result := judge_silence(output, meaning, script.empty):
            return result
    if output.exit_code == 1 and meaning is None:
        from checks.script.silence import judge_launcher

        if result := judge_launcher(output):
            return result
    stdout = output.stdout
    if len(stdout) >= STREAM_MAX:  # its last word may be half a number
        stdout = stdout[: max(stdout.rfind(b" "), stdout.rfind(b"\n"))]
    result, unread = nagios.parse(stdout, output.exit_code, meaning, script.decimal_comma)
    levels = _levels(script)
    return result if levels is None else levels(result, unread)


def _judge_early_end(script: Script, output: ChildOutput, why: str) -> Result:
    """Tell why it was ended; unless what it had printed by then has passed a level already: that is known."""
    status = _look_up(script.exit_codes, "timeout") or Status.NODATA if output.late else Status.NODATA
    result = Result(status, why, details=shorten(readable(output.stdout).strip(), nagios.DETAILS_LENGTH))
    levels = _levels(script)
    if levels is None:
        return result
    whole_lines = output.stdout[: output.stdout.rfind(b"\n") + 1]
    verdict = levels(*nagios.parse(whole_lines, 0, None, script.decimal_comma))
    if verdict.status not in (Status.WARNING, Status.CRITICAL) or status is Status.CRITICAL:
        return result
    return msgspec.structs.replace(
        result, status=verdict.status, summary=f"{verdict.summary}; then it {why}", metrics=verdict.metrics
    )


def _levels(script: Script) -> Callable[[Result, Sequence[Unread]], Result] | None:
    """Return what judges by the levels of the settings; None where there are none."""
    if script.warning is None and script.critical is None:
        return None
    from checks.script.levels import Levels, apply_levels

    levels = Levels(script.warning, script.critical, script.metric)
    return lambda result, unread: apply_levels(result, unread, levels)


def _why_stopped(output: ChildOutput, timeout: float) -> str:
    """Say why it was not left to its end; empty where it was."""
    if output.flooded:
        return f"printed more than {size_text(PRINTED_MAX)} (killed)"
    if output.late:
        return f"did not finish within {duration_text(timeout)}{' (killed)' if output.exit_code < 0 else ''}"
    return ""


def _many(script: Script, output: ChildOutput, timeout: float) -> Iterator[Result]:
    """Yield what each line says; CheckError at the end where subjects may be missing: they have not disappeared."""
    from checks.script.many import faults_text

    whole = len(output.stdout) < _STREAM_MAX_OF_MANY
    report = _parse(script, output.stdout, whole)
    levels = _levels(script)
    for result, unread in zip(report.results, report.unread, strict=True):
        # A subject that has no metrics at all is not what levels are about, unless they name one.
        judge = levels if result.metrics or unread or script.metric else None
        yield judge(result, unread) if judge else result
    reasons = [_why_stopped(output, timeout), faults_text(report)]
    if not whole:
        reasons.append(f"only the first {size_text(_STREAM_MAX_OF_MANY)} it printed are read")
    if not any(reasons):
        verdict = _verdict(script, output, anything=bool(report.results))
        if verdict and verdict.status is not Status.NODATA:
            yield verdict
        elif verdict:
            reasons.append(verdict.summary)
    if any(reasons):
        raise CheckError("; ".join(filter(None, reasons)) + _last_words(output))


def _parse(script: Script, stdout: bytes, whole: bool) -> Report:
    now = time.time()
    if script.format == "json":
        from checks.script import jsonformat

        # A list is read as far as it goes, lines are read when they are whole.
        if not whole and not stdout.lstrip().startswith(b"["):
            stdout = stdout[: stdout.rfind(b"\n") + 1]
        return jsonformat.parse(readable(stdout), now)
    from checks.script import checkmk

    return checkmk.parse(readable(stdout if whole else stdout[: stdout.rfind(b"\n") + 1]), now)


def _verdict(script: Script, output: ChildOutput, anything: bool) -> Result | None:
    """Return what exit code and silence say of the check itself; None where all is well."""
    status = _meaning(script.exit_codes, output.exit_code)
    if status is None and output.exit_code != 0:
        status = Status.NODATA
    if status in (None, Status.OK):
        return None if anything else Result(Status(script.empty or "nodata"), "printed no result")
    return Result(status, f"exit {output.exit_code}" if output.exit_code >= 0 else nagios.reason_for(output.exit_code))


def _last_words(output: ChildOutput) -> str:
    stderr = readable(output.stderr).strip().rpartition("\n")[2]
    return f" (stderr: {shorten(stderr, 200)})" if stderr else ""


def _meaning(exit_codes: ExitCodes, exit_code: int) -> Status | None:
    """Return what the settings say of an exit code; negative: the signal that ended it."""
    if not exit_codes:
        return None
    return _look_up(exit_codes, str(exit_code) if exit_code >= 0 else nagios.signal_name(-exit_code))


def _look_up(exit_codes: ExitCodes, code: str) -> Status | None:
    return Status(exit_codes[code]) if code in exit_codes else None
