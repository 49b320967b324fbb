"""What is mounted where: reads mountinfo without touching a single mount, so it cannot hang."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from contextlib import suppress
from fnmatch import fnmatchcase
from functools import lru_cache
from os import fsdecode
from os.path import normpath
from pathlib import Path

import msgspec

from agent.api import CheckError, host_path

# What answers over a network or from another process, and so may never answer.
REMOTE = (
    "9p",
    "afs",
    "ceph",
    "cifs",
    "fuse",
    "fuse.*",
    "glusterfs",
    "lustre",
    "ncpfs",
    "nfs",
    "nfs4",
    "smb*",
    "virtiofs",
)


class Mount(msgspec.Struct, frozen=True):
    """One line of mountinfo. Source: proc_pid_mountinfo(5)."""

    id: int
    parent: int
    device_number: str
    """major:minor: the same wherever one filesystem is mounted, also on bind mounts and btrfs subvolumes."""
    root: str
    """The part of the filesystem that is mounted; "/" is all of it."""
    point: str
    type: str
    device: str
    options: frozenset[str] = frozenset()
    """Of this mount; of the whole filesystem: `super_options`."""
    super_options: frozenset[str] = frozenset()
    copied: bool = False
    """A copy in a mount namespace below the host's, such as a systemd service's sandbox."""

    @property
    def remote(self) -> bool:
        return any(fnmatchcase(self.type, pattern) for pattern in REMOTE)

    @property
    def hides(self) -> bool:
        """Tell whether systemd laid it over what is there, for this service only (ProtectHome, InaccessiblePaths)."""
        return "/systemd/inaccessible/" in self.root

    @property
    def failure(self) -> str:
        """Say how the kernel stopped writing after an error, if it did: newer ext4 goes on to call itself `rw` then."""
        return ", ".join(sorted(self.super_options & {"emergency_ro", "shutdown"}))

    @property
    def read_only(self) -> bool:
        # A sandbox (ProtectSystem=strict) shows us the host's disks read-only: then only the filesystem's word counts.
        return bool(self.failure) or "ro" in self.super_options or ("ro" in self.options and not self.copied)

    @property
    def cannot_fill(self) -> bool:
        """Tell whether nobody can write to the filesystem; where only this mount of it is read-only, others may."""
        return bool(self.failure) or "ro" in (self.super_options or self.options)


class MountTable:
    """All mounts, and which one a path is on. Immutable: many runs may ask it."""

    def __init__(self, mounts: Iterable[Mount], root: str = "") -> None:
        """`root` is where the mounts of the host lie for us, in a container; else empty."""
        self.root = root
        by_id = {mount.id: mount for mount in mounts}
        self.mounts = tuple(by_id.values())
        # A parent outside the table is outside our root directory: then the walk begins here.
        self._above = {(mount.parent if mount.parent in by_id else None, mount.point): mount for mount in self.mounts}

    def at(self, place: str) -> Mount | None:
        """Return the mount an absolute path is on, walking down as the kernel does; symbolic links are not followed."""
        here: Mount | None = None
        for prefix in _prefixes(place):
            while above := self._above.get((here.id if here else None, prefix)):
                here = above
        return here

    def may_hang(self, place: str) -> bool:
        """Tell whether the way to a place leads over what answers from elsewhere, or mounts when it is touched."""
        ways = [mount for mount in map(self.at, _prefixes(place)) if mount]
        return any(mount.remote or mount.type == "autofs" for mount in ways)

    def resolve(self, place: str) -> str:
        """Follow symbolic links up to the first remote mount, beyond which looking might hang."""
        for _ in range(40):  # the kernel's own limit
            for prefix in _prefixes(place):
                mount = self.at(prefix)
                if mount and (mount.remote or mount.type == "autofs"):
                    return place
                if target := _link(self.root + prefix):
                    place = clean(str(Path(prefix).parent / target / place[len(prefix) + 1 :]))
                    break
            else:
                break
        return place


def parse(text: bytes) -> Iterator[Mount]:
    """Yield the mounts of a mountinfo file; lines that are none are passed over, names may be any bytes."""
    for line in text.split(b"\n"):
        try:
            yield _mount(line)
        except ValueError:
            continue


def _mount(line: bytes) -> Mount:
    fields = [_unescape(field) if "\\" in field else field for field in fsdecode(line).split(" ")]
    end = fields.index("-", 6)
    number, parent, device_number, root, point, options = fields[:6]
    type_, device, *super_options = fields[end + 1 :]
    return Mount(
        id=int(number),
        parent=int(parent),
        device_number=device_number,
        root=root,
        point=point,
        type=type_,
        device=device,
        options=frozenset(options.split(",")),
        super_options=frozenset(" ".join(super_options).split(",")),
        copied=any(field.startswith("master:") for field in fields[6:end]),
    )


def _unescape(field: str) -> str:
    r"""Undo the kernel's octal escapes: a space is \040."""
    return re.sub(r"\\([01][0-7]{2})", lambda match: chr(int(match[1], 8)), field)


def clean(place: str) -> str:
    """Take out what changes nothing, also the second of two leading slashes, which POSIX would keep."""
    return "/" + normpath(place).lstrip("/")


def _link(place: str) -> Path | None:
    try:
        return Path(place).readlink()
    except OSError:
        return None


def _prefixes(place: str) -> Iterator[str]:
    """`/a/b` -> `/`, `/a`, `/a/b`."""
    yield "/"
    end = place.find("/", 1)
    while end > 0:
        yield place[:end]
        end = place.find("/", end + 1)
    if place != "/":
        yield place


def read(source: Path = Path("/proc/self/mountinfo"), root: str = "") -> MountTable:
    """Read what is mounted now; where there is no mountinfo (macOS), ask psutil."""
    with suppress(FileNotFoundError, NotADirectoryError):
        return _table(source.read_bytes(), root)
    if root:
        raise CheckError(f"{source} is not there: it says what is mounted on the host")
    import psutil

    mounts: list[Mount] = []
    partitions = sorted(psutil.disk_partitions(all=True), key=lambda partition: len(partition.mountpoint))
    for number, part in enumerate(partitions, 1):
        parent = MountTable(mounts).at(part.mountpoint)
        options = frozenset(part.opts.split(","))
        above = parent.id if parent else 0
        mounts.append(
            Mount(
                id=number,
                parent=above,
                device_number=part.device,
                root="/",
                point=part.mountpoint,
                type=part.fstype,
                device=part.device,
                options=options,
            )
        )
    return MountTable(mounts)


@lru_cache(1)
def _table(text: bytes, root: str) -> MountTable:
    """Read a text once: what is mounted seldom changes between two runs."""
    return MountTable(parse(text), root)


def read_host() -> MountTable:
    """Read what is mounted on the host: in a container (HOST_ROOT) that is what the host's first process sees."""
    root = str(host_path("/")).rstrip("/")
    return read(host_path("/proc/1/mountinfo"), root) if root else read()
