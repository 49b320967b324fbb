"""`type: clock`."""

from __future__ import annotations

import ctypes
import math
import os
import shutil
from collections.abc import Iterator
from typing import Annotated, Any

import msgspec
from msgspec import Meta
from msgspec.structs import replace

from agent.api import (
    Check,
    CheckError,
    Context,
    DurationAbove,
    Host,
    Metric,
    Result,
    Suggestion,
    critical,
    duration_text,
    judge,
    nodata,
    ok,
)
from agent.api import warning as warn
from checks._program import ask

STA_PLL, STA_UNSYNC, STA_NANO = 0x0001, 0x0040, 0x2000
UNKNOWN_ERROR = 16.0
"""Seconds: the kernel's possible error where nobody tells it better. Source: NTP_PHASE_LIMIT of linux/timex.h."""
OFFSET = DurationAbove.parse("200ms")

Offset = Annotated[DurationAbove | None, Meta(description="How far off the clock is, either way; null: never.")]
Error = Annotated[
    DurationAbove | None,
    Meta(description="How far off the clock may be; grows by 1.8s an hour without contact to its source."),
]


class Clock(Check, frozen=True, kw_only=True):
    """Watches whether the clock is kept right: what NTP (chrony, timesyncd, ntpd) told the kernel. Asks no server.

    By default: warning when the clock was kept right before and is no more, and when it is off by 200ms. The kernel
    calls a clock that nobody corrects unsynchronised after about nine hours; `error_warning` notices that earlier.
    chrony corrects by itself and tells the kernel no offset: then `chronyc` is asked, as any user may. Where nobody
    tells the offset, other levels than the default are nodata. A virtual machine whose clock the hypervisor keeps is
    never synchronised to the kernel: that is ok, unless `synchronised: true` asks for more.

        checks:
          clock: {type: clock, synchronised: true, offset_critical: 1s, error_warning: 5s, fail_after: 10}
    """

    synchronised: Annotated[
        bool | None,
        Meta(description="true: unsynchronised is critical; false: never mind. Default: warning if it was before."),
    ] = None
    offset_warning: Offset = OFFSET
    offset_critical: Offset = None
    error_warning: Error = None
    error_critical: Error = None

    @classmethod
    def discover(cls, host: Host) -> Iterator[Suggestion]:
        synchronised = ask_kernel().synchronised
        why = (
            "The clock is kept right by NTP."
            if synchronised
            else "The clock is not kept by NTP, as far as the kernel knows."
        )
        yield Suggestion(name="clock", settings={"interval": "5m", "fail_after": 6}, why=why)

    def run(self, ctx: Context) -> Iterator[Result | Metric]:
        reading = ask_kernel()
        if reading.synchronised and reading.offset is None and shutil.which("chronyc"):
            reading = ask_chrony(reading, ctx)
        yield from self.assess(reading, ctx.memory)

    def assess(self, reading: Reading, memory: dict[str, Any]) -> Iterator[Result | Metric]:
        yield self._judge_synchronised(reading.synchronised, memory)
        if reading.synchronised:
            yield from self._offset(reading.offset)
        elif self._asks_for_offset:
            yield nodata("how far off it is, nobody tells of a clock that is not synchronised")
        if not reading.synchronised and (self.error_warning, self.error_critical) == (None, None):
            return
        words = f"at most {duration_text(reading.max_error)}"
        yield judge("max_error", reading.max_error, self.error_warning, self.error_critical, unit="s", summary=words)

    @property
    def _asks_for_offset(self) -> bool:
        return (self.offset_warning, self.offset_critical) not in ((None, None), (OFFSET, None))

    def _offset(self, offset: float | None) -> Iterator[Result]:
        levels = self.offset_warning, self.offset_critical
        if offset is not None:
            words = f"off by {duration_text(abs(offset))}"
            yield judge("offset", abs(offset), *levels, unit="s", summary=words)
        elif self._asks_for_offset:
            yield nodata("how far off it is, neither the kernel nor chronyc tells")

    def _judge_synchronised(self, now: bool, memory: dict[str, Any]) -> Result:
        if now:
            memory["synchronised"] = True
            return ok("clock synchronised")
        if self.synchronised:
            return critical("clock not synchronised: is chrony, timesyncd or ntpd running, and does it reach a server?")
        if self.synchronised is None and memory.get("synchronised"):
            return warn("clock no longer synchronised: does chrony, timesyncd or ntpd run, and reach a server?")
        return ok("clock not synchronised by NTP")


class Reading(msgspec.Struct, frozen=True):
    """What the kernel knows of its clock; seconds. Source: adjtimex(2)."""

    synchronised: bool
    offset: float | None
    """Still to be corrected; None where the kernel is not told, as its own loop does not do it."""
    max_error: float


class Timex(ctypes.Structure):
    """The kernel's struct timex, as far as it is read; the rest is room for it to write to."""

    _fields_ = (
        ("modes", ctypes.c_uint),
        ("offset", ctypes.c_long),
        ("frequency", ctypes.c_long),
        ("max_error", ctypes.c_long),
        ("estimated_error", ctypes.c_long),
        ("status", ctypes.c_int),
        ("rest", ctypes.c_byte * 256),
    )


def ask_kernel() -> Reading:
    """Ask the kernel; modes 0 changes nothing and needs no rights."""
    timex = Timex()
    adjtimex = getattr(ctypes.CDLL(None, use_errno=True), "adjtimex", None)
    if adjtimex is None:
        raise CheckError("this system has no adjtimex; this check needs Linux")
    if adjtimex(ctypes.byref(timex)) < 0:
        reason = os.strerror(ctypes.get_errno())
        raise CheckError(f"adjtimex: {reason}; a sandbox around the agent forbids it, see the agent's systemd unit")
    return read_timex(timex.status, timex.offset, timex.max_error)


def read_timex(status: int, offset: int, max_error: int) -> Reading:
    """Read the fields of adjtimex(2): the offset's unit is in the status, the error's is always microseconds.

    chrony without `rtcsync` never clears STA_UNSYNC, but tells the possible error all the same.
    """
    error = max_error / 1e6
    offset_s = offset / (1e9 if status & STA_NANO else 1e6) if status & STA_PLL else None
    return Reading(not status & STA_UNSYNC or error < UNKNOWN_ERROR, offset_s, error)


def ask_chrony(reading: Reading, ctx: Context) -> Reading:
    """Add what chrony knows better than the kernel; where it is not at work, the kernel's word stands."""
    try:
        return read_tracking(reading, ask(ctx, ("chronyc", "-n", "-c", "tracking"), "chrony"))
    except CheckError:
        return reading


def read_tracking(reading: Reading, csv: str) -> Reading:
    """Read `chronyc -c tracking`: the fifth field is what is still to be corrected, the last the leap status."""
    fields = csv.strip().split(",")
    try:
        offset = float(fields[4])
    except (IndexError, ValueError):
        return reading
    if not math.isfinite(offset):
        return reading
    return replace(reading, offset=offset, synchronised=fields[-1] != "Not synchronised")
