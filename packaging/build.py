"""Builds deb, rpm and apk into dist/: `packaging/build.py [TARGET ...]`, without one all of them.

For each release of a distribution one tree is staged (its Python's wheels by the checksums of requirements.lock, the
agent, unit, drop-ins, documents) and packed by nfpm. Two builds of one commit are the same to the byte.
"""

from __future__ import annotations

import gzip
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from email.parser import Parser
from pathlib import Path

ROOT = Path(__file__).parent.parent
HERE = ROOT / "packaging"
DIST = ROOT / "dist"
HOME = "opt/hostvigil"
EPOCH = "SOURCE_DATE_EPOCH"
MAINTAINER = "hostvigil maintainers <maintainers@hostvigil.invalid>"


@dataclass(frozen=True)
class Target:
    """One package: C extensions bind it to one Python and one C library."""

    name: str
    kind: str
    """What nfpm makes: deb, rpm or apk."""
    python: str
    depends: tuple[str, ...]
    machine: str = "x86_64"
    libc: tuple[str, ...] = ("manylinux_2_28", "manylinux_2_17", "manylinux2014", "manylinux_2_12", "manylinux_2_5")
    """The platforms of wheels that run there."""


# python3.11 and not python3 (<< 3.12): the agent then lives on through the upgrade to the next Debian.
TARGETS = (
    Target("deb12", "deb", "3.11", ("python3.11", "libc6 (>= 2.28)", "passwd")),
    Target("deb13", "deb", "3.13", ("python3.13", "libc6 (>= 2.28)", "passwd")),
    Target("ubuntu24.04", "deb", "3.12", ("python3.12", "libc6 (>= 2.28)", "passwd")),
    Target("el9", "rpm", "3.11", ("python3.11", "shadow-utils")),
    Target("alpine3.22", "apk", "3.12", ("python3~3.12", "shadow"), libc=("musllinux_1_2", "musllinux_1_1")),
)


def main(names: list[str]) -> int:
    if unknown := set(names) - {target.name for target in TARGETS}:
        print(f"no target {', '.join(unknown)}: {', '.join(target.name for target in TARGETS)}", file=sys.stderr)
        return 2
    os.umask(0o022)
    os.environ.setdefault(EPOCH, _last_change())
    DIST.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as work:
        wheel = _wheel(Path(work))
        for target in TARGETS:
            if not names or target.name in names:
                print(_package(target, wheel, Path(work) / target.name))
    return 0


def _last_change() -> str:
    """Return when the newest commit was made; where there is none, the day of the changelog's format."""
    asked = subprocess.run(
        ["git", "-C", ROOT, "log", "-1", "--format=%ct"], capture_output=True, text=True, check=False
    )
    return asked.stdout.strip() or "1767225600"


def _wheel(work: Path) -> Path:
    """Build the agent's wheel from a copy, where nothing of an earlier build lies."""
    source = work / "source"
    for name in ("agent", "checks"):
        shutil.copytree(ROOT / name, source / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy2(ROOT / name, source)
    _pip("wheel", "--no-deps", "--no-build-isolation", "--wheel-dir", str(work / "wheel"), str(source))
    return next((work / "wheel").glob("*.whl"))


def _package(target: Target, wheel: Path, work: Path) -> Path:
    stage = work / "stage"
    site = stage / HOME / f"lib/python{target.python}/site-packages"
    _fill(site, target, wheel)
    _environment(stage, target)
    _files(stage, target, site)
    version = wheel.name.split("-")[1]
    config = work / "nfpm.json"
    config.write_text(json.dumps(_nfpm(target, stage, version, work)))
    for path in sorted(stage.rglob("*"), reverse=True):
        os.utime(path, (int(os.environ[EPOCH]),) * 2, follow_symlinks=False)
    made = DIST / f"hostvigil_{version}-1_{target.name}_{target.machine}.{target.kind}"
    _run(Path(sys.executable).with_name("nfpm"), "package", "-f", config, "-p", target.kind, "-t", made)
    return made.relative_to(ROOT)


def _fill(site: Path, target: Target, wheel: Path) -> None:
    """Install what the agent is made of for a Python that need not be here."""
    platforms = [f"--platform={libc}_{target.machine}" for libc in target.libc]
    there = ["--target", str(site), "--no-deps", "--no-compile", "--only-binary=:all:", *platforms]
    there += [f"--python-version={target.python}", "--implementation=cp"]
    _pip("install", *there, "--require-hashes", "-r", str(ROOT / "requirements.lock"))
    agent = f"hostvigil=={wheel.name.split('-')[1]}"
    _pip("install", *there, "--no-index", "--find-links", str(wheel.parent), agent)
    shutil.rmtree(site / "bin", ignore_errors=True)


def _environment(stage: Path, target: Target) -> None:
    """Make of it a virtual environment at its final place, with the command."""
    home = stage / HOME
    (home / "bin").mkdir()
    (home / "bin/python").symlink_to(f"/usr/bin/python{target.python}")
    (home / "pyvenv.cfg").write_text(
        f"home = /usr/bin\ninclude-system-site-packages = false\nversion = {target.python}\n"
    )
    command = home / "bin/hostvigil"
    command.write_text(f"#!/{HOME}/bin/python -I\nimport sys\n\nfrom agent.cli.main import main\n\nsys.exit(main())\n")
    command.chmod(0o755)
    (stage / "usr/bin").mkdir(parents=True)
    (stage / "usr/bin/hostvigil").symlink_to(f"/{HOME}/bin/hostvigil")


def _files(stage: Path, target: Target, site: Path) -> None:
    """Lay down what stands beside the environment."""
    drop_ins = stage / "etc/hostvigil/conf.d"
    samples = stage / "usr/share/hostvigil/samples"
    doc = stage / "usr/share/doc/hostvigil"
    for folder in (drop_ins, samples, doc):
        folder.mkdir(parents=True)
    for file in sorted((ROOT / "conf.d").glob("*.yaml*")):
        shutil.copy(file, samples if file.suffix == ".sample" else drop_ins)
    if target.kind == "apk":
        _lay(HERE / "openrc/hostvigil", stage / "etc/init.d/hostvigil", 0o755)
    else:
        _lay(HERE / "systemd/hostvigil.service", stage / "usr/lib/systemd/system/hostvigil.service")
    for text in (ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))):
        shutil.copy(text, doc)
    (doc / "copyright").write_text(_copyright(site))
    _zip(doc / "changelog.gz", (ROOT / "CHANGELOG.md").read_text())
    manual = stage / "usr/share/man/man1/hostvigil.1.gz"
    manual.parent.mkdir(parents=True)
    _zip(manual, _manual())
    for path in stage.rglob("*"):
        if path.is_file() and not path.is_symlink():
            path.chmod(0o755 if path.stat().st_mode & 0o100 and path.suffix != ".so" else 0o644)


def _lay(source: Path, place: Path, mode: int = 0o644) -> None:
    place.parent.mkdir(parents=True, exist_ok=True)
    shutil.copy(source, place)
    place.chmod(mode)


def _zip(file: Path, text: str) -> None:
    file.write_bytes(gzip.compress(text.encode(), 9, mtime=0))


def _copyright(site: Path) -> str:
    """Name the licence of the agent and of each package that comes with it."""
    parts = [
        "Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/",
        "Upstream-Name: hostvigil",
        "",
        "Files: *",
        "Copyright: 2026 hostvigil maintainers",
        "License: Apache-2.0",
        " On Debian systems, the full text is in /usr/share/common-licenses/Apache-2.0.",
        "",
        f"Comment: The packages below /{HOME}/lib have licences of their own; the texts are in *.dist-info there.",
    ]
    for file in sorted(site.glob("*.dist-info/METADATA")):
        about = Parser().parsestr(file.read_text(), headersonly=True)
        licence = about["License-Expression"] or (about["License"] or "see its dist-info").splitlines()[0]
        parts.append(f" {about['Name']} {about['Version']}: {licence}")
    return "\n".join(parts) + "\n"


def _manual() -> str:
    """Write the manual page from the command's own help."""
    from agent.cli.options import COMMANDS, DEFAULT_CONFIG, ROOT_STATE

    def said(text: str) -> str:
        return re.sub(r"^([.'])", r"\\&\1", text.replace("\\", "\\e").replace("-", "\\-"))

    commands = "".join(f".TP\n.B hostvigil {said(name)}\n{said(text)}\n" for name, text in COMMANDS.items())
    return (
        '.TH HOSTVIGIL 1 "" "hostvigil" "User Commands"\n.SH NAME\nhostvigil \\- monitoring agent for servers\n'
        ".SH SYNOPSIS\n.B hostvigil\n.I COMMAND\n[options]\n.SH DESCRIPTION\n"
        "Runs checks and tells every change of their status as an event.\n"
        ".B hostvigil \\fICOMMAND\\fB \\-\\-help\nsays what a command takes.\n"
        f".SH COMMANDS\n{commands}.SH FILES\n.TP\n.I {said(DEFAULT_CONFIG)}\nthe configuration\n"
        f".TP\n.I {said(ROOT_STATE)}\nwhat is believed, and what is still to be told\n"
        ".TP\n.I /usr/share/hostvigil/samples\ndrop\\-ins to copy from\n"
        ".SH SEE ALSO\n.I /usr/share/doc/hostvigil\n"
    )


def _nfpm(target: Target, stage: Path, version: str, work: Path) -> dict[str, object]:
    scripts = {
        name: str(HERE / f"scripts/{name}.sh") for name in ("preinstall", "postinstall", "preremove", "postremove")
    }
    return {
        "name": "hostvigil",
        "arch": {"x86_64": "amd64", "aarch64": "arm64"}[target.machine],
        "platform": "linux",
        "version": version,
        "release": f"1~{target.name}" if target.kind == "deb" else "1",
        "section": "admin",
        "priority": "optional",
        "maintainer": MAINTAINER,
        "description": "monitoring agent that tells each change of a check once\n"
        "It runs checks of disks, processes, services, certificates and scripts\n"
        "(Nagios plugins too), and tells every change of their status as one\n"
        "event to TrueWatch, Guance or a webhook.",
        "license": "Apache-2.0",
        "homepage": "https://github.com/hostvigil/hostvigil",
        "depends": list(target.depends),
        "mtime": datetime.fromtimestamp(int(os.environ[EPOCH]), UTC).isoformat(),
        "contents": list(_contents(target, stage, work)),
        "scripts": scripts,
        "rpm": {"group": "System Environment/Daemons", "buildhost": "hostvigil", "summary": "monitoring agent"},
        "deb": {"compression": "xz"},
    }


def _contents(target: Target, stage: Path, work: Path) -> Iterator[dict[str, object]]:
    root = {"owner": "root", "group": "root"}
    yield {"dst": "/etc/hostvigil/conf.d", "type": "dir", "file_info": {"mode": 0o2750, **root}}
    for path in sorted(stage.rglob("*")):
        place = f"/{path.relative_to(stage)}"
        if path.is_symlink():
            yield {"src": str(path.readlink()), "dst": place, "type": "symlink"}
        elif path.is_file():
            kind = {"type": "config|noreplace"} if place.startswith("/etc/") else {}
            mode = path.stat().st_mode & 0o777
            yield {"src": str(path), "dst": place, "file_info": {"mode": mode, **root}, **kind}
        elif place.startswith((f"/{HOME}", "/etc/hostvigil", "/usr/share/hostvigil")) and not place.endswith("conf.d"):
            yield {"dst": place, "type": "dir", "file_info": {"mode": 0o755, **root}}
    if target.kind == "deb":
        overrides = HERE / "lintian-overrides"
        yield {
            "src": str(overrides),
            "dst": "/usr/share/lintian/overrides/hostvigil",
            "file_info": {"mode": 0o644, **root},
        }
        changes = work / "changelog.Debian.gz"
        date = datetime.fromtimestamp(int(os.environ[EPOCH]), UTC).strftime("%a, %d %b %Y %H:%M:%S +0000")
        # Debian's own changelog holds what the packaging changed; ours is changelog.gz.
        _zip(changes, _debian_changelog(target, stage, date))
        yield {
            "src": str(changes),
            "dst": "/usr/share/doc/hostvigil/changelog.Debian.gz",
            "file_info": {"mode": 0o644, **root},
        }


def _debian_changelog(target: Target, stage: Path, date: str) -> str:
    version = next((stage / HOME).rglob("hostvigil-*.dist-info")).name.split("-")[1].removesuffix(".dist")
    head = f"hostvigil ({version}-1~{target.name}) stable; urgency=medium"
    return f"{head}\n\n  * See changelog.gz.\n\n -- {MAINTAINER}  {date}\n"


def _pip(*words: str) -> None:
    _run(sys.executable, "-m", "pip", "-qq", "--disable-pip-version-check", *words)


def _run(*words: str | Path) -> None:
    subprocess.run(words, check=True, stdout=subprocess.DEVNULL)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
