"""The rpm's life in a root: Debian 12 stands in for EL 9, as it has the same Python and a newer C library."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator

import pytest

from tests.host import needs
from tests.install.server import Server, package, server

EDITED = "/etc/hostvigil/conf.d/disk.yaml"


@pytest.fixture(scope="module")
def host() -> Iterator[Server]:
    with server("deb12", "python3.11", "passwd") as empty:
        yield empty


def rpm(host: Server, *words: str, code: int = 0) -> str:
    """Run rpm on that root; it knows nothing of Debian's packages, so it is told not to look for what it needs."""
    program = needs.command("rpm", "rpm")
    done = subprocess.run(
        [program, "--root", host.root, *words], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False
    )
    assert done.returncode == code, done.stdout
    return done.stdout


def test_installing_makes_a_user_a_command_and_a_configuration_without_problems(host: Server) -> None:
    said = rpm(host, "--nodeps", "--install", str(package("el9")))
    assert "hostvigil setup" in said
    assert host.run("hostvigil validate").endswith("no problems\n")
    assert host.run("stat -c '%a %U %G' /etc/hostvigil/conf.d /var/lib/hostvigil").split("\n")[:2] == [
        "2750 root hostvigil",
        "710 hostvigil hostvigil",
    ]
    # The group is made by the package itself, so the folder gets it after it was laid down.
    assert rpm(host, "--verify", "--nodeps", "hostvigil", code=1).split() == ["......G..", "/etc/hostvigil/conf.d"]


def test_the_agent_looks_and_believes(host: Server) -> None:
    said = host.run("hostvigil check memory --config /etc/hostvigil/conf.d; hostvigil version")
    assert "available" in said


def test_installing_it_anew_keeps_what_was_edited(host: Server) -> None:
    host.run(f"echo '# mine' >>{EDITED}")
    rpm(host, "--nodeps", "--upgrade", "--replacepkgs", str(package("el9")))
    assert host.run(f"tail -n1 {EDITED}").strip() == "# mine"
    assert host.run("hostvigil validate").endswith("no problems\n")


def test_erasing_leaves_what_was_edited_and_the_state(host: Server) -> None:
    rpm(host, "--erase", "hostvigil")
    assert host.run("ls -d /opt/hostvigil /usr/bin/hostvigil 2>/dev/null", code=2) == ""
    assert host.run(f"tail -n1 {EDITED}.rpmsave").strip() == "# mine"
    host.run("test -d /var/lib/hostvigil && id hostvigil")
