"""`type: reboot`: the marks and kernels that ask for one."""

from __future__ import annotations

import os
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Annotated, Any

from msgspec import Meta
from msgspec.structs import replace

from agent.api import (
    Check,
    CheckError,
    Context,
    DurationAbove,
    DurationBelow,
    Host,
    Result,
    Suggestion,
    duration_text,
    host_path,
    judge,
    nodata,
    ok,
)
from checks._walking import require_visible
from checks.reboot.versions import newest

MARKS = ("/run/reboot-required", "/run/reboot-needed")
"""Left by Debian and Ubuntu, and by SUSE."""
PACKAGES = "/run/reboot-required.pkgs"
MODULES = "/lib/modules"
CONTAINER = ("/run/systemd/container", "/.dockerenv", "/run/.containerenv")
"""Left by systemd (LXC, nspawn), Docker and Podman: the kernel there is the host's, whatever is installed beside it."""

Required = Annotated[DurationAbove | None, Meta(description="A reboot has been required for this long; null: never.")]
Uptime = Annotated[DurationBelow | None, Meta(description="The host was started less than this ago; default: never.")]


class Reboot(Check, frozen=True, kw_only=True):
    """Watches whether the host waits for a reboot, and whether it had one just now.

    A reboot is required when the distribution left its mark (/run/reboot-required, /run/reboot-needed), when a newer
    kernel of the same kind than the running one is installed, or when an update took away the running kernel's
    modules. Newer is what dpkg or rpm calls newer. In a container only the marks count, as the kernel is the host's.
    By default: warning once that has been so for 14 days. A recent start is judged only where a level is
    given: it tells of a crash at night, and of every wanted reboot.

        checks:
          reboot: {type: reboot, required_warning: 7d, required_critical: 30d, uptime_warning: 10m}
    """

    required_warning: Required = DurationAbove.parse("14d")
    required_critical: Required = None
    uptime_warning: Uptime = None
    uptime_critical: Uptime = None

    @classmethod
    def discover(cls, host: Host) -> Iterator[Suggestion]:
        if host.read("/proc/uptime"):
            kernel = host.read("/proc/sys/kernel/osrelease").strip()
            why = f"The kernel is {kernel}; updates want a reboot at times."
            yield Suggestion(name="reboot", settings={"interval": "10m"}, why=why)

    def run(self, ctx: Context) -> Iterator[Result]:
        try:
            uptime = float(host_path("/proc/uptime").read_text().split()[0])
        except OSError as error:
            raise CheckError(f"/proc/uptime: {error.strerror}; this check needs Linux and its /proc") from None
        modules = None if any(host_path(mark).exists() for mark in CONTAINER) else host_path(MODULES)
        reason_since, unknown = None, ""
        try:
            reason_since = next(reasons(ctx.memory, os.uname().release, map(host_path, MARKS), modules), None)
        except PermissionError as error:
            unknown = (
                f"whether a reboot is required is not known: {error.filename} may not be looked at "
                "(does the agent's unit say ProtectKernelModules?)"
            )
        yield from self.assess(uptime, reason_since, time.time(), packages(host_path(PACKAGES)), unknown)

    def assess(
        self, uptime: float, reason_since: tuple[str, float] | None, now: float, details: str = "", unknown: str = ""
    ) -> Iterator[Result]:
        """Judge the seconds since the start, and why a reboot is required since when (Unix seconds).

        `unknown`: why nobody knows whether one is.
        """
        words = f"up for {duration_text(uptime)}"
        yield judge("uptime", uptime, self.uptime_warning, self.uptime_critical, unit="s", summary=words, minimum=0)
        if reason_since is None:
            has_level = (self.required_warning, self.required_critical) != (None, None)
            yield nodata(unknown) if unknown and has_level else ok(unknown or "no reboot required")
            return
        reason, since = reason_since
        waiting = max(0.0, now - since)
        words = f"reboot required for {duration_text(waiting)}: {reason}"
        levels = self.required_warning, self.required_critical
        result = judge("reboot_required", waiting, *levels, unit="s", summary=words, minimum=0)
        yield replace(result, details=details)


def reasons(
    memory: dict[str, Any], running: str, marks: Iterable[Path], modules: Path | None
) -> Iterator[tuple[str, float]]:
    """Yield why a reboot is required and since when, in Unix seconds; without `modules` no kernel is compared."""
    yield from ((f"{mark} says so", mark.stat().st_mtime) for mark in marks if mark.exists())
    if modules is None:
        return
    # Packages of modules alone leave folders there too; those of a kernel have kernel/ in them.
    # What may not be looked at is not taken for what is not there, as glob does.
    installed = {path.name: path for path in _in(modules) if os.path.lexists(path / "kernel")}
    if newer := newest(running, installed):
        yield f"kernel {newer} is installed, {running} is running", installed[newer].stat().st_mtime
    if running in installed:
        memory["modules"] = running
    elif memory.get("modules") == running and modules.is_dir():
        yield f"the modules of the running kernel {running} are gone", modules.stat().st_mtime


def _in(folder: Path) -> list[Path]:
    """Return what is in a folder; PermissionError where it is hidden."""
    try:
        require_visible(folder)
        return list(folder.iterdir())
    except (FileNotFoundError, NotADirectoryError):
        return []


def packages(path: Path) -> str:
    """Return what asked for the reboot, each once; empty where nobody wrote it down."""
    try:
        names = dict.fromkeys(path.read_text(errors="replace").split())
    except OSError:
        return ""
    return f"asked for by {', '.join(names)}" if names else ""
