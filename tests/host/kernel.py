"""Real mounts for tests, in a mount namespace of their own, so that nobody else on the machine sees them."""

from __future__ import annotations

import ctypes
import fcntl
import os
import struct
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Thread

LIBC = ctypes.CDLL(None, use_errno=True)
MS_RDONLY, MS_REMOUNT, MS_BIND, MS_REC, MS_PRIVATE, MS_SLAVE, MS_SHARED = 1, 32, 4096, 16384, 1 << 18, 1 << 19, 1 << 20
MNT_DETACH = 2
CLONE_NEWNS, CLONE_FS = 0x20000, 0x200


def _done(answer: int) -> None:
    if answer:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))


def mount(source: str, target: Path, kind: str = "", flags: int = 0, options: str = "", *, fresh: bool = True) -> Path:
    if fresh:
        target.mkdir(parents=True, exist_ok=True)
    _done(LIBC.mount(source.encode(), os.fsencode(target), kind.encode(), flags, options.encode()))
    return target


def unmount(target: Path) -> None:
    _done(LIBC.umount2(os.fsencode(target), MNT_DETACH))


def change(target: Path, flags: int) -> None:
    """Change how something is mounted: read-only, private, slave."""
    _done(LIBC.mount(None, os.fsencode(target), None, flags, None))


def enter(namespace: int) -> None:
    """Go to other mounts; the working directory is their root then."""
    _done(LIBC.setns(namespace, CLONE_NEWNS))


@contextmanager
def own_mounts(kind: int = MS_PRIVATE) -> Iterator[None]:
    """Give the main thread, and all it starts, mounts of its own; what is mounted inside is gone afterwards."""
    home, here = os.open("/proc/self/ns/mnt", os.O_RDONLY), Path.cwd()
    try:
        _done(LIBC.unshare(CLONE_NEWNS))
        change(Path("/"), MS_REC | kind)
        yield
    finally:
        # A thread that is just ending still shares our root directory, and setns refuses while anybody does.
        _done(LIBC.unshare(CLONE_FS))
        enter(home)
        os.chdir(here)
        os.close(home)


@contextmanager
def never_answering(target: Path) -> Iterator[Path]:
    """Mount a FUSE filesystem whose server never says a word, as a dead NFS server would not."""
    server = os.open("/dev/fuse", os.O_RDWR)
    try:
        yield mount("dead", target, "fuse", options=f"fd={server},rootmode=40000,user_id=0,group_id=0,allow_other")
    finally:
        unmount(target)
        os.close(server)


@contextmanager
def dead_server(target: Path) -> Iterator[Path]:
    """Mount a FUSE filesystem whose server has gone away."""
    server = os.open("/dev/fuse", os.O_RDWR)
    mount("dead", target, "fuse", options=f"fd={server},rootmode=40000,user_id=0,group_id=0,allow_other")
    os.close(server)
    yield target
    unmount(target)


@contextmanager
def answering(target: Path, files: tuple[int, int] = (10, 5), reading: int = 0) -> Iterator[Path]:
    """Mount a FUSE filesystem of one empty folder: half full, with (inodes, free ones); `reading` fails so (errno)."""
    server = os.open("/dev/fuse", os.O_RDWR)
    thread = Thread(target=_serve, args=(server, files, reading), daemon=True)
    try:
        mount("half", target, "fuse", options=f"fd={server},rootmode=40000,user_id=0,group_id=0,allow_other")
        thread.start()
        yield target
    finally:
        unmount(target)
        thread.join(5)
        os.close(server)


def _serve(server: int, files: tuple[int, int], reading: int) -> None:
    """Answer the kernel until it is unmounted. Source: linux/fuse.h."""
    answers = {
        26: struct.pack("=IIIIHHIIHHI28x", 7, 31, 65536, 0, 12, 9, 65536, 1, 1, 0, 0),
        3: struct.pack("=QII6Q10I", 60, 0, 0, 1, *[0] * 8, 0o40755, 2, 0, 0, 0, 4096, 0),
        17: struct.pack("=5Q4I24x", 1 << 20, 1 << 19, 1 << 19, *files, 4096, 255, 4096, 0),
        27: struct.pack("=QII", 1, 0, 0),
        28: b"",
        29: b"",
    }
    with suppress(OSError):
        while True:
            request = os.read(server, 1 << 20)
            code, number = struct.unpack_from("=IQ", request, 4)
            if code in (2, 42):  # what is forgotten wants no answer
                continue
            failed = reading if code == 28 else 0 if code in answers else 38
            body = b"" if failed else answers[code]
            os.write(server, struct.pack("=IiQ", 16 + len(body), -failed, number) + body)


def shut_down(target: Path) -> None:
    """Have an XFS stop at once, as after an error of its device. Source: FS_IOC_SHUTDOWN, `xfs_io -x -c shutdown`."""
    folder = os.open(target, os.O_RDONLY)
    try:
        fcntl.ioctl(folder, 0x8004587D, struct.pack("=I", 2))
    finally:
        os.close(folder)
