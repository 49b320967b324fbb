"""hostvigil discover: look at the host, and write drop-ins for what was found; overwrites nothing."""

from __future__ import annotations

import argparse
import os
import pwd
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from agent.cli.answers.missing import hanging
from agent.cli.output import fail
from agent.config.drop_ins import load
from agent.config.types.catalog import Catalog
from agent.plugin.host import Host
from agent.running.discovery import Candidate, discover, drop_in, try_out

AGENT_USER = "hostvigil"
NOTHING_WRITTEN = 1


def main(options: argparse.Namespace) -> int:
    """Exits 0; 1 when every file that would be written exists already; 2 when nothing can be written."""
    catalog = Catalog()
    config = load(options.config, catalog, os.environ)
    if text := hanging(config, options.config):
        return fail(text)
    discovery = discover(config, catalog, Host())
    problems = list(discovery.problems)
    if config.problems and any(options.config.glob("*.y*ml")):
        problems.append("the configuration has problems, see `hostvigil validate`: what is wrong counts as not there")
    for problem in problems:
        print(f"hostvigil: {problem}", file=sys.stderr)
    with _as_user(AGENT_USER):
        by_type = try_out(discovery.candidates)
    files = {options.config / f"found-{kind}.yaml": checks for kind, checks in by_type.items()}
    if not files:
        print(f"nothing was found that {options.config} does not look at already")
        return 0
    if options.dry_run:
        print("\n".join(f"# {file}\n{drop_in(checks)}" for file, checks in files.items()), end="")
        return 0
    try:
        return _write(options.config, files)
    except PermissionError:
        raise
    except OSError as error:
        return fail(f"{error.filename or options.config}: {error.strerror}")


def _write(directory: Path, files: Mapping[Path, tuple[Candidate, ...]]) -> int:
    directory.mkdir(parents=True, exist_ok=True, mode=0o750)
    fresh = [file for file, checks in files.items() if write_new(file, drop_in(checks))]
    for file, checks in files.items():
        print(f"{file}: {_list_names(checks) if file in fresh else 'exists already, left as it is'}")
    if not fresh:
        return NOTHING_WRITTEN
    if any(one.off for file in fresh for one in files[file]):
        print("what is off is commented out, and says why")
    print(f"the running agent takes them over by: hostvigil reload --config {directory}")
    return 0


def write_new(file: Path, text: str) -> bool:
    """Write a file that its directory's readers may read, unless something of that name is there."""
    place = file.parent.stat()
    mode = 0o600 | (0o040 if place.st_mode & 0o010 else 0) | (0o004 if place.st_mode & 0o001 else 0)
    try:
        descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    except FileExistsError:
        return False
    try:
        with os.fdopen(descriptor, "w") as out:
            if os.geteuid() == 0:
                os.fchown(descriptor, -1, place.st_gid)
            os.fchmod(descriptor, mode)
            out.write(text)
    except OSError:
        file.unlink()
        raise
    return True


def _list_names(checks: tuple[Candidate, ...]) -> str:
    on, off = ([one.name for one in checks if bool(one.off) is is_off] for is_off in (False, True))
    return "; ".join(filter(None, (", ".join(on), f"off: {', '.join(off)}" if off else "")))


@contextmanager
def _as_user(name: str) -> Iterator[None]:
    """Be the user the agent runs as, where we may: what only root can see would be nodata from then on."""
    try:
        user = pwd.getpwnam(name) if os.geteuid() == 0 else None
    except KeyError:
        user = None
    if user is None:
        yield
        return
    group, groups = os.getegid(), os.getgroups()
    os.setgroups(os.getgrouplist(name, user.pw_gid))
    os.setegid(user.pw_gid)
    os.seteuid(user.pw_uid)
    try:
        yield
    finally:
        os.seteuid(0)
        os.setegid(group)
        os.setgroups(groups)
