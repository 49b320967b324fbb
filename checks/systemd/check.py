"""`type: systemd`: the settings, and what is asked of `systemctl`."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from fnmatch import fnmatchcase
from typing import Annotated, Any, Literal

from msgspec import Meta
from msgspec.structs import replace

from agent.api import (
    Check,
    CheckError,
    Context,
    Duration,
    DurationAbove,
    Host,
    NumberAbove,
    Result,
    Status,
    Suggestion,
    judge,
    nodata,
)
from checks._leftover import find_problem as find_leftover_problem
from checks._program import ask
from checks._wildcards import find_problem as find_wildcard_problem
from checks.systemd.judgement import assess_all, assess_last_run, assess_state
from checks.systemd.restarts import count_restarts
from checks.systemd.triggers import assess_pairs, find_pairs, names_of
from checks.systemd.units import PROPERTIES, Unit, by_name, find_problem, read_names

STATES = (
    "--state=failed,auto-restart",
    "--state=bad-setting,error",
    "--state=activating,reloading,refreshing,deactivating",
)

Restarts = Annotated[NumberAbove | None, Meta(description="Restarts by systemd within `restarts_within`; null: never.")]
LastRun = Annotated[
    DurationAbove | None, Meta(description="A named timer ran last so long ago, such as `26h`; default: never.")
]


class Systemd(Check, frozen=True, kw_only=True):
    """Watches systemd's units: failed ones, the state of those you name, and services that systemd keeps restarting.

    Without `unit` it looks at all: units that failed, that cannot work as they are written (`bad-setting`), or that
    hang are a warning. A unit hangs when it has been starting for a day (see `starting_warning`), or reloading or
    stopping for 10 minutes. With `unit` each is a subject of its own: not active is critical, starting or hanging a
    warning, a timer without a next turn critical, and so is what is frozen, what an assertion kept from its start, and
    what a timer triggered and did not start, as what it requires failed (told of the timer and of a `not_failed` unit).
    Three restarts by systemd within 15 minutes are a warning; of units not named only those are counted that were once
    seen waiting for their restart, so name the services that matter. Not seen: without `unit`, what is not started
    since something that it requires failed; of a timer alone, that its service failed (name both); a daemon of an init
    script that ended, which stays `active (exited)`, and one that a signal stopped (`type: process` sees both).

        checks:
          units:  {type: systemd, exclude: [user@*.service, "run-*"]}
          web:    {type: systemd, unit: [nginx, postgresql@16-main], restarts_critical: 10}
          backup: {type: systemd, unit: backup.service, state: not_failed, starting_warning: 6h}
          turns:  {type: systemd, unit: backup.timer, last_run_critical: 26h}

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
    starting_warning: Annotated[
        Duration | None, Meta(description="A unit has been starting for so long; default 1d, null: never.")
    ] = Duration(86400)
    last_run_warning: LastRun = None
    last_run_critical: LastRun = None
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
        if not self.restarts_within:
            yield "restarts_within", "0s counts nothing: leave it out, or write restarts_warning: null"
        for name in texts(self.unit):
            if problem := find_problem(name):
                yield "unit", f"{name!r} {problem}"
        if len(set(texts(self.unit))) < len(texts(self.unit)):
            yield "unit", "the same unit stands there twice, leave one out"
        for problem in filter(None, map(find_wildcard_problem, texts(self.exclude))):
            yield "exclude", problem
        if problem := find_leftover_problem(texts(self.exclude), signs="."):
            yield "exclude", problem
        if self.unit and self.exclude:
            yield "exclude", "belongs to all units, leave it out with `unit`"
        if not self.unit and self.state != "active":
            yield "state", "says what a named unit should be: write `unit` too"
        for setting in ("last_run_warning", "last_run_critical"):
            if getattr(self, setting) and not any(name.endswith(".timer") for name in texts(self.unit)):
                yield setting, "is about a timer: name it with `unit`, such as backup.timer"
        if not self.command or not self.command[0]:
            yield "command", "is empty, write for example [systemctl, --user]"

    @classmethod
    def discover(cls, host: Host) -> Iterator[Suggestion]:
        from checks.systemd.discovered import suggestions

        return suggestions(host)

    def run(self, ctx: Context) -> Iterator[Result]:
        if self.unit:
            units, bad = self._show(ctx, list(texts(self.unit)))
            yield from bad
        else:
            units, _ = self._show(ctx, self._list(ctx))
        yield from self.assess(units, ctx.memory, ctx.now(), time.monotonic())
        if self.unit and (pairs := find_pairs(units, self.state)):
            yield from assess_pairs(pairs, self._show(ctx, names_of(pairs))[0], ctx.now())

    def _list(self, ctx: Context) -> list[str]:
        """Return the units that are worth a look: in trouble, on their way, or restarted not long ago."""
        all_names = read_names(self._ask(ctx, "list-units", "--all", "--plain", "--no-legend", *STATES))
        names = [name for name in all_names if not self._excludes(name)]
        return names + [name for name in ctx.memory.get("restarts", {}) if name not in names]

    def _excludes(self, name: str) -> bool:
        """As in `unit`, `.service` may be left out."""
        names = (name, name.removesuffix(".service"))
        return any(fnmatchcase(one, pattern) for one in names for pattern in texts(self.exclude))

    def _show(self, ctx: Context, names: list[str]) -> tuple[dict[str, Unit], list[Result]]:
        """Ask for all at once; where that fails, one by one, so that one name at fault takes no other with it."""
        if not names:
            return {}, []
        try:
            return by_name(names, self._ask(ctx, "show", PROPERTIES, "--", *names)), []
        except CheckError:
            if len(names) == 1 or ctx.remaining() < ctx.timeout / 5:
                raise
        units: dict[str, Unit] = {}
        bad: list[Result] = []
        for name in names:
            try:
                units |= by_name([name], self._ask(ctx, "show", PROPERTIES, "--", name))
            except CheckError as error:
                bad.append(nodata(f"{name}: {error}", name))
        if not units:
            raise CheckError(bad[0].summary.partition(": ")[2])
        return units, bad

    def assess(
        self, units: Mapping[str, Unit], memory: dict[str, Any], now: float, monotonic: float
    ) -> Iterator[Result]:
        """Judge units by name; `now` in Unix seconds, `monotonic` by the clock of their changes."""
        restarts = {
            name: count_restarts(memory, name, unit.restarts or 0, now, self.restarts_within)
            for name, unit in units.items()
        }
        if self.unit:
            for name, unit in units.items():
                yield assess_state(name, unit, self.state, self.starting_warning, monotonic)
                yield from self._restarts({name: restarts[name]}, subject=name)
                if unit.restarts is None and self.restarts_critical and is_service(name):
                    yield nodata(f"{name}: systemctl does not count its restarts, leave restarts_critical out", name)
                if ran := assess_last_run(name, unit, (self.last_run_warning, self.last_run_critical), now):
                    yield ran
            return
        # Whose last restart is long ago is no longer asked for.
        stale = [name for name, unit in units.items() if not restarts[name] and unit.sub != "auto-restart"]
        for name in stale:
            del memory["restarts"][name]
        yield assess_all(units, self.starting_warning, monotonic)
        yield from self._restarts(restarts)

    def _restarts(self, restarts: dict[str, int], subject: str = "") -> Iterator[Result]:
        most = max(restarts, key=restarts.__getitem__, default="")
        number = restarts.get(most, 0)
        words = f"{most} restarted {number} times in the last {self.restarts_within}"
        levels = self.restarts_warning, self.restarts_critical
        result = judge("restarts", number, *levels, subject=subject, summary=words, minimum=0)
        yield result if result.status is not Status.OK else replace(result, summary="")

    def _ask(self, ctx: Context, *words: str) -> str:
        return ask(ctx, [*self.command, "--no-pager", *words], "systemd")


def is_service(name: str) -> bool:
    return name.endswith(".service") or "." not in name.rpartition("@")[2]


def texts(value: str | tuple[str, ...]) -> tuple[str, ...]:
    return (value,) if isinstance(value, str) else value
