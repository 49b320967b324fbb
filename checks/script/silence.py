"""A plugin that printed nothing on stdout: what its exit code and its last words on stderr mean then."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from agent.api import Result, Status
from checks.script.nagios import SUMMARY_LENGTH
from checks.script.text import readable, shorten

if TYPE_CHECKING:
    from checks.script.child import ChildOutput

# What interpreters write when a program dies. They leave with 1 or 2, which a plugin would mean as a verdict.
_DEATHS = re.compile(
    r"""^Traceback\ \(most\ recent\ call\ last\)      # Python
    |^\s+File\ ".*",\ line\ \d+                     # Python: a file that is no Python
    |can't\ open\ (?:file|perl\ script)             # Python, Perl
    |\ at\ \S+\ line\ \d+\.$                         # Perl
    |:\d+:in\ [`']                                  # Ruby
    |^\s+at\ .*[:(]\d*.*\)?$                        # Node, Java, C#
    |^Exception\ in\ thread                         # Java
    |^stack\ traceback:                             # Lua
    |^goroutine\ \d+\ \[                            # Go
    |^(?:PHP\ )?Fatal\ error:                       # PHP
    |[Ss]yntax\ ?[Ee]rror                           # shells, and most others
    |:\ unbound\ variable$|:\ parameter\ not\ set$   # shells with `set -u`
    |[Cc]annot\ fork|\bfork:\ .*unavailable        # shells without another process
    |^\S*sh:\ \d+:\ (?:\.:\ )?cannot\ open           # shells without a script
    """,
    re.MULTILINE | re.VERBOSE,
)
# What stands around the reason in such a report, without being it.
_FRAME = re.compile(
    r"\s|[}\])]|$|Node\.js v|[Ss]tack trace|#\d+ |goroutine |created by |[\w./*()]+\(.*\)$|exit status|BEGIN failed"
)
# What launchers and interpreters say where they did not even start the program. Most of them leave with 1.
_NOT_STARTED = re.compile(
    r"""^(?:Password:\ |\S*/)?(?:sudo|doas|su|runuser|sg|setpriv|nsenter|unshare|chrt|taskset|prlimit|strace)
        :\ (?!unable\ to\ resolve\ host).*
    |^.*\bis\ not\ in\ the\ sudoers\ file.*
    |^Sorry,\ user\ .*\ (?:is\ not\ allowed\ to|may\ not\ run)\ .*
    |^Error:\ (?:Unable\ to\ access\ jarfile|Could\ not\ find\ or\ load\ main\ class).*
    |^.*python[\d.]*:\ (?:No\ module\ named|can't\ find\ '__main__').*
    |^couldn't\ read\ file\ ".*                       # Tcl
    """,
    re.MULTILINE | re.VERBOSE,
)
# What getopt, and whoever does without it, says of options that a program does not have.
_MISUSE = re.compile(
    r"^.*(?:(?:unrecognized|invalid|unknown|illegal) option\b.{0,4}-|\brequires an argument\b).*$", re.M | re.I
)
_LONGEST = 8192


def judge_silence(output: ChildOutput, meaning: Status | None, empty: str | None) -> Result | None:
    """Say what no output means; None where the exit code alone says it. `meaning` is what the settings say of it."""
    if output.exit_code == 0 and empty is not None:
        return Result(meaning or Status(empty), "printed nothing")
    if meaning is not None or output.exit_code not in (1, 2, 3):
        return None
    # The end is kept of much: there the reason stands.
    lines = readable(output.stderr).strip()[-_LONGEST:].split("\n")
    if not lines[-1]:
        return None
    text = "\n".join(lines)
    if output.exit_code != 3 and _DEATHS.search(text):
        return Result(Status.NODATA, shorten(f"it died: {_last_words(lines)}", SUMMARY_LENGTH))
    if output.exit_code != 3 and (misuse := _MISUSE.search(text)):
        return Result(Status.NODATA, shorten(f"it was called wrongly: {misuse[0].strip()}", SUMMARY_LENGTH))
    if output.exit_code != 3 and (refusal := _NOT_STARTED.search(text)):
        return Result(Status.NODATA, shorten(f"it was not started: {refusal[0].strip()}", SUMMARY_LENGTH))
    status = (Status.WARNING, Status.CRITICAL, Status.NODATA)[output.exit_code - 1]
    return Result(status, shorten(f"no output (exit {output.exit_code}), stderr: {lines[0].strip()}", SUMMARY_LENGTH))


def _last_words(lines: list[str]) -> str:
    """Return the line with the reason: the last one that is no frame around it, or the first where all are."""
    return next((line for line in reversed(lines) if not _FRAME.match(line)), lines[0]).strip()
