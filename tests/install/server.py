"""An empty Debian server of our own: a root by mmdebstrap, and with systemd-nspawn a system that runs."""

from __future__ import annotations

import functools
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from tests.host import needs

ROOT = Path(__file__).parent.parent.parent
CODENAMES = {"deb12": "bookworm", "deb13": "trixie"}
NO_MOUNTS = "--skip=check/qemu,cleanup/apt/lists"


@functools.cache
def package(target: str) -> Path:
    """Build a package as `make packages` does."""
    subprocess.run([sys.executable, ROOT / "packaging/build.py", target], check=True, timeout=1800)
    return next((ROOT / "dist").glob(f"hostvigil_*_{target}_x86_64.*"))


class Server:
    """One root. Outside `booted` commands run in it as if by chroot, inside beside its systemd."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._leader = 0

    def run(self, command: str, code: int | None = 0, given: str = "", seconds: float = 300) -> str:
        """Run a line of shell as root; return what it said, both ways."""
        into = [
            "unshare",
            "--mount",
            "--pid",
            "--fork",
            "--kill-child",
            f"--root={self.root}",
            "--mount-proc",
            "--wd=/",
        ]
        if self._leader:
            into = [
                "nsenter",
                f"--target={self._leader}",
                "--mount",
                "--pid",
                "--ipc",
                "--uts",
                "--net",
                "--root",
                "--wdns=/",
            ]
        words = [
            *into,
            "/usr/bin/env",
            "-i",
            "PATH=/usr/sbin:/usr/bin:/sbin:/bin",
            "LC_ALL=C.UTF-8",
            "sh",
            "-c",
            command,
        ]
        done = subprocess.run(
            words,
            input=given,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=seconds,
            check=False,
        )
        if code is not None:
            assert done.returncode == code, f"{command}: {done.returncode}\n{done.stdout}"
        return done.stdout

    def until(self, command: str, seconds: float = 60) -> str:
        """Run a line of shell until it exits 0."""
        end = time.monotonic() + seconds
        while True:
            said = self.run(f'{command}; echo "=$?"')
            if said.endswith("=0\n"):
                return said.removesuffix("=0\n")
            assert time.monotonic() < end, f"{command}: {said}"
            time.sleep(0.2)

    def put(self, file: Path) -> str:
        """Copy a file into it; return its path there."""
        shutil.copy(file, self.root / "root")
        return f"/root/{file.name}"

    @contextmanager
    def booted(self, *options: str) -> Iterator[Server]:
        """Run its systemd as PID 1, with more options of systemd-nspawn.

        The network is ours, so that a stand-in on loopback is reached, unless `--private-network` is given.
        """
        nspawn = needs.command("systemd-nspawn", "systemd-container")
        log = self.root.with_suffix(".log").open("w")
        words = [
            nspawn,
            "--quiet",
            "--register=no",
            "--keep-unit",
            "--kill-signal=SIGRTMIN+4",
            *options,
            "-D",
            str(self.root),
            "-b",
        ]
        process = subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        try:
            self._leader = _leader(process)
            self.until("systemctl is-system-running --wait | grep -qE 'running|degraded'", 90)
            yield self
        finally:
            self._leader = 0
            process.terminate()
            with suppress(subprocess.TimeoutExpired):
                process.wait(30)
            process.kill()
            log.close()


def _leader(process: subprocess.Popen[bytes]) -> int:
    """Return the process that is PID 1 inside."""
    end = time.monotonic() + 30
    while time.monotonic() < end and process.poll() is None:
        for child in Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split():
            with suppress(OSError):
                if Path(f"/proc/{child}/comm").read_text().strip() == "systemd":
                    return int(child)
        time.sleep(0.05)
    raise AssertionError("systemd did not start in it")


@contextmanager
def server(target: str, *packages: str) -> Iterator[Server]:
    """Make an empty server of a release, with these packages."""
    needs.root()
    program = needs.command("mmdebstrap", "mmdebstrap")
    with tempfile.TemporaryDirectory(prefix="hostvigil-install-") as folder:
        root = Path(folder) / "root"
        include = [f"--include={','.join(packages)}"] if packages else []
        words = [
            program,
            "--quiet",
            "--variant=minbase",
            "--mode=root",
            NO_MOUNTS,
            *include,
            CODENAMES[target],
            str(root),
        ]
        subprocess.run(words, check=True, timeout=1800, stdin=subprocess.DEVNULL)
        shutil.copy("/etc/resolv.conf", root / "etc/resolv.conf")
        yield Server(root)
