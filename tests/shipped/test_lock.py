"""The lock files: exactly what was tried, by checksums; each dependency is in them, and no server's name is."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
AGENT, DEV, BUILD, PACKAGES = (
    ROOT / name
    for name in ("requirements.lock", "requirements-dev.lock", "packaging/build.lock", "packaging/agent.lock")
)
WANTED = {
    AGENT: PROJECT["project"]["dependencies"],
    DEV: PROJECT["project"]["dependencies"] + PROJECT["project"]["optional-dependencies"]["dev"],
    PACKAGES: PROJECT["project"]["dependencies"] + PROJECT["project"]["optional-dependencies"]["fleet"],
    BUILD: PROJECT["build-system"]["requires"],
}


def locked(file: Path) -> dict[str, str]:
    """Return each package with its version."""
    return dict(re.findall(r"^([a-z0-9.-]+)==(\S+)", file.read_text(), re.M))


def canonical(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


@pytest.mark.parametrize("file", WANTED, ids=lambda file: file.name)
def test_each_dependency_is_locked_in_a_version_that_it_allows(file: Path) -> None:
    versions = locked(file)
    for text in WANTED[file]:
        wanted = Requirement(text)
        version = versions.get(canonical(wanted.name))
        assert version is not None, f"{wanted.name} is not in {file.name}: make lock"
        assert version in wanted.specifier, (
            f"{file.name} has {wanted.name} {version}, pyproject.toml wants {text}: make lock"
        )


@pytest.mark.parametrize("file", WANTED, ids=lambda file: file.name)
def test_each_package_has_checksums_and_no_server_is_named(file: Path) -> None:
    text = file.read_text()
    packages = re.split(r"^(?=[a-z])", text, flags=re.M)[1:]
    assert packages
    assert all("--hash=sha256:" in package for package in packages)
    assert not re.search(r"://|^--?[a-z]", text, re.M)


def test_what_develops_the_agent_has_the_agents_own_versions() -> None:
    assert locked(AGENT).items() <= locked(DEV).items()
    assert locked(AGENT).items() <= locked(PACKAGES).items()
