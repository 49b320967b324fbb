"""A place to look at, and looking at it without getting stuck."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path

import msgspec

from agent.api import CheckError, Context, host_path
from checks.disk.mountinfo import Mount, MountTable, clean
from checks.disk.usage import Usage

DEAD = frozenset(
    getattr(errno, name)
    for name in ("EIO", "ESTALE", "EUCLEAN", "EREMOTEIO", "ENXIO", "ENODEV", "ESHUTDOWN")
    if hasattr(errno, name)
)
"""What the kernel says of a filesystem that is there and works no more."""


class Place(msgspec.Struct, frozen=True):
    """A configured path or a mount point, and the mount it is on."""

    path: str
    real: str
    """The path without symbolic links, as far as they can be followed safely."""
    mount: Mount | None
    root: str = ""
    """Where the host's files lie for us, in a container."""

    @classmethod
    def of(cls, path: str, table: MountTable) -> Place:
        real = table.resolve(clean(path))
        return cls(path, real, table.at(real), table.root)

    @classmethod
    def of_mount(cls, mount: Mount, table: MountTable) -> Place:
        return cls(mount.point, mount.point, mount, table.root)

    @property
    def way(self) -> str:
        """The path to look at; in a container a symbolic link would lead out of the host's files."""
        return self.root + self.real if self.root else self.path

    @property
    def name(self) -> str:
        return printable(self.path)

    @property
    def mount_name(self) -> str:
        return printable(self.mount.point) if self.mount else ""

    @property
    def automount(self) -> bool:
        return self.mount is not None and self.mount.type == "autofs"

    @property
    def is_mount_point(self) -> bool:
        return self.mount is not None and self.mount.point == self.real and not self.automount

    @property
    def identity(self) -> str:
        """What tells this filesystem from another of its type, over restarts of the host: a UUID or a server's share.

        Empty where nothing does; /dev/sda may be another disk tomorrow.
        """
        if self.mount is None:
            return ""
        return (
            printable(self.mount.device)
            if self.mount.remote
            else uuid_of(self.mount.device_number, host_path("/dev/disk/by-uuid"))
        )

    @property
    def origin(self) -> str:
        return printable(f"{self.mount.type} {self.mount.device}") if self.mount else "mount not known"

    @property
    def instead(self) -> str:
        if self.automount:
            return "autofs waits for its first use"
        return f"the path is on {self.mount_name} ({self.origin})"

    def not_for_us(self, answer: Usage | Exception) -> bool:
        """Tell a pseudo filesystem by its size, and a user's own FUSE mount, where not even root may look."""
        if isinstance(answer, Usage):
            return answer.total <= 0
        return isinstance(answer, PermissionError) and self.mount is not None and self.mount.type.startswith("fuse")


def uuid_of(device_number: str, names: Path) -> str:
    """Return the UUID of a filesystem by the number of its device, as udev knows it; empty where it does not."""
    if not names.is_dir():
        return ""
    for name in names.iterdir():
        with suppress(OSError):  # a link of a device that has just gone
            number = name.stat().st_rdev
            if f"{os.major(number)}:{os.minor(number)}" == device_number:
                return name.name
    return ""


def measure(ctx: Context, places: Iterable[Place]) -> dict[str, Usage | Exception]:
    """Measure places side by side by the deadline, all places on one mount in one thread: it may get stuck there."""
    by_mount: dict[str, list[Place]] = {}
    for place in places:
        by_mount.setdefault(place.mount.point if place.mount else "", []).append(place)
    answers = ctx.calls({f"statvfs {mount or on[0].path}": _look(mount, on) for mount, on in by_mount.items()})
    return {
        place.path: answer if isinstance(answer, Exception) else answer.get(place.path, CheckError("not answering"))
        for mount, on in by_mount.items()
        for place in on
        for answer in (answers[f"statvfs {mount or on[0].path}"],)
    }


def _look(mount: str, places: list[Place]) -> Callable[[], dict[str, Usage | Exception]]:
    def look() -> dict[str, Usage | Exception]:
        dead = look_at_root(places[0].root + mount) if mount else None
        return {place.path: dead or _usage(place) for place in places}

    return look


def _usage(place: Place) -> Usage | Exception:
    try:
        kind = os.stat(place.way).st_mode  # noqa: PTH116 - each run
        if (stat.S_ISBLK(kind) or stat.S_ISCHR(kind)) and not place.is_mount_point:
            # Else it would be said how full /dev is.
            return CheckError("is a device: write where it is mounted, as df shows it")
        return Usage.measure(place.way)
    except OSError as error:
        return error


def look_at_root(mount: str) -> OSError | None:
    """Open a mount's root and read one name there: an XFS that shut down tells its size as if nothing had happened.

    What may not be looked at, or is no folder, is none of that.
    """
    try:
        root = _open(mount)
    except OSError as error:
        return error if error.errno in DEAD else None
    try:
        with os.scandir(root) as names:
            next(names, None)
    except OSError as error:
        return error if error.errno in DEAD else None
    finally:
        os.close(root)
    return None


def _open(mount: str) -> int:
    flags = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
    try:
        return os.open(mount, flags | getattr(os, "O_NOATIME", 0))
    except PermissionError:  # to read without a trace is its owner's right
        return os.open(mount, flags)


def printable(text: str) -> str:
    """Names may be any bytes: what cannot be shown or sent is escaped."""
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() else char.encode("unicode_escape").decode() for char in text)
