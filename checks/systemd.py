"""`type: systemd`."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Iterator
from fnmatch import fnmatchcase
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from agent.api import (
    Check,
    CheckError,
    Context,
    Duration,
    Host,
    NumberAbove,
    Result,
    Status,
    Suggestion,
    critical,
    duration_text,
    judge,
    ok,
    warning,
)

PROPERTIES = "--property=Id,LoadState,ActiveState,SubState,Result,NRestarts"

NOISY = ["user@*.service", "run-*", "*-wait-online.service"]
"""What fails or ends without meaning anything."""
NOT_SERVERS = ("getty@*", "serial-getty@*", "user@*", "hostvigil.service")

Restarts = Annotated[NumberAbove | None, Meta(description="Restarts by systemd within `restarts_within`; null: never.")]


class Systemd(Check, frozen=True, kw_only=True):
    """Watches systemd's units: failed ones, the state of those you name, and services that systemd keeps restarting.

    Without `unit` it looks at all: a failed unit is a warning. With `unit` each is a subject of its own: not active
    is critical, starting a warning. Three restarts by systemd within 15 minutes are a warning; of units not named
    only those are counted that were once seen waiting for their restart, so name the services that matter.

        checks:
          units:  {type: systemd, exclude: [user@*.service, "run-*"]}
          web:    {type: systemd, unit: [nginx, postgresql@16-main], restarts_critical: 10}
          backup: {type: systemd, unit: backup.service, state: not_failed}

    It asks `systemctl`, as any user may. When that fails or does not answer in time, the result is nodata.
    """

    unit: Annotated[
        str | tuple[str, ...], Meta(description="Units by name; `.service` may be left out. None: all.")
    ] = ()
    state: Annotated[
        Literal["active", "inactive", "not_failed"],
        Meta(description="What a named unit should be; `not_failed` for what a timer starts. Default active."),
    ] = "active"
    exclude: Annotated[
        str | tuple[str, ...], Meta(description="Without `unit`: names to leave out, `*` stands for anything.")
    ] = ()
    restarts_warning: Restarts = NumberAbove.parse(3)
    restarts_critical: Restarts = None
    restarts_within: Annotated[Duration, Meta(description="For how long a restart counts. Default 15m.")] = Duration(
        900
    )
    command: Annotated[
        tuple[str, ...],
        Meta(description="How to call systemctl, such as `[systemctl, --machine=shop@, --user]` for a user's units."),
    ] = ("systemctl",)

    def problems(self) -> Iterator[tuple[str, str]]:
        for name in texts(self.unit):
            if not name or name.startswith("-") or any(letter in name for letter in "*?[]\0 "):
                yield "unit", f"{name!r} is not the name of one unit, write for example nginx.service"
        if len(set(texts(self.unit))) < len(texts(self.unit)):
            yield "unit", "the same unit stands there twice, leave one out"
        if self.unit and self.exclude:
            yield "exclude", "belongs to all units, leave it out with `unit`"
        if not self.unit and self.state != "active":
            yield "state", "says what a named unit should be: write `unit` too"
        if not self.command or not self.command[0]:
            yield "command", "is empty, write for example [systemctl, --user]"

    @classmethod
    def discover(cls, host: Host) -> Iterator[Suggestion]:
        if not host.path("/run/systemd/system").is_dir():
            return
        listed = ("systemctl", "list-units", "--plain", "--no-legend", "--no-pager")
        bad = names_of(host.output(*listed, "--all", "--state=failed"))
        why = "systemd runs here" + (f"; left out, as they have failed now: {', '.join(bad)}." if bad else ".")
        counts = {"fail_after": {"warning": 2, "critical": 1, "nodata": 3}}
        yield Suggestion(name="units", settings={"exclude": NOISY + bad, **counts}, why=why, about=("unit",))
        named = names_of(host.output(*listed, "--type=service,timer", "--state=running,waiting"))
        properties = "--property=Id,UnitFileState,FragmentPath"
        shown = host.output("systemctl", "show", "--no-pager", properties, "--", *named)
        if units := _wanted(shown):
            why = "These are started with the host, and run. A timer whose service fails shows in `units`."
            yield Suggestion(name="services", settings={"unit": units, "fail_after": 2}, why=why, about=("unit",))

    def run(self, ctx: Context) -> Iterator[Result]:
        if self.unit:
            names = list(texts(self.unit))
        else:
            bad = names_of(
                self._ask(ctx, "list-units", "--all", "--plain", "--no-legend", "--state=failed,auto-restart")
            )
            names = [name for name in bad if not any(fnmatchcase(name, pattern) for pattern in texts(self.exclude))]
            names += [name for name in ctx.memory.get("restarts", {}) if name not in names]
        units = parsed(self._ask(ctx, "show", PROPERTIES, "--", *names)) if names else []
        if len(units) != len(names):
            raise CheckError(f"systemctl told of {len(units)} units, not of {len(names)}")
        yield from self.judged(dict(zip(names, units, strict=True)), ctx.memory, time.time())

    def judged(self, units: dict[str, Unit], memory: dict[str, Any], now: float) -> Iterator[Result]:
        restarts = {
            name: restarts_within(memory, name, unit.restarts, now, self.restarts_within)
            for name, unit in units.items()
        }
        if self.unit:
            for name, unit in units.items():
                yield state_of(name, unit, self.state)
                yield from self._restarts({name: restarts[name]}, subject=name)
            return
        # Whose last restart is long ago is no longer asked for.
        gone = [name for name, unit in units.items() if not restarts[name] and unit.sub != "auto-restart"]
        for name in gone:
            del memory["restarts"][name]
        yield failed(units)
        yield from self._restarts(restarts)

    def _restarts(self, restarts: dict[str, int], subject: str = "") -> Iterator[Result]:
        most = max(restarts, key=restarts.__getitem__, default="")
        number = restarts.get(most, 0)
        words = f"{most} restarted {number} times in the last {self.restarts_within}"
        levels = self.restarts_warning, self.restarts_critical
        result = judge("restarts", number, *levels, subject=subject, summary=words, minimum=0)
        yield result if result.status is not Status.OK else msgspec.structs.replace(result, summary="")

    def _ask(self, ctx: Context, *words: str) -> str:
        argv = [*self.command, "--no-pager", *words]
        env = {**os.environ, "LC_ALL": "C", "SYSTEMD_COLORS": "0"}
        limit = ctx.remaining() - min(0.5, ctx.timeout / 10)
        try:
            with (
                subprocess.Popen(
                    argv, env=env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE
                ) as process,
                ctx.interruptible(process.kill),
            ):
                try:
                    out, err = process.communicate(timeout=max(0.0, limit))
                finally:
                    process.kill()
        except subprocess.TimeoutExpired:
            raise CheckError(f"systemctl did not answer within {duration_text(ctx.timeout)}") from None
        except OSError as error:
            raise CheckError(f"{argv[0]}: {error.strerror}; this check needs systemd") from None
        if process.returncode:
            said = err.decode(errors="replace").strip().partition("\n")[0] or f"ended with {process.returncode}"
            raise CheckError(f"systemctl: {said}")
        return out.decode(errors="replace")


class Unit(msgspec.Struct, frozen=True):
    """What systemd says of one unit. Source: org.freedesktop.systemd1(5)."""

    load: str = ""
    active: str = ""
    sub: str = ""
    result: str = ""
    restarts: int = 0
    """By systemd itself, since somebody last started the unit; 0 for what is no service."""

    @property
    def words(self) -> str:
        if self.load != "loaded":
            return self.load
        why = f", {self.result}" if self.result not in ("", "success") else ""
        return f"{self.active} ({self.sub}{why})"


def parsed(shown: str) -> list[Unit]:
    """Read what `systemctl show` prints: lines of Name=value, an empty line between units."""
    blocks = (dict(line.split("=", 1) for line in block.splitlines() if "=" in line) for block in shown.split("\n\n"))
    return [
        Unit(
            block.get("LoadState", ""),
            block.get("ActiveState", ""),
            block.get("SubState", ""),
            block.get("Result", ""),
            int(block.get("NRestarts") or 0),
        )
        for block in blocks
        if block
    ]


def names_of(listed: str) -> list[str]:
    """Read the names that `systemctl list-units` prints first; older ones put a dot before what failed."""
    return [line.lstrip("●*○×↻ ").split()[0] for line in listed.splitlines() if line.strip()]


def _wanted(shown: str) -> list[str]:
    """Pick what is enabled, as what starts on demand may also end; of the timers those that somebody made here."""
    blocks = (dict(line.split("=", 1) for line in block.splitlines() if "=" in line) for block in shown.split("\n\n"))
    enabled = {
        block.get("Id", ""): block.get("FragmentPath", "")
        for block in blocks
        if block.get("UnitFileState") == "enabled"
    }
    return [
        name
        for name, file in enabled.items()
        if not any(fnmatchcase(name, pattern) for pattern in NOT_SERVERS)
        and (not name.endswith(".timer") or file.startswith("/etc/"))
    ]


def state_of(name: str, unit: Unit, wanted: str) -> Result:
    """Judge a unit that somebody named."""
    found = unit.load == "loaded"
    running = found and unit.active in ("active", "reloading", "refreshing")
    good = {"active": running, "inactive": unit.active == "inactive", "not_failed": found and unit.active != "failed"}
    if good[wanted]:
        return ok(f"{name} {unit.words}", name)
    if unit.active == "activating" and wanted == "active":
        return warning(f"{name} {unit.words}", name)
    if unit.load == "not-found":
        return critical(f"{name}: systemd knows no such unit", name)
    words = f"{name} is {unit.words}" + ("" if wanted == "not_failed" else f", should be {wanted}")
    return critical(words, name, f"see: systemctl status {name}; journalctl -u {name}")


def failed(units: dict[str, Unit]) -> Result:
    bad = [name for name, unit in units.items() if unit.active == "failed"]
    if not bad:
        return ok("no failed unit")
    details = "\n".join(f"{name} {units[name].words}, see: journalctl -u {name}" for name in bad)
    return warning(f"{len(bad)} failed unit{'s' if len(bad) > 1 else ''}: {', '.join(bad)}", details=details)


def restarts_within(memory: dict[str, Any], name: str, count: int, now: float, within: float) -> int:
    """Return how many of a unit's restarts happened in the last `within` seconds, as far as we saw them.

    The counter begins anew when somebody starts the unit by hand: fewer than before is a new baseline.
    """
    before = memory.setdefault("restarts", {}).get(name, {"count": count, "recent": []})
    recent = [[at, number] for at, number in before["recent"] if 0 <= now - at < within]
    if count > before["count"]:
        recent.append([now, count - before["count"]])
    memory["restarts"][name] = {"count": count, "recent": recent}
    return sum(number for _, number in recent)


def texts(value: str | tuple[str, ...]) -> tuple[str, ...]:
    return (value,) if isinstance(value, str) else value
