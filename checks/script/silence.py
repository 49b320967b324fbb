"""A plugin that printed nothing of its own: what its exit code and its last words mean then."""

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
    |\ at\ \S+\ line\ \d+\.$|^Can't\ locate\ .*@INC   # Perl
    |^\S*awk:\ (?:cmd\.\ )?line[:\ ]\d+:(?!.*warning)  # awk
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
    r"\s|[}\])]|$|Node\.js v|[Ss]tack trace|#\d+ |goroutine |created by |Require stack:|- \S+$|[\w./*()]+\(.*\)$"
    r"|exit status|BEGIN failed"
)
# What launchers and interpreters say where they did not even start the program. Most of them leave with 1.
_NOT_STARTED = re.compile(
    r"""^(?:Password:\ |\S*/)?(?:sudo|doas|su|runuser|sg|setpriv|nsenter|unshare|chrt|choom|taskset|prlimit|strace)
        :\ (?!unable\ to\ resolve\ host).*
    |^.*\bis\ not\ in\ the\ sudoers\ file.*
    |^Sorry,\ user\ .*\ (?:is\ not\ allowed\ to|may\ not\ run)\ .*
    |^Failed\ to\ (?:connect\ to\ bus|start\ transient\ \w+\ unit):.*|^System\ has\ not\ been\ booted\ with\ systemd.*
    |^Unrecognized\ (?:VM\ )?option.*(?=\nError:\ Could\ not\ create\ the\ Java)
    |^Error:\ (?:Unable\ to\ (?:access\ jarfile|initialize\ main\ class)
        |Could\ not\ (?:find\ or\ load\ main\ class|create\ the\ Java)|Main\ method\ not\ found).*
    |^.*(?:python|pypy)[\d.]*:\ (?:No\ module\ named|can't\ find\ '__main__'|Error\ while\ finding\ module).*
    |^\S*ruby[\d.]*:\ No\ such\ file\ or\ directory\ --.*
    |^\S*lua[\d.]*:\ cannot\ open\ .*                                # Lua
    |^couldn't\ read\ file\ ".*|^sed:\ couldn't\ open\ file\ .*              # Tcl, sed
    """,
    re.MULTILINE | re.VERBOSE,
)
# The JVM and PHP say it where a program's output stands.
_NOT_STARTED_OUTPUT = re.compile(
    r"(?:(?:.* VM warning: .*|#)\n)*"
    r"(Error occurred during initialization of VM"
    r"|# There is insufficient memory for the Java Runtime.*"
    r"|Could not open input file: .*)"
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
        return _launch_refusal(refusal[0])
    status = (Status.WARNING, Status.CRITICAL, Status.NODATA)[output.exit_code - 1]
    return Result(status, shorten(f"no output (exit {output.exit_code}), stderr: {lines[0].strip()}", SUMMARY_LENGTH))


def judge_launcher(output: ChildOutput) -> Result | None:
    """Say that the program was not started, where that is what stands in its output."""
    refusal = _NOT_STARTED_OUTPUT.match(readable(output.stdout[:_LONGEST]).lstrip())
    return _launch_refusal(refusal[1]) if refusal else None


def _launch_refusal(words: str) -> Result:
    return Result(Status.NODATA, shorten(f"it was not started: {words.strip()}", SUMMARY_LENGTH))


def _last_words(lines: list[str]) -> str:
    """Return the line with the reason: the last one that is no frame around it, or the first where all are."""
    return next((line for line in reversed(lines) if not _FRAME.match(line)), lines[0]).strip()
