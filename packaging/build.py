"""Builds deb, rpm, apk, wheel, sdist and SBOM into dist/: `packaging/build.py [TARGET ...]`, without one all.

For each release of a distribution one tree is staged (its Python's wheels by the checksums of agent.lock, the
agent, unit, drop-ins, documents) and packed by nfpm. Two builds of one commit are the same to the byte.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

import manuals
import papers
import sbom
import signing
import source

ROOT = Path(__file__).parent.parent
HERE = ROOT / "packaging"
DIST = ROOT / "dist"
HOME = "opt/hostvigil"
EPOCH = "SOURCE_DATE_EPOCH"
MAINTAINER = "hostvigil maintainers <maintainers@hostvigil.invalid>"
SCRIPTS = ("preinstall", "postinstall", "preremove", "postremove")
DESCRIPTION = """\
monitoring agent that tells each change of a check once
It runs checks of disks, processes, services, certificates and scripts
(Nagios plugins too), and tells every change of their status as one
event to TrueWatch, Guance or a webhook."""


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
X86_64 = (
    Target("deb12", "deb", "3.11", ("python3.11", "libc6 (>= 2.28)", "passwd")),
    Target("deb13", "deb", "3.13", ("python3.13", "libc6 (>= 2.28)", "passwd")),
    Target("ubuntu24.04", "deb", "3.12", ("python3.12", "libc6 (>= 2.28)", "passwd")),
    Target("el9", "rpm", "3.11", ("python3.11", "shadow-utils")),
    Target("alpine3.22", "apk", "3.12", ("python3~3.12", "shadow"), libc=("musllinux_1_2", "musllinux_1_1")),
)
TARGETS = {target.name: target for target in X86_64}
TARGETS |= {f"{target.name}-arm64": replace(target, machine="aarch64") for target in X86_64}


def main(names: set[str]) -> int:
    """Build these targets, all where none is named; return the exit code."""
    if unknown := names - TARGETS.keys():
        print(f"no target {', '.join(unknown)}: {', '.join(TARGETS)}", file=sys.stderr)
        return 2
    os.umask(0o022)
    os.environ.setdefault(EPOCH, _last_change())
    DIST.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as work:
        wheel = _wheel(Path(work))
        shutil.copy(wheel, DIST)
        source.sdist(Path(work) / "source", DIST, int(os.environ[EPOCH]))
        (DIST / f"hostvigil_{_version(wheel)}.cdx.json").write_text(_bill(wheel))
        for name, target in TARGETS.items():
            if not names or name in names:
                print(_package(target, wheel, Path(work) / name))
    _sums()
    return 0


def _sums() -> None:
    """Write the checksums of all that lies in dist/, for `sha256sum -c`."""
    files = sorted(file for file in DIST.glob("hostvigil*") if file.suffix != ".new")
    lines = [f"{hashlib.sha256(file.read_bytes()).hexdigest()}  {file.name}\n" for file in files]
    (DIST / signing.SUMS).write_text("".join(lines))
    (DIST / f"{signing.SUMS}.sig").unlink(missing_ok=True)


def _version(wheel: Path) -> str:
    return wheel.name.split("-")[1]


def _bill(wheel: Path) -> str:
    return sbom.bill((HERE / "agent.lock").read_text(), _version(wheel), _date())


def _last_change() -> str:
    """Return when the newest commit was made, in seconds since 1970; without git, the first day of 2026."""
    seconds = subprocess.run(
        ["git", "-C", ROOT, "log", "-1", "--format=%ct"], capture_output=True, text=True, check=False
    ).stdout
    return seconds.strip() or "1767225600"


def _wheel(work: Path) -> Path:
    """Build the agent's wheel from a copy, where nothing of an earlier build lies."""
    source.lay_out(ROOT, work / "source")
    _pip("wheel", "--no-deps", "--no-build-isolation", "--wheel-dir", str(work / "wheel"), str(work / "source"))
    return next((work / "wheel").glob("*.whl"))


def _package(target: Target, wheel: Path, work: Path) -> Path:
    stage = work / "stage"
    site = stage / HOME / f"lib/python{target.python}/site-packages"
    _fill(site, target, wheel)
    _environment(stage, target)
    _files(stage, target, site, _bill(wheel))
    version = _version(wheel)
    config = work / "nfpm.json"
    config.write_text(json.dumps(_nfpm(target, stage, version, work)))
    for path in sorted(stage.rglob("*"), reverse=True):
        os.utime(path, (int(os.environ[EPOCH]),) * 2, follow_symlinks=False)
    made = DIST / f"hostvigil_{version}-1_{target.name}_{target.machine}.{target.kind}"
    draft = work / made.name
    _run(Path(sys.executable).with_name("nfpm"), "package", "-f", config, "-p", target.kind, "-t", draft)
    shutil.move(draft, made.with_suffix(".new"))
    made.with_suffix(".new").replace(made)
    return made.relative_to(ROOT)


def _fill(site: Path, target: Target, wheel: Path) -> None:
    """Install what the agent is made of for a Python that need not be here."""
    platforms = [f"--platform={libc}_{target.machine}" for libc in target.libc]
    there = ["--target", str(site), "--no-deps", "--no-compile", "--only-binary=:all:", *platforms]
    there += [f"--python-version={target.python}", "--implementation=cp"]
    _pip("install", *there, "--require-hashes", "-r", str(HERE / "agent.lock"))
    agent = f"hostvigil=={_version(wheel)}"
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
    start = "import sys\n\nfrom agent.cli.__main__ import main\n\nsys.exit(main())\n"
    command.write_text(f"#!/{HOME}/bin/python -I\n{start}")
    command.chmod(0o755)
    (stage / "usr/bin").mkdir(parents=True)
    (stage / "usr/bin/hostvigil").symlink_to(f"/{HOME}/bin/hostvigil")


def _files(stage: Path, target: Target, site: Path, bill: str) -> None:
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
    if target.kind == "deb":
        _lay(HERE / "lintian-overrides", stage / "usr/share/lintian/overrides/hostvigil")
    for text in (ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))):
        shutil.copy(text, doc)
    (doc / "copyright").write_text(papers.licences(site, HOME))
    papers.write(doc / "sbom.cdx.json.gz", bill)
    papers.write(doc / "changelog.gz", (ROOT / "CHANGELOG.md").read_text())
    for name, page in (("man1/hostvigil.1", manuals.command()), ("man5/hostvigil.conf.5", manuals.configuration())):
        manual = stage / f"usr/share/man/{name}.gz"
        manual.parent.mkdir(parents=True)
        papers.write(manual, page)
    for path in stage.rglob("*"):
        if path.is_file() and not path.is_symlink():
            path.chmod(0o755 if path.stat().st_mode & 0o100 and path.suffix != ".so" else 0o644)


def _lay(source: Path, place: Path, mode: int = 0o644) -> None:
    place.parent.mkdir(parents=True, exist_ok=True)
    shutil.copy(source, place)
    place.chmod(mode)


def _nfpm(target: Target, stage: Path, version: str, work: Path) -> dict[str, object]:
    changes = work / "changes.yaml"
    changes.write_text(_changes(version))
    scripts = {name: str(HERE / f"scripts/{name}.sh") for name in SCRIPTS}
    return {
        "name": "hostvigil",
        "arch": {"x86_64": "amd64", "aarch64": "arm64"}[target.machine],
        "platform": "linux",
        "version": version,
        "release": f"1~{target.name}" if target.kind == "deb" else "1",
        "section": "admin",
        "priority": "optional",
        "maintainer": MAINTAINER,
        "description": DESCRIPTION,
        "license": "Apache-2.0",
        "homepage": "https://github.com/hostvigil/hostvigil",
        "depends": list(target.depends),
        "mtime": _date(),
        "changelog": str(changes),
        "contents": list(_contents(target, stage)),
        "scripts": scripts,
        "rpm": {
            "group": "System Environment/Daemons",
            "buildhost": "hostvigil",
            "summary": "Monitoring agent that tells each change of a check once",
        },
        "deb": {"compression": "xz"},
    }


def _contents(target: Target, stage: Path) -> Iterator[dict[str, object]]:
    root = {"owner": "root", "group": "root"}
    yield {"dst": "/etc/hostvigil/conf.d", "type": "dir", "file_info": {"mode": 0o2750, **root}}
    for path in sorted(stage.rglob("*")):
        place = f"/{path.relative_to(stage)}"
        if path.is_symlink():
            yield {"src": str(path.readlink()), "dst": place, "type": "symlink"}
        elif path.is_file():
            mode = path.stat().st_mode & 0o777
            yield {"src": str(path), "dst": place, "type": _type(target, place), "file_info": {"mode": mode, **root}}
        elif place.startswith(
            (f"/{HOME}", "/etc/hostvigil", "/usr/share/hostvigil", "/usr/share/doc/hostvigil")
        ) and not place.endswith("conf.d"):
            yield {"dst": place, "type": "dir", "file_info": {"mode": 0o755, **root}}


def _type(target: Target, place: str) -> str:
    if place.startswith("/etc/") and "init.d" not in place:
        return "config|noreplace"
    return "doc" if target.kind == "rpm" and place.startswith(("/usr/share/doc/", "/usr/share/man/")) else ""


def _changes(version: str) -> str:
    """Write the packaging's own changelog, in nfpm's form; ours is changelog.gz."""
    entry = {
        "semver": version,
        "date": _date(),
        "packager": MAINTAINER,
        "deb": {"urgency": "medium", "distributions": ["stable"]},
        "changes": [{"note": "See changelog.gz."}],
    }
    return json.dumps([entry])


def _date() -> str:
    return datetime.fromtimestamp(int(os.environ[EPOCH]), UTC).isoformat()


def _pip(*words: str) -> None:
    _run(sys.executable, "-m", "pip", "-qq", "--disable-pip-version-check", *words)


def _run(*words: str | Path) -> None:
    subprocess.run(words, check=True, stdout=subprocess.DEVNULL)


if __name__ == "__main__":
    sys.exit(main(set(sys.argv[1:])))
