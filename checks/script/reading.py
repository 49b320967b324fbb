"""What came of a child -> results."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import msgspec

from agent.api import CheckError, Result, Status, duration_text, size_text
from checks.script import nagios
from checks.script.child import KEPT, PRINTED_MAX, Ended
from checks.script.program import carriage_return
from checks.script.text import readable, shortened

if TYPE_CHECKING:
    from checks.script.check import Script
    from checks.script.launch import Launch
    from checks.script.many import Said
    from checks.script.perfdata import Unread

ExitCodes = dict[str, Literal["ok", "warning", "critical", "nodata"]]

_STDERR_LENGTH = 2048
_KEPT_OF_MANY = 1024 * 1024


def kept(format_: str) -> int:
    """Return the bytes of stdout worth keeping."""
    return KEPT if format_ == "nagios" else _KEPT_OF_MANY


def read(script: Script, ended: Ended, timeout: float, launch: Launch) -> Iterable[Result]:
    """Read what it printed; CheckError, after all that could be read, where some of it is missing."""
    if ended.exit_code > 0 and not ended.stdout.strip() and (fault := carriage_return(Path(launch.file))):
        raise CheckError(f"{launch.file} did not run (exit {ended.exit_code}): {fault}")
    return (_one(script, ended, timeout),) if script.format == "nagios" else _many(script, ended, timeout)


def _one(script: Script, ended: Ended, timeout: float) -> Result:
    notes = []
    if ended.cut:
        notes.append(f"(of each stream only the first {size_text(KEPT)} are kept)")
    if broken := _broken_off(ended, timeout):
        result = _ended_early(script, ended, broken)
    else:
        result = _plugin(script, ended)
        if ended.left_behind:
            notes.append("(it left processes running in its group: killed)")
    if result.status is not Status.OK and (stderr := readable(ended.stderr).strip()):
        notes.append(f"stderr: {shortened(stderr, _STDERR_LENGTH)}")
    if not notes:
        return result
    return msgspec.structs.replace(result, details="\n".join(filter(None, (result.details, *notes))))


def _plugin(script: Script, ended: Ended) -> Result:
    """Read a plugin that came to its end."""
    mapped = _meaning(script.exit_codes, ended.exit_code)
    if not ended.stdout[:1].isalnum() and not readable(ended.stdout).strip():
        from checks.script.silence import silent

        if result := silent(ended, mapped, script.empty):
            return result
    stdout = ended.stdout
    if len(stdout) >= KEPT:  # its last word may be half a number
        stdout = stdout[: max(stdout.rfind(b" "), stdout.rfind(b"\n"))]
    result, unread = nagios.parse(stdout, ended.exit_code, mapped, script.decimal_comma)
    levels = _levels(script)
    return result if levels is None else levels(result, unread)


def _ended_early(script: Script, ended: Ended, why: str) -> Result:
    """Tell why it was ended; unless what it had printed by then has passed a level already: that is known."""
    status = _mapped(script.exit_codes, "timeout") or Status.NODATA if ended.late else Status.NODATA
    result = Result(status, why, details=shortened(readable(ended.stdout).strip(), nagios.DETAILS_LENGTH))
    levels = _levels(script)
    if levels is None:
        return result
    whole_lines = ended.stdout[: ended.stdout.rfind(b"\n") + 1]
    known = levels(*nagios.parse(whole_lines, 0, None, script.decimal_comma))
    if known.status not in (Status.WARNING, Status.CRITICAL) or status is Status.CRITICAL:
        return result
    return msgspec.structs.replace(
        result, status=known.status, summary=f"{known.summary}; then it {why}", metrics=known.metrics
    )


def _levels(script: Script) -> Callable[[Result, Sequence[Unread]], Result] | None:
    """Return what judges by the levels of the settings; None where there are none."""
    if script.warning is None and script.critical is None:
        return None
    from checks.script.levels import Levels, judged

    levels = Levels(script.warning, script.critical, script.metric)
    return lambda result, unread: judged(result, unread, levels)


def _broken_off(ended: Ended, timeout: float) -> str:
    """Say why it was not left to its end; empty where it was."""
    if ended.flooded:
        return f"printed more than {size_text(PRINTED_MAX)} (killed)"
    if ended.late:
        return f"did not finish within {duration_text(timeout)}{' (killed)' if ended.exit_code < 0 else ''}"
    return ""


def _many(script: Script, ended: Ended, timeout: float) -> Iterator[Result]:
    """Yield what each line says; CheckError at the end where subjects may be missing: they have not disappeared."""
    from checks.script.many import faults_text

    whole = len(ended.stdout) < _KEPT_OF_MANY
    said = _said(script, ended.stdout, whole)
    levels = _levels(script)
    for result, unread in zip(said.results, said.unread, strict=True):
        # A subject that has no metrics at all is not what levels are about, unless they name one.
        judge = levels if result.metrics or unread or script.metric else None
        yield judge(result, unread) if judge else result
    reasons = [_broken_off(ended, timeout), faults_text(said)]
    if not whole:
        reasons.append(f"only the first {size_text(_KEPT_OF_MANY)} it printed are read")
    if not any(reasons):
        verdict = _verdict(script, ended, anything=bool(said.results))
        if verdict and verdict.status is not Status.NODATA:
            yield verdict
        elif verdict:
            reasons.append(verdict.summary)
    if any(reasons):
        raise CheckError("; ".join(filter(None, reasons)) + _last_words(ended))


def _said(script: Script, stdout: bytes, whole: bool) -> Said:
    now = time.time()
    if script.format == "json":
        from checks.script import jsonformat

        # A list is read as far as it goes, lines are read when they are whole.
        if not whole and not stdout.lstrip().startswith(b"["):
            stdout = stdout[: stdout.rfind(b"\n") + 1]
        return jsonformat.parse(readable(stdout), now)
    from checks.script import checkmk

    return checkmk.parse(readable(stdout if whole else stdout[: stdout.rfind(b"\n") + 1]), now)


def _verdict(script: Script, ended: Ended, anything: bool) -> Result | None:
    """Return what exit code and silence say of the check itself; None where all is well."""
    status = _meaning(script.exit_codes, ended.exit_code)
    if status is None and ended.exit_code != 0:
        status = Status.NODATA
    if status in (None, Status.OK):
        return None if anything else Result(Status(script.empty or "nodata"), "printed no result")
    return Result(status, f"exit {ended.exit_code}" if ended.exit_code >= 0 else nagios.reason_for(ended.exit_code))


def _last_words(ended: Ended) -> str:
    stderr = readable(ended.stderr).strip().rpartition("\n")[2]
    return f" (stderr: {shortened(stderr, 200)})" if stderr else ""


def _meaning(exit_codes: ExitCodes, exit_code: int) -> Status | None:
    """Return what the settings say of an exit code; negative: the signal that ended it."""
    if not exit_codes:
        return None
    return _mapped(exit_codes, str(exit_code) if exit_code >= 0 else nagios.signal_name(-exit_code))


def _mapped(exit_codes: ExitCodes, code: str) -> Status | None:
    return Status(exit_codes[code]) if code in exit_codes else None
