"""What came of a child -> results."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Literal

import msgspec

from agent.api import CheckError, Result, Status, duration_text, size_text
from checks.script import nagios
from checks.script.child import KEPT, PRINTED_MAX, Ended
from checks.script.text import readable, shortened

if TYPE_CHECKING:
    from checks.script import Script
    from checks.script.many import Said

ExitCodes = dict[str, Literal["ok", "warning", "critical", "nodata"]]

_STDERR_LENGTH = 2048
_KEPT_OF_MANY = 1024 * 1024


def kept(format_: str) -> int:
    """Return the bytes of stdout worth keeping."""
    return KEPT if format_ == "nagios" else _KEPT_OF_MANY


def read(script: Script, ended: Ended, timeout: float) -> Iterable[Result]:
    """Read what it printed; CheckError, after all that could be read, where some of it is missing."""
    results = (_one(script, ended, timeout),) if script.format == "nagios" else _many(script, ended, timeout)
    if script.warning is None and script.critical is None:
        return results
    from checks.script.levels import judged

    return (judged(result, script.warning, script.critical) for result in results)


def _one(script: Script, ended: Ended, timeout: float) -> Result:
    notes = []
    if ended.cut:
        notes.append(f"(of each stream only the first {size_text(KEPT)} are kept)")
    if broken := _broken_off(ended, timeout):
        printed = shortened(readable(ended.stdout).strip(), nagios.DETAILS_LENGTH)
        status = _mapped(script.exit_codes, "timeout") or Status.NODATA if ended.late else Status.NODATA
        result = Result(status, broken, details=printed)
    else:
        result = nagios.parse(ended.stdout, ended.exit_code, _meaning(script.exit_codes, ended.exit_code))
        if ended.left_behind:
            notes.append("(it left processes running in its group: killed)")
    if result.status is not Status.OK and (stderr := readable(ended.stderr).strip()):
        notes.append(f"stderr: {shortened(stderr, _STDERR_LENGTH)}")
    if not notes:
        return result
    return msgspec.structs.replace(result, details="\n".join(filter(None, (result.details, *notes))))


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

    stdout = ended.stdout
    whole = len(stdout) < _KEPT_OF_MANY
    said = _said(script, stdout if whole else stdout[: stdout.rfind(b"\n") + 1])
    yield from said.results
    reasons = [_broken_off(ended, timeout), faults_text(said.faults)]
    if not whole:
        reasons.append(f"only the first {size_text(_KEPT_OF_MANY)} it printed are read")
    if not any(reasons) and (verdict := _verdict(script, ended)):
        yield verdict
        if verdict.status is Status.NODATA:
            reasons.append(verdict.summary)
    if not any(reasons) and not said.results:
        reasons.append("printed no result")
    if any(reasons):
        raise CheckError("; ".join(filter(None, reasons)) + _last_words(ended))


def _said(script: Script, stdout: bytes) -> Said:
    text, now = readable(stdout), time.time()
    if script.format == "json":
        from checks.script import jsonformat

        return jsonformat.parse(text, now)
    from checks.script import checkmk

    return checkmk.parse(text, now)


def _verdict(script: Script, ended: Ended) -> Result | None:
    """Return what the exit code says of the check itself; None where all is well."""
    status = _meaning(script.exit_codes, ended.exit_code)
    if status is Status.OK or (status is None and ended.exit_code == 0):
        return None
    why = f"exit {ended.exit_code}" if ended.exit_code >= 0 else nagios.reason_for(ended.exit_code)
    return Result(status or Status.NODATA, why)


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
