"""A release in a clone: what forbids one, what it leaves, and that anybody can prove whose it is."""

from __future__ import annotations

import hashlib
import importlib
import json
import re
import subprocess
import sys
from datetime import date
from pathlib import Path
from types import ModuleType

import pytest

import agent
from tests.host import needs

ROOT = Path(__file__).parents[2]
TODAY = date(2030, 2, 3)
AUTHOR = ("-c", "user.name=A Tester", "-c", "user.email=tester@a.example", "-c", "commit.gpgSign=false")


def module(name: str) -> ModuleType:
    """Load a part of packaging/, which is a folder of programs and no package."""
    if str(ROOT / "packaging") not in sys.path:
        sys.path.append(str(ROOT / "packaging"))
    return importlib.import_module(name)


def git(folder: Path, *words: str) -> str:
    done = subprocess.run(["git", "-C", folder, *AUTHOR, *words], capture_output=True, text=True, check=True)
    return done.stdout.strip()


@pytest.fixture(scope="module")
def origin(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make a repository of the files that a release touches, as they are in this tree."""
    folder = tmp_path_factory.mktemp("origin")
    for name in (*module("release").WRITTEN, "CHANGELOG.md", ".gitignore"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text((ROOT / name).read_text())
    changelog = "# Changelog\n\n## Unreleased\n\n- A change.\n\n## 0.0.9 (2029-01-01)\n\n- The first.\n"
    (folder / "CHANGELOG.md").write_text(changelog)
    git(folder, "init", "--quiet", "--initial-branch=main")
    git(folder, "add", "--all")
    git(folder, "commit", "--quiet", "--message=All")
    git(folder, "tag", "--annotate", "--message=0.0.9", "v0.0.9")
    return folder


@pytest.fixture
def clone(origin: Path, tmp_path: Path) -> Path:
    folder = tmp_path / "clone"
    subprocess.run(["git", "clone", "--quiet", origin, folder], check=True)
    for setting in AUTHOR[1::2]:
        git(folder, "config", *setting.split("=", 1))
    return folder


@pytest.fixture
def key(tmp_path: Path) -> Path:
    file = tmp_path / "key"
    keygen = needs.command("ssh-keygen", "openssh-client")
    subprocess.run([keygen, "-q", "-t", "ed25519", "-N", "", "-C", "a test", "-f", file], check=True)
    return file


def build(clone: Path) -> int:
    """Make one package and the checksums, as the building does; returns its exit code."""
    folder = clone / "dist"
    folder.mkdir(exist_ok=True)
    (folder / "hostvigil_9.deb").write_bytes(b"a package")
    checksum = hashlib.sha256(b"a package").hexdigest()
    (folder / "SHA256SUMS").write_text(f"{checksum}  hostvigil_9.deb\n")
    return 0


def make(clone: Path, version: str, key: Path, code: int = 0) -> None:
    module("release").release(clone, version, key, TODAY, lambda: code or build(clone))


def test_a_release_is_a_version_a_heading_a_commit_a_tag_and_signed_files(clone: Path, key: Path) -> None:
    make(clone, "1.2.3", key)
    assert git(clone, "status", "--porcelain") == ""
    assert git(clone, "describe", "--exact-match") == "v1.2.3"
    assert git(clone, "log", "-1", "--format=%s") == "Release 1.2.3"
    assert "## Unreleased\n\n## 1.2.3 (2030-02-03)\n\n- A change." in (clone / "CHANGELOG.md").read_text()
    assert '__version__ = "1.2.3"' in (clone / "agent/__init__.py").read_text()
    assert "hostvigil_package: dist/hostvigil_1.2.3-1_deb12" in (clone / "docs/installation.md").read_text()
    assert {file.name for file in (clone / "dist").iterdir()} == {"hostvigil_9.deb", "SHA256SUMS", "SHA256SUMS.sig"}


def test_each_place_that_names_the_version_is_written(clone: Path, key: Path) -> None:
    make(clone, "1.2.3", key)
    files = subprocess.run(["git", "-C", ROOT, "ls-files"], capture_output=True, text=True, check=True).stdout.split()
    named = set()
    for name in files:
        if name.startswith(("tests/", "CHANGELOG", "DECISIONS")) or not (ROOT / name).is_file():
            continue
        text = (ROOT / name).read_text(errors="replace")
        if re.search(
            rf"(?:hostvigil|__version__)[^\n]{{0,30}}(?<![.0-9]){re.escape(agent.__version__)}(?![.0-9])", text
        ):
            named.add(name)
    assert named == module("release").WRITTEN.keys()
    for name in named:
        assert "1.2.3" in (clone / name).read_text()


def test_one_may_name_the_packages_to_build(monkeypatch: pytest.MonkeyPatch, key: Path) -> None:
    given: list[object] = []
    monkeypatch.setattr(module("release"), "release", lambda *words: given.append(words[4]()))
    monkeypatch.setattr(module("build"), "main", lambda names: given.append(names))
    assert module("release").main(["1.2.3", "--key", str(key), "deb12", "el9"]) == 0
    assert given[0] == {"deb12", "el9"}


def spoil(clone: Path, how: str) -> None:
    if how == "dirty":
        (clone / "README.md").write_text("another")
    elif how == "new file":
        (clone / "left-over.txt").write_text("")
    elif how == "empty":
        changelog = clone / "CHANGELOG.md"
        changelog.write_text(changelog.read_text().replace("- A change.\n", ""))
        git(clone, "commit", "--quiet", "--all", "--message=Nothing new")
    elif how == "version":
        (clone / "agent/__init__.py").write_text("")
        git(clone, "commit", "--quiet", "--all", "--message=No version")


@pytest.mark.parametrize(
    ("version", "how", "words"),
    [
        ("1.2", "", "'1.2' is no version"),
        ("v1.2.3", "", "'v1.2.3' is no version"),
        ("1.2.3; reboot", "", "is no version"),
        ("0.0.9", "", "0.0.9 was released already"),
        ("0.0.8", "", "older than what was released last"),
        ("0.0.9rc1", "", "older than what was released last"),
        ("1.2.3", "dirty", "the tree is not clean"),
        ("1.2.3", "new file", "the tree is not clean"),
        ("1.2.3", "empty", "nothing under Unreleased"),
        ("1.2.3", "version", "agent/__init__.py does not say its version"),
    ],
)
def test_what_is_wrong_is_refused_before_anything_is_changed(
    clone: Path, key: Path, version: str, how: str, words: str
) -> None:
    spoil(clone, how)
    before = git(clone, "rev-parse", "HEAD"), git(clone, "status", "--porcelain")
    with pytest.raises(module("release").Refused, match=words):
        make(clone, version, key)
    assert (git(clone, "rev-parse", "HEAD"), git(clone, "status", "--porcelain")) == before
    assert git(clone, "tag", "--list") == "v0.0.9"


def test_a_build_that_fails_or_a_key_that_is_none_leaves_nothing(clone: Path, key: Path, tmp_path: Path) -> None:
    before = git(clone, "rev-parse", "HEAD")
    with pytest.raises(module("release").Refused, match="not built"):
        make(clone, "1.2.3", key, code=2)
    with pytest.raises(module("release").Refused, match="is not there"):
        make(clone, "1.2.3", tmp_path / "none")
    (tmp_path / "no-key").write_text("nothing")
    with pytest.raises(subprocess.CalledProcessError):
        make(clone, "1.2.3", tmp_path / "no-key")
    assert git(clone, "rev-parse", "HEAD") == before
    assert git(clone, "status", "--porcelain") == ""
    assert git(clone, "tag", "--list") == "v0.0.9"


def verified(folder: Path, tmp_path: Path, key: Path) -> bool:
    """Do what docs/installation.md says, with our key in the list of signers."""
    (tmp_path / "hostvigil.signers").write_text(
        f'releases@hostvigil namespaces="hostvigil" {key.with_suffix(".pub").read_text()}'
    )
    document = (ROOT / "docs/installation.md").read_text()
    [block] = re.findall(r"```sh\n(ssh-keygen -Y verify .*?)```", document, re.S)
    script = block.replace("packaging/hostvigil.signers", str(tmp_path / "hostvigil.signers"))
    return not subprocess.run(["sh", "-ec", script], cwd=folder, capture_output=True, check=False).returncode


def test_the_documented_lines_prove_whose_the_files_are(clone: Path, key: Path, tmp_path: Path) -> None:
    make(clone, "1.2.3", key)
    folder = clone / "dist"
    assert verified(folder, tmp_path, key)
    (folder / "hostvigil_9.deb").write_bytes(b"another package")
    assert not verified(folder, tmp_path, key), "a file that is another"
    sums = folder / "SHA256SUMS"
    sums.write_text(f"{hashlib.sha256(b'another package').hexdigest()}  hostvigil_9.deb\n")
    assert not verified(folder, tmp_path, key), "checksums that fit, but were not signed"
    foreign = tmp_path / "foreign"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", foreign], check=True)
    module("signing").sign(folder, foreign)
    assert not verified(folder, tmp_path, key), "signed by somebody else"
    assert verified(folder, tmp_path, foreign), "and for him it holds"


def test_the_list_of_what_is_shipped_is_the_lock_file_and_the_same_each_time() -> None:
    lock = (ROOT / "packaging/agent.lock").read_text()
    bill = module("sbom").bill
    text = bill(lock, "1.2.3", "2030-02-03T00:00:00+00:00")
    assert text == bill(lock, "1.2.3", "2030-02-03T00:00:00+00:00")
    about = json.loads(text)
    assert {f"{one['name']}=={one['version']}" for one in about["components"]} == set(
        re.findall(r"^([a-z0-9-]+==[^ ;]+)", lock, re.M)
    )
    assert sum(len(one["hashes"]) for one in about["components"]) == lock.count("--hash=sha256:")
    assert about["serialNumber"] != json.loads(bill(lock, "1.2.4", "2030-02-03T00:00:00+00:00"))["serialNumber"]


def test_each_package_that_is_shipped_has_somebody_who_needs_it() -> None:
    about = json.loads(module("sbom").bill((ROOT / "packaging/agent.lock").read_text(), "1", "2030-02-03T00:00:00Z"))
    needed = {reference for one in about["dependencies"] for reference in one["dependsOn"]}
    assert needed == {one["bom-ref"] for one in about["components"]}


@pytest.mark.parametrize(
    ("said", "code", "result"),
    [
        ("No known vulnerabilities found", 0, 0),
        ("Found 1 known vulnerability in 1 package", 1, 1),
        ("ConnectionError: no such host", 1, 3),
        ("ERROR:pip_audit._cli:x: Dependency not found", 1, 3),
        ("", 1, 3),
    ],
)
def test_an_audit_that_could_not_ask_never_reads_as_no_fault(
    said: str, code: int, result: int, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    program = tmp_path / "pip-audit"
    program.write_text(f"#!/bin/sh\necho '{said}' >&2\nexit {code}\n")
    program.chmod(0o755)
    assert module("audit").main(program) == result
    if result == 3:
        assert "could not be asked, so nothing is known" in capsys.readouterr().err


def test_an_audit_has_a_deadline(tmp_path: Path) -> None:
    program = tmp_path / "pip-audit"
    program.write_text("#!/bin/sh\nexec sleep 60\n")
    program.chmod(0o755)
    assert module("audit").main(program, seconds=0.2) == 3
