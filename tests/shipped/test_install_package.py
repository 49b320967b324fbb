"""The Debian package on an empty Debian 12 without systemd: install, run, set up, remove, purge."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path

import pytest

from tests.host import needs
from tests.install.server import Server, package, server
from tests.stand_ins.api import ApiStandIn

pytestmark = [pytest.mark.package, pytest.mark.slow]
ENVIRONMENT = "/opt/hostvigil/lib/python3.11/site-packages"


@pytest.fixture(scope="module")
def deb() -> Path:
    tools = shutil.which("nfpm", path=str(Path(sys.executable).parent))
    if tools is None or int(metadata.version("setuptools").split(".")[0]) < 77:
        needs.missing("nfpm and setuptools of the lock files: make .venv/installed-dev")
    return package("deb12")


@pytest.fixture(scope="module")
def host(deb: Path) -> Iterator[Server]:
    depends = subprocess.run(["dpkg-deb", "-f", deb, "Depends"], capture_output=True, text=True, check=True).stdout
    with server("deb12", *(word.split()[0] for word in depends.split(","))) as empty:
        empty.run(f"umask 077; dpkg -i {empty.put(deb)}")
        yield empty


def test_the_command_works_and_all_of_it_is_compiled_for_all_to_read(host: Server) -> None:
    assert host.run("hostvigil version").startswith("hostvigil ")
    assert host.run("hostvigil validate").endswith("no problems\n")
    assert "in use" in host.run("hostvigil check process-numbers")
    host.run("/opt/hostvigil/bin/python -I -c 'import nats'")  # what a fleet needs
    assert host.run(f"find {ENVIRONMENT} ! -perm -o=r") == ""
    sources = int(host.run(f"find {ENVIRONMENT} -name '*.py' | wc -l"))
    assert int(host.run(f"find {ENVIRONMENT} -name '*.pyc' | wc -l")) == sources


def test_root_uses_nothing_of_its_own_environment(host: Server) -> None:
    host.run("mkdir -p /srv/evil && echo 'raise SystemExit(99)' >/srv/evil/agent.py")
    said = host.run("cd /srv/evil && PYTHONPATH=/srv/evil PYTHONHOME=/srv/evil hostvigil version")
    assert said.startswith("hostvigil ")


def test_the_agents_user_reads_the_drop_ins_and_others_do_not(host: Server) -> None:
    host.run("setpriv --reuid hostvigil --regid hostvigil --init-groups hostvigil validate")
    host.run("setpriv --reuid nobody --regid nogroup --clear-groups ls /etc/hostvigil/conf.d", code=2)


def test_setup_stores_the_key_and_sends_the_first_event(host: Server) -> None:
    with ApiStandIn() as api:
        host.run(f"hostvigil setup --yes --no-start --endpoint {api.url} --key-file -", given=f"{api.key}\n")
        assert len(api.accepted) == 1
    assert host.run("stat -c '%a %U %G' /etc/hostvigil/api_key").strip() == "640 root hostvigil"


def test_removed_it_leaves_configuration_and_state_and_purged_nothing(host: Server) -> None:
    host.run("hostvigil status; touch /var/lib/hostvigil/hostvigil.db; dpkg --remove hostvigil", code=0)
    host.run("test -e /etc/hostvigil/api_key && test -e /var/lib/hostvigil/hostvigil.db && ! test -e /opt/hostvigil")
    host.run("dpkg --purge hostvigil")
    left = host.run("find / -xdev -iname '*hostvigil*' -not -path '/root/*' -not -path '/proc/*'")
    assert left == ""
