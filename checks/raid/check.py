"""`type: raid`: the settings, and what they make of what was found."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterable, Iterator
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Annotated

from msgspec import Meta
from msgspec.structs import replace

from agent.api import Check, CheckError, Context, Host, NumberAbove, Result, Suggestion, host_path, judge, nodata, ok
from checks._lasting import find_missing
from checks._leftover import find_problem as find_leftover_problem
from checks._lvm import ask_status
from checks._proc import require_whole_proc
from checks._program import run_program
from checks._wildcards import find_problem
from checks.raid import btrfs, lvm, mdstat, unraid, zfs
from checks.raid.finding import Finding, read, tell_apart

MDSTAT, BLOCK = "/proc/mdstat", "/sys/block"
ZFS, BTRFS = "/proc/spl/kstat/zfs", "/sys/fs/btrfs"

Errors = Annotated[NumberAbove | None, Meta(description="Errors that the devices of one array made; default: never.")]


class Raid(Check, frozen=True, kw_only=True):
    """Watches software RAID: md arrays (Unraid's too), ZFS pools, btrfs, and LVM's own RAID.

    Critical: a device is missing, the array as a whole is stopped or broken, or a ZFS pool has lost data. Warning: a
    missing device is being rebuilt or waits for its turn, one failed and a spare took its place, parity did not fit at
    the last check (md), an array is read-only (md), `zpool status -x` names the pool, or a btrfs made errors that no
    copy corrects (one device, or data as single or raid0), or has a device that did not take what was written to it.
    Checks and first syncs are ok; what the kernel does not tell in a known form is nodata. One subject an array, and
    one that names them all.
    A host without RAID is ok. An array that was there for a day and is gone is nodata for a day. Not seen: hardware
    RAID, LVM's old mirrors, SMART; and errors of a ZFS pool where there is no `zpool`, or only root may ask it. How
    LVM's RAID is, only root may ask (`dmsetup`): to others it is nodata, or `exclude: vg/volume`.

        checks:
          raid:
            {type: raid, exclude: [md0, md1], errors_warning: 1}    # md0 and md1 of a Synology are never whole

    `errors` counts errors that harmed no data yet: corrected reads (md), the device statistics (btrfs, ZFS).
    """

    exclude: Annotated[
        str | tuple[str, ...], Meta(description="Arrays and pools to leave out, `*` stands for anything.")
    ] = ()
    errors_warning: Errors = None
    errors_critical: Errors = None

    def problems(self) -> Iterator[tuple[str, str]]:
        problems = [*map(find_problem, self._patterns()), find_leftover_problem(self._patterns())]
        for problem in filter(None, problems):
            yield "exclude", problem

    @classmethod
    def discover(cls, host: Host) -> Iterator[Suggestion]:
        findings = [*find_arrays(host.read(MDSTAT), host.path(BLOCK))]
        findings += [*zfs.find_pools(host.path(ZFS), lambda: None), *btrfs.find_filesystems(host.path(BTRFS))]
        summaries = [one.result.summary for one in findings] + [f"{name} (LVM)" for name in lvm.names(host.path(BLOCK))]
        if summaries:
            why = f"Found {'; '.join(summaries)}."
            yield Suggestion(name="raid", settings={}, why=why)

    def run(self, ctx: Context) -> Iterator[Result]:
        findings, faults = find_all(
            lambda: find_arrays(_read_mdstat(), host_path(BLOCK)),
            lambda: zfs.find_pools(host_path(ZFS), lambda: ask_zpool(ctx)),
            lambda: btrfs.find_filesystems(host_path(BTRFS)),
            lambda: lvm.find_volumes(host_path(BLOCK), lambda: ask_status(ctx, "raid")),
        )
        watched = self.keep(findings)
        if watched or not faults:
            yield from self.report(watched)
        if faults:
            raise CheckError("; ".join(faults))
        still_there = {one.result.subject for one in findings} & set(ctx.memory.get("lasting", ()))
        # What got a longer name is not missed under its short one.
        names = {one.result.subject for one in watched} | still_there
        yield from find_missing(ctx.memory, sorted(names), repr(self.exclude), ctx.now())

    def keep(self, findings: Iterable[Finding]) -> list[Finding]:
        """Leave out what is excluded, by its own name or by the one that tells it from another."""
        patterns = [pattern.removeprefix("/dev/") for pattern in self._patterns()]

        def is_kept(one: Finding) -> bool:
            return not any(fnmatchcase(one.result.subject, pattern) for pattern in patterns)

        return list(filter(is_kept, tell_apart(list(filter(is_kept, findings)))))

    def _patterns(self) -> tuple[str, ...]:
        return (self.exclude,) if isinstance(self.exclude, str) else self.exclude

    def report(self, findings: Iterable[Finding]) -> Iterator[Result]:
        """Say what is watched at all, and of each how it is and how many errors it made."""
        watched = list(findings)
        names = ", ".join(finding.result.subject for finding in watched)
        yield ok(f"watching {names}" if watched else "no RAID on this host")
        for finding in watched:
            yield replace(finding.result, discovered=True)
            if finding.errors is not None:
                yield replace(self._errors(finding.result.subject, finding.errors), discovered=True)
            elif (self.errors_warning, self.errors_critical) != (None, None):
                yield nodata("its errors cannot be read", finding.result.subject, discovered=True)

    def _errors(self, subject: str, count: int) -> Result:
        levels = self.errors_warning, self.errors_critical
        result = judge("errors", count, *levels, subject=subject, summary=f"{count} errors", minimum=0)
        return result if count else replace(result, summary="")


def find_all(*looks: Callable[[], Iterable[Finding]]) -> tuple[list[Finding], list[str]]:
    """Look for each kind of array, and say which cannot be looked for: it hides no other."""
    findings: list[Finding] = []
    faults = []
    for look in looks:
        try:
            for one in look():
                findings.append(one)
        except CheckError as error:
            faults.append(str(error))
    return findings, faults


def ask_zpool(ctx: Context) -> str | None:
    """Return what `zpool status -x` prints; None where it is not there, or only root may ask it."""
    if shutil.which("zpool") is None:
        return None
    code, out, err = run_program(ctx, ("zpool", "status", "-x"), "zpool")
    if code and "permission denied" in err.lower():
        return None
    if code:
        raise CheckError(f"zpool: {err.strip().partition(chr(10))[0] or f'ended with {code}'}")
    return out


def _read_mdstat() -> str:
    """Return its text, empty without md; CheckError where /proc shows neither md nor what else the kernel has."""
    if not (text := read(host_path(MDSTAT))):
        require_whole_proc()
    return text


def find_arrays(text: str, block: Path) -> Iterator[Finding]:
    """Judge what /proc/mdstat tells, of whichever driver it is."""
    if values := unraid.read_values(text):
        yield Finding(unraid.assess(values), "unraid")
        return
    arrays = mdstat.parse(text)
    if not arrays and mdstat.has_more(text):
        yield Finding(nodata("/proc/mdstat is written in a form that is not known here", "mdstat"), "md")
    for array in arrays:
        folder = block / array.name / "md"
        yield Finding(
            mdstat.add_mismatches(mdstat.assess(array), array, folder),
            "md",
            "",
            mdstat.count_errors(folder.glob("dev-*/errors")),
        )
