"""The image, built as the document says and run on this host: what it tells is the host's (make install-tests)."""

from __future__ import annotations

import os
import re
import resource
import shlex
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.host import needs
from tests.install.server import ROOT, server
from tests.stand_ins.api import ApiStandIn

DOCUMENT = (ROOT / "docs/installation.md").read_text()
BASE = "docker.io/library/python:3.13-slim"
STAND_IN = """FROM localhost/hostvigil-debian13
RUN ln -s /usr/bin/python3.13 /usr/local/bin/python && ln -s /usr/bin/python3.13 /usr/local/bin/python3
"""
DROP_IN = """
agent: {{events: {{endpoint: "{url}", api_key: "${{file:/etc/hostvigil/api_key}}"}}}}
checks:
  disks: {{type: disk, path: /, warning: 0%, critical: 100%}}
  absent: {{type: process, name: no-such-name}}
  present: {{type: process, name: {name}}}
"""


def podman(*words: str, seconds: float = 900) -> str:
    """Storage by copies and cgroups by the kernel's own files: what works inside a container or a small machine too."""
    program = needs.command("podman", "podman runc buildah")
    done = subprocess.run(
        [program, "--storage-driver=vfs", "--cgroup-manager=cgroupfs", *words],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=seconds,
        check=False,
        stdin=subprocess.DEVNULL,
    )
    assert done.returncode == 0, f"podman {shlex.join(words)}\n{done.stdout[-3000:]}"
    return done.stdout


@pytest.fixture(scope="module")
def image(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    needs.root()
    name = "localhost/hostvigil-trial"
    made = [name]
    if BASE not in podman("images", "--format", "{{.Repository}}:{{.Tag}}"):
        made += [BASE, "localhost/hostvigil-debian13"]
        folder = tmp_path_factory.mktemp("base")
        with server("deb13", "python3.13", "python3.13-venv", "ca-certificates") as empty:
            packed = folder / "root.tar"
            subprocess.run(["tar", "-C", empty.root, "-cf", packed, "."], check=True)
        podman("import", "--quiet", str(packed), "localhost/hostvigil-debian13:latest")
        packed.unlink()
        (folder / "Dockerfile").write_text(STAND_IN)
        podman("build", "--isolation=chroot", "--pull=never", "-t", BASE, str(folder))
    # What this host knows of its package index and its authorities, the build must know.
    ours = [f"--volume={file}:{file}:ro" for file in _index_settings() if Path(file).exists()]
    podman(
        *("build", "--isolation=chroot", "--network=host", "--pull=never", *ours),
        *("-f", str(ROOT / "packaging/container/Dockerfile"), "-t", name, str(ROOT)),
    )
    yield name
    podman("rmi", "--force", *made)


def _index_settings() -> tuple[str, ...]:
    return ("/etc/pip.conf", "/etc/ssl/certs/ca-certificates.crt")


def documented_flags() -> list[str]:
    """Return the flags of `docker run` as the document writes them, but for what keeps it running."""
    [words] = re.findall(
        r"^docker run -d --name hostvigil --restart unless-stopped (.*?) hostvigil$", DOCUMENT, re.M | re.S
    )
    return shlex.split(words.replace("\\\n", " ").replace('"$(hostname)"', os.uname().nodename))


def own_flags(image: str) -> list[str]:
    """Limits that may be set without rights over them; runc goes where crun does not."""
    limit = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    return [f"--ulimit=nofile={limit}:{limit}", "--ulimit=nproc=4096:4096", image]


def test_the_image_with_the_documented_flags_tells_of_the_host(image: str, tmp_path: Path) -> None:
    (tmp_path / "conf.d").mkdir()
    tmp_path.chmod(0o755)
    flags = [word.replace("/etc/hostvigil:", f"{tmp_path}:", 1) for word in documented_flags()]
    flags = [word.replace("hostvigil:/var", "hostvigil-trial:/var") for word in flags]
    with ApiStandIn() as api:
        (tmp_path / "api_key").write_text(api.key)
        (tmp_path / "api_key").chmod(0o644)
        name = Path("/proc/1/comm").read_text().strip()
        (tmp_path / "conf.d/trial.yaml").write_text(DROP_IN.format(url=api.url, name=name))
        podman("run", "-d", "--name=hostvigil-trial", "--runtime=runc", *flags, *own_flags(image))
        try:
            api.wait_for(2, seconds=60)
            listed = podman("exec", "hostvigil-trial", "hostvigil", "status")
        finally:
            print(podman("logs", "hostvigil-trial"))
            podman("rm", "--force", "--volumes", "--time=10", "hostvigil-trial")
            podman("volume", "rm", "hostvigil-trial")
    told = {event["customTags"]["check_name"]: event["customTags"] for event in api.accepted}
    assert told.keys() == {"disks", "absent"}
    release = dict(line.split("=", 1) for line in Path("/etc/os-release").read_text().splitlines() if "=" in line)
    assert told["disks"]["os_version"] == f"{release['ID']} {release['VERSION_ID']}".replace('"', "")
    assert told["disks"]["host"] == os.uname().nodename
    assert re.search(rf"^ok +present .*{name}: \d+ running", listed, re.M), listed
