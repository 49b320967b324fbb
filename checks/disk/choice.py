"""Which mounts are disks: by what they are, and only where that does not suffice by where they lie."""

from __future__ import annotations

import stat
from collections.abc import Callable, Iterator
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Annotated

import msgspec

from checks._leftover import find_problem as find_problem_of_rest
from checks._wildcards import find_problem
from checks.disk.mountinfo import Mount, MountTable

# Nothing is stored there, or it is an image that is always full. What has no size at all is left out by its size.
NOT_DISKS = (
    *("aufs", "autofs", "binfmt_misc", "bpf", "cgroup", "cgroup2", "configfs", "debugfs", "devpts", "devtmpfs"),
    *("efivarfs", "fusectl", "hugetlbfs", "mqueue", "nsfs", "overlay", "proc", "pstore", "ramfs", "rootfs"),
    *("rpc_pipefs", "securityfs", "selinuxfs", "sysfs", "tracefs"),
    *("cramfs", "erofs", "iso9660", "romfs", "squashfs", "udf", "fuse.snapfuse", "fuse.squashfuse"),
    *("fuse.fuse-overlayfs", "fuse.gvfsd-fuse", "fuse.lxcfs", "fuse.portal"),
)
# Mounts that come and go with sessions and containers, or are parts of one.
NOT_PLACES = (
    *("/dev", "/dev/[!s]*", "/dev/s[!h]*", "/proc/*", "/sys/*", "/run/*", "/var/run/*", "/snap/*", "/var/lib/snapd/*"),
    *("/etc/hostname", "/etc/hosts", "/etc/resolv.conf"),
    # Images and layers of containers. Their volumes are disks like any other.
    *("*/docker/aufs/*", "*/docker/btrfs/*", "*/docker/containers/*", "*/docker/devicemapper/*"),
    *("*/docker/overlay/*", "*/docker/overlay2/*", "*/docker/plugins/*", "*/docker/zfs/*"),
    *("*/containers/storage/btrfs/*", "*/containers/storage/overlay/*", "*/containers/storage/overlay-containers/*"),
    *("*/containers/storage/zfs/*", "/var/lib/containerd/*/sandboxes/*", "*/containers/*/mounts/shm", "*/userdata/shm"),
)
IN_MEMORY_OF_PODS = "/var/lib/kubelet/*"
"""Secrets and settings of pods are tmpfs there; volumes are not."""


class Filter(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Mounts by glob patterns, where `*` also stands for slashes; one match, of whatever kind, is enough."""

    mount: Annotated[str | tuple[str, ...], msgspec.Meta(description="Mount points, such as `/srv/*`.")] = ()
    device: Annotated[str | tuple[str, ...], msgspec.Meta(description="Devices, such as `/dev/sd*`.")] = ()
    type: Annotated[str | tuple[str, ...], msgspec.Meta(description="Filesystem types, such as `nfs*`.")] = ()

    def matches(self, mount: Mount) -> bool:
        pairs = ((mount.point, self.mount), (mount.device, self.device), (mount.type, self.type))
        return any(fnmatchcase(value, pattern) for value, patterns in pairs for pattern in texts(patterns))

    def problems(self) -> Iterator[str]:
        """Say which patterns can fit nothing: a mount point is a whole path, and no slash ends it."""
        yield from filter(None, map(find_problem, (*texts(self.mount), *texts(self.device), *texts(self.type))))
        for point in texts(self.mount):
            if point != "/" and point.endswith("/"):
                yield f"{point!r} fits no mount point, leave out the slash at its end"
            elif not point.startswith(("/", "*", "?", "[")):
                yield f"{point!r} fits no mount point, write it with its slash: /{point}"

    @property
    def kinds(self) -> dict[str, tuple[str, ...]]:
        return {"mount": texts(self.mount), "device": texts(self.device), "type": texts(self.type)}

    def leftover_problems(self, include: Filter | None) -> Iterator[str]:
        """Say what of an `exclude` leaves nothing of all, or of `include`."""
        included = include.kinds if include else {}
        named = [kind for kind, patterns in included.items() if patterns]
        for kind, patterns in self.kinds.items():
            signs = "/" if kind == "mount" else ""
            yield from filter(None, [find_problem_of_rest(patterns, included[kind] if named == [kind] else (), signs)])


DEFAULT_EXCLUDE = Filter(mount=NOT_PLACES, type=NOT_DISKS)


def any_mount(table: MountTable, mount: Mount) -> bool:
    """Take every mount for a folder: where nothing may be touched."""
    return True


def is_folder(table: MountTable, mount: Mount) -> bool:
    """Tell whether a mount is one of a folder: containers bind single files, which are no place of a disk.

    Only what is bound is looked at, and only where that cannot hang; the rest counts as a folder.
    """
    if mount.root == "/" or table.may_hang(mount.point):
        return True
    try:
        return stat.S_ISDIR(Path(table.root + mount.point).stat().st_mode)
    except OSError:
        return True


def choose(
    table: MountTable,
    include: Filter | None,
    exclude: Filter,
    folder: Callable[[MountTable, Mount], bool] = any_mount,
) -> list[Mount]:
    """Pick what `mounts: all` means: each filesystem once, none that nobody can reach, and never an autofs trigger."""
    once: dict[str, Mount] = {}
    for mount in sorted(_candidates(table, include, exclude), key=_nearest_its_root):
        # A mount below one that was mounted over it later is not reachable: its name leads to that other one.
        if mount.device_number not in once and table.at(mount.point) is mount and folder(table, mount):
            once[mount.device_number] = mount
    return sorted(once.values(), key=lambda mount: mount.point)


def takes(mount: Mount, include: Filter | None, exclude: Filter) -> bool:
    """Tell whether the settings take what is no mount but a disk all the same."""
    return not exclude.matches(mount) and (include is None or include.matches(mount))


def _candidates(table: MountTable, include: Filter | None, exclude: Filter) -> Iterator[Mount]:
    for mount in table.mounts:
        is_taken = include.matches(mount) if include else _is_disk(mount)
        if is_taken and mount.type != "autofs" and not mount.hides and not exclude.matches(mount):
            yield mount


def _nearest_its_root(mount: Mount) -> tuple[bool, int, int, str]:
    return mount.point != "/", len(mount.root), len(mount.point), mount.point


def _is_disk(mount: Mount) -> bool:
    """In a container the root is an overlay, and it is the disk."""
    if mount.point == "/":
        return True
    of_pods = mount.type == "tmpfs" and fnmatchcase(mount.point, IN_MEMORY_OF_PODS)
    return not of_pods and not DEFAULT_EXCLUDE.matches(mount)


def texts(value: str | tuple[str, ...]) -> tuple[str, ...]:
    return (value,) if isinstance(value, str) else value
