"""Makes a release in one step: version, heading in the changelog, commit, packages, signature, tag (`make release`).

Everything that can be wrong is looked at first. Where the building fails, the commit is taken back.
"""

from __future__ import annotations

import argparse
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime
from pathlib import Path

import build
import signing

VERSION = re.compile(r"\d+\.\d+\.\d+(?:(?:a|b|rc)\d+)?")
WRITTEN = {
    "agent/__init__.py": '__version__ = "{}"',
    "packaging/kubernetes/daemonset.yaml": "image: hostvigil:{}",
    "docs/installation.md": "hostvigil_package: dist/hostvigil_{}-1_deb12_x86_64.deb",
}
"""Where the version stands, by file; a test looks for places that are not here."""
UNRELEASED = "## Unreleased\n"


class Refused(Exception):
    """A release that is not made; nothing was changed."""


def main(words: list[str] | None = None) -> int:
    """Make the release that the words ask for; return the exit code."""
    options = argparse.ArgumentParser(prog="make release", description=__doc__)
    options.add_argument("version")
    options.add_argument("--key", type=Path, required=True, help="private key of SSH, or the public half of an agent's")
    options.add_argument("targets", nargs="*", help="packages to build; default: all")
    arguments = options.parse_intermixed_args(words)
    try:
        release(
            build.ROOT,
            arguments.version,
            arguments.key,
            datetime.now(UTC).date(),
            lambda: build.main(set(arguments.targets)),
        )
    except (Refused, subprocess.CalledProcessError) as error:
        print(f"no release: {error}", file=sys.stderr)
        return 1
    print(f"{arguments.version} is made; nothing left this machine. Look at dist/, then: git push --follow-tags")
    return 0


def release(root: Path, version: str, key: Path, today: date, make: Callable[[], int]) -> None:
    """Make a release of what is checked out at `root`; `make` fills dist/ and returns 0. Refused changes nothing."""
    changelog = (root / "CHANGELOG.md").read_text()
    if why := next(_reasons(root, version, key, changelog), ""):
        raise Refused(why)
    before = _git(root, "rev-parse", "HEAD")
    _write(root, version, changelog, today)
    _git(root, "commit", "--quiet", "--all", "--message", f"Release {version}")
    try:
        for old in (root / "dist").glob("*"):
            old.unlink()
        if make():
            raise Refused("the packages were not built, see above")
        signing.sign(root / "dist", key)
        _git(root, "tag", "--annotate", "--message", f"hostvigil {version}", f"v{version}")
    except BaseException:
        # The tree was clean, so nothing of anybody is lost by this.
        _git(root, "reset", "--quiet", "--hard", before)
        raise


def _reasons(root: Path, version: str, key: Path, changelog: str) -> Iterator[str]:
    """Yield what forbids it, the cheapest look first."""
    if not VERSION.fullmatch(version):
        yield f"{version!r} is no version, write for example 1.2.3 or 1.2.3rc1"
    if not key.is_file():
        yield f"{key} is not there: --key names the key that signs the checksums"
    if changes := _git(root, "status", "--porcelain"):
        yield f"the tree is not clean, commit or put away:\n{changes}"
    if _git(root, "tag", "--list", f"v{version}") or f"\n## {version} " in changelog:
        yield f"{version} was released already"
    newest = max((_order(tag[1:]) for tag in _git(root, "tag", "--list", "v*").split()), default=())
    if newest and _order(version) < newest:
        yield f"{version} is older than what was released last"
    if not _entries(changelog):
        yield "CHANGELOG.md has nothing under Unreleased"
    for name, form in WRITTEN.items():
        if not _place(form).search((root / name).read_text()):
            yield f"{name} does not say its version as {form!r}"


def _order(version: str) -> tuple[int, ...]:
    """1.2.3rc1 comes before 1.2.3, and after 1.2.2."""
    numbers, kind, count = re.fullmatch(r"([\d.]+)(?:(a|b|rc)(\d+))?", version).groups()  # type: ignore[union-attr]
    before = ("a", "b", "rc").index(kind) if kind else 3
    return (*map(int, numbers.split(".")), before, int(count or 0))


def _entries(changelog: str) -> list[str]:
    _, heading, after = changelog.partition(UNRELEASED)
    return re.findall(r"^- .+", after.partition("\n## ")[0], re.M) if heading else []


def _write(root: Path, version: str, changelog: str, today: date) -> None:
    for name, form in WRITTEN.items():
        file = root / name
        text = file.read_text()
        file.write_text(_place(form).sub(form.format(version), text))
    dated = changelog.replace(UNRELEASED, f"{UNRELEASED}\n## {version} ({today})\n", 1)
    (root / "CHANGELOG.md").write_text(dated)


def _place(form: str) -> re.Pattern[str]:
    return re.compile(re.escape(form).replace(re.escape("{}"), VERSION.pattern))


def _git(root: Path, *words: str) -> str:
    done = subprocess.run(["git", "-C", root, *words], capture_output=True, text=True, check=False)
    if done.returncode:
        raise Refused(f"git {words[0]}: {done.stderr.strip()}")
    return done.stdout.strip()


if __name__ == "__main__":
    sys.exit(main())
