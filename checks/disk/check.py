"""`type: disk`: the settings, and what is said of each place."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Annotated, Any, Literal

from msgspec import Meta
from msgspec.structs import replace

from agent.api import (
    Check,
    CheckError,
    Context,
    Host,
    PercentAbove,
    Result,
    Size,
    SizeBelow,
    Status,
    Suggestion,
    critical,
    host_path,
    nodata,
    ok,
    size_text,
)
from checks._lasting import find_missing
from checks.disk import mountinfo, thin_pools
from checks.disk.choice import Filter, choose, is_folder, takes, texts
from checks.disk.ext4 import find_errors
from checks.disk.ground import find_changes
from checks.disk.mountinfo import MountTable, clean
from checks.disk.place import DEAD, Place, measure, printable
from checks.disk.pools import merge_pools
from checks.disk.usage import Levels, Usage, assess

WORST_FIRST = (Status.CRITICAL, Status.WARNING, Status.NODATA, Status.OK)


class Disk(Check, frozen=True):
    """Watches how full filesystems are, in bytes and inodes, whether they are mounted, writable and answering.

    Names them by `path`, or takes every disk with `mounts: all`. Used percent is what df shows: the reserve of root
    counts as used. A mount that does not answer (NFS, FUSE) is nodata and holds up no other; one that answers EIO or
    ESTALE, also only to a look at its root (XFS after an error), is critical. An ext4 in which the kernel found errors
    since e2fsck was last run is a warning. A `path` that lay on a mount of its own and lies on the one above now is
    critical, another filesystem there (by type, UUID or share) a warning for a day.
    With `mounts: all` the datasets of a ZFS pool are told once, unless a quota leaves one less; what was mounted for a
    day and is gone is nodata for a day, what lived for less is forgotten. LVM's thin pools are told too, to root
    (`dmsetup`): data, metadata, state. Not seen: a disk that fails while all that is read of it is in memory; one that
    is frozen (`fsfreeze`); inodes of a FUSE that says none is free; projects' quotas.

    ```yaml
    checks:
      disks: {type: disk, mounts: all, warning: 85%, critical: 95%, critical_only_below: 20GiB}
      database: {type: disk, path: /var/lib/postgresql, mounted: true, free_warning: 50GiB, free_critical: 10GiB}
    ```
    """

    path: Annotated[
        str | tuple[str, ...],
        Meta(description="A path, or a list of paths, whose filesystems to watch. Either this or `mounts`."),
    ] = ()
    mounts: Annotated[
        Literal["all"] | None,
        Meta(
            description="`all`: every disk, each once; by default without pseudo filesystems, images (snap, squashfs, "
            "iso), overlays but for /, automounts, single files, and the layers and shared memory of containers; "
            "tmpfs, /dev/shm and volumes of containers count."
        ),
    ] = None
    include: Annotated[
        Filter | None,
        Meta(description="With `mounts: all`: take what matches this, instead of the default choice."),
    ] = None
    exclude: Annotated[Filter, Meta(description="With `mounts: all`: leave out what matches this.")] = Filter()
    warning: Annotated[
        PercentAbove | None, Meta(description="Warning from this used percentage; default 80%, null: never.")
    ] = PercentAbove.parse("80%")
    critical: Annotated[
        PercentAbove | None, Meta(description="Critical from this used percentage; default 90%, null: never.")
    ] = PercentAbove.parse("90%")
    critical_only_below: Annotated[
        Size | None,
        Meta(
            description="`critical` is a warning as long as this much is free, for big disks; default: no such limit."
        ),
    ] = None
    free_warning: Annotated[SizeBelow | None, Meta(description="Warning with less than this free; default: none.")] = (
        None
    )
    free_critical: Annotated[
        SizeBelow | None, Meta(description="Critical with less than this free; default: none.")
    ] = None
    inodes_warning: Annotated[
        PercentAbove | None, Meta(description="Warning from this percentage of used inodes; default 90%, null: never.")
    ] = PercentAbove.parse("90%")
    inodes_critical: Annotated[
        PercentAbove | None, Meta(description="Critical from this percentage of used inodes; default 95%, null: never.")
    ] = PercentAbove.parse("95%")
    writable: Annotated[
        bool | None,
        Meta(
            description="true: read-only is critical; false: never mind. "
            "Default: critical when it was writable before, or when the kernel stopped writing after an error."
        ),
    ] = None
    mounted: Annotated[
        bool | None,
        Meta(
            description="true: each `path` must itself be a mount point, else critical; false: never mind. "
            "Default: critical when it lay on a mount of its own before."
        ),
    ] = None

    def problems(self) -> Iterable[tuple[str, str]]:
        if bool(self.path) == bool(self.mounts):
            yield "path", "give either a path, such as `path: /data`, or `mounts: all`"
        for path in texts(self.path):
            if problem := _find_path_problem(path):
                yield "path", problem
        if len({clean(path) for path in texts(self.path)}) < len(texts(self.path)):
            yield "path", "the same path stands there twice, leave one out"
        yield from self._problems_of_filters()
        if self.mounts and self.mounted:
            yield "mounted", "says that a path must be a mount point: name the mounts with `path`"
        if self.critical_only_below == 0:
            yield "critical_only_below", "0B switches critical off: leave it out, or write critical: null"
        if self.critical_only_below is not None and self.critical is None:
            yield "critical_only_below", "limits `critical`, which is off: leave one of them out"

    def _problems_of_filters(self) -> Iterator[tuple[str, str]]:
        if self.path and self.include:
            yield "include", "belongs to `mounts: all`, leave it out with `path`"
        if self.path and self.exclude != Filter():
            yield "exclude", "belongs to `mounts: all`, leave it out with `path`"
        for setting in ("include", "exclude"):
            for problem in (getattr(self, setting) or Filter()).problems():
                yield setting, problem
        if self.mounts:
            yield from (("exclude", problem) for problem in self.exclude.leftover_problems(self.include))
        if self.include == Filter():
            yield "include", "names nothing: leave it out, every disk is taken then"

    def run(self, ctx: Context) -> Iterator[Result]:
        table = mountinfo.read_host()
        places = self._places(table)
        writable = _note_writable(ctx.memory, places, table)
        changes = find_changes(ctx.memory, places, ctx.now()) if self.path and self.mounted is None else {}
        answers = measure(ctx, [place for place in places if self._worth_a_look(place)])
        answers_by_space = merge_pools(places, answers) if self.mounts else answers
        # Of the datasets of a ZFS pool one speaks for those that share its space.
        alone = [place for place in places if place.path in answers_by_space or place.path not in answers]
        for place in alone:
            news = changes.get(place.name, [])
            if any(one.status is Status.CRITICAL for one in news):
                yield self._whole(place.name, news)
            elif parts := self._assess(place, answers_by_space.get(place.path), place.mount_name in writable):
                yield self._whole(place.name, news + parts)
        if self.mounts:
            yield from self._find_missing(ctx, {place.name for place in alone}, table)
            yield from self._thin_pools(ctx)

    def _thin_pools(self, ctx: Context) -> Iterator[Result]:
        for pool in thin_pools.pools(ctx, thin_pools.names(host_path(thin_pools.BLOCK))):
            if takes(pool.as_mount, self.include, self.exclude):
                yield self._whole(pool.subject, thin_pools.assess_pool(pool, self._levels()))

    def _find_missing(self, ctx: Context, names: set[str], table: MountTable) -> Iterator[Result]:
        """Say which mounts are gone; one for which another mount of its disk is told now is still there."""
        there = {printable(mount.point) for mount in table.mounts}
        before = set(ctx.memory.get("lasting", ()))
        choice = repr((self.include, self.exclude))
        yield from find_missing(ctx.memory, sorted(names | (there & before)), choice, ctx.now())

    @classmethod
    def discover(cls, host: Host) -> Iterator[Suggestion]:
        from checks.disk.discovered import suggestions

        return suggestions(host)

    def _places(self, table: MountTable) -> list[Place]:
        if self.mounts is None:
            return [Place.of(path, table) for path in texts(self.path)]
        mounts = choose(table, self.include, self.exclude, is_folder)
        if not mounts:
            raise CheckError("no mount matches, see `include` and `exclude`")
        return [Place.of_mount(mount, table) for mount in mounts]

    def _worth_a_look(self, place: Place) -> bool:
        """An autofs trigger is never touched: that would mount it, or hang."""
        return not place.automount and (place.is_mount_point or not self.mounted)

    def _assess(self, place: Place, answer: Usage | Exception | None, was_writable: bool) -> list[Result]:
        """Say all there is about one place; nothing where `mounts: all` met what is no disk after all."""
        if place.mount and place.mount.hides:
            return [nodata("is hidden from the agent: its unit says ProtectHome, InaccessiblePaths or the like")]
        if self.mounted and not place.is_mount_point:
            return [critical(f"is not mounted: {place.instead}")]
        if answer is None:
            return [ok("is not mounted now, autofs mounts it on use")]
        if self.mounts and place.not_for_us(answer):
            return []
        errors = find_errors(place.mount) if place.mount else ()
        return [*self._read_only(place, was_writable), *self._usage(place, answer), *errors]

    def _read_only(self, place: Place, was_writable: bool) -> Iterator[Result]:
        mount = place.mount
        if mount is None or not mount.read_only:
            return
        if mount.failure and self.writable is not False:
            yield critical(f"read-only, stopped by the kernel after an error ({mount.failure}, {place.origin})")
        elif self.writable or (was_writable and self.writable is None):
            yield critical(f"read-only{' but was writable' if was_writable else ''} ({place.origin})")
        else:
            yield ok("read-only")

    def _usage(self, place: Place, answer: Usage | Exception) -> list[Result]:
        if isinstance(answer, OSError):
            status = critical if answer.errno in DEAD else nodata
            return [status(f"{answer.strerror or answer} ({place.origin})")]
        if isinstance(answer, CheckError):
            return [nodata(f"{answer} ({place.origin})")]
        if isinstance(answer, Exception):
            raise answer
        if answer.total <= 0:
            return [nodata(f"has no size ({place.origin})")]
        if not answer.sound:
            words = f"tells {size_text(answer.free)} free of {size_text(answer.total)}, which cannot be"
            return [nodata(f"{words} ({place.origin})")]
        # What nobody can write to cannot fill up: an image is always full.
        read_only = place.mount is not None and place.mount.cannot_fill
        if place.mount and place.mount.type.startswith("fuse") and not answer.inodes_free:
            answer = replace(answer, inodes=0)  # many count what they have, and call none free
        return assess(answer, Levels() if read_only else self._levels(), place.name)

    def _levels(self) -> Levels:
        return Levels(**{name: getattr(self, name) for name in Levels.__struct_fields__})

    def _whole(self, subject: str, parts: list[Result]) -> Result:
        """Make one result of a place, in reading order; what `mounts: all` finds, nobody named."""
        status = min((part.status for part in parts), key=WORST_FIRST.index)
        summary = ", ".join(part.summary for part in parts if part.summary)
        metrics = tuple(metric for part in parts for metric in part.metrics)
        return Result(status, f"{subject} {summary}", subject, "", metrics, self.mounts is not None)


def _note_writable(memory: dict[str, Any], places: Iterable[Place], table: MountTable) -> frozenset[str]:
    """Remember which mounts are writable now, or were when they were looked at last; return those of the last run."""
    before = frozenset(memory.get("writable", ()))
    now = {place.mount_name for place in places if place.mount and not place.mount.read_only}
    memory["writable"] = sorted(now | (before & {printable(mount.point) for mount in table.mounts}))
    return before


def _find_path_problem(path: str) -> str:
    if not path.startswith("/") or "\0" in path:
        return f"{path!r} is not a whole path, write for example /data"
    if ", /" in path:
        return f"{path!r} is one path: write several as a list, [{path}]"
    if "*" in path or "?" in path:
        return f"{path!r} has a wildcard: write `mounts: all` and `include: {{mount: {path!r}}}`"
    if ".." in path.split("/"):
        return f"{path!r}: behind a link .. leads elsewhere than it looks, write the path without"
    return ""
