"""The Ansible role on an empty Debian 12, twice; container files by their checkers (make install-tests)."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import yaml

from tests.host import needs
from tests.install.server import ROOT, package, server
from tests.stand_ins.api import ApiStandIn

PACKAGING = ROOT / "packaging"


def test_the_role_brings_a_host_to_its_first_event_and_changes_nothing_the_second_time() -> None:
    with server("deb12", "systemd", "systemd-sysv", "dbus", "ca-certificates", "ansible-core") as host, host.booted():
        shutil.copytree(PACKAGING / "ansible", host.root / "root/ansible")
        with ApiStandIn() as api:
            settings = {
                "hostvigil_package": host.put(package("deb12")),
                "hostvigil_endpoint": api.url,
                "hostvigil_key": api.key,
                "hostvigil_drop_ins": {"tags": "agent: {tags: {env: trial}}\n"},
            }
            (host.root / "root/settings.yml").write_text(yaml.safe_dump(settings))
            play = "cd /root/ansible && ansible-playbook -i localhost, -c local site.yml -e @/root/settings.yml"
            host.run("apt-get update -qq")
            first = host.run(play, seconds=600)
            api.wait_for(1)
            second = host.run(play, seconds=600)
        print(first, second)
        assert "failed=0" in first
        assert "changed=0" in second
        assert host.run("systemctl is-active hostvigil").strip() == "active"
        assert api.accepted[0]["customTags"]["env"] == "trial"
        assert api.key not in first + second


def checked(*words: str | Path) -> None:
    done = subprocess.run(words, capture_output=True, text=True, check=False, cwd=PACKAGING / "ansible")
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_role_is_clean_for_ansible_lint() -> None:
    checked(needs.command("ansible-lint"), "--offline", "--profile", "production", "site.yml", "roles")


def test_the_dockerfile_is_clean_for_hadolint() -> None:
    checked(needs.command("hadolint"), PACKAGING / "container/Dockerfile")


def test_the_manifests_fit_the_schemas_of_kubernetes() -> None:
    checked(needs.command("kubernetes-validate"), "--strict", *sorted((PACKAGING / "kubernetes").glob("*.yaml")))
