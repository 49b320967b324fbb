"""Empty Debian 12 and 13 with systemd as PID 1: three commands, then the life of a package (make install-tests)."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.host import needs
from tests.install.server import ROOT, Server, package, server
from tests.stand_ins.api import ApiStandIn

DROP_IN = "checks: {flag: {type: file, path: /srv/flag, expect: absent, interval: 2s}}"
NOT_OF_THIS_HOST = ("load", "pressure", "tcp", "http")
"""Types whose results are about the machine that the tests run on: its load, and the ports that others opened there."""


@pytest.fixture(scope="module", params=["deb12", "deb13"])
def target(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def api(target: str) -> Iterator[ApiStandIn]:
    """Each release has its own: what one host told is no other's."""
    with ApiStandIn() as stand_in:
        yield stand_in


@pytest.fixture(scope="module")
def host(target: str) -> Iterator[Server]:
    with server(target, "systemd", "systemd-sysv", "dbus", "ca-certificates") as empty, empty.booted():
        yield empty


def statuses(api: ApiStandIn, check: str) -> list[str]:
    return [event["status"] for event in api.accepted if event.get("customTags", {}).get("check_name") == check]


def newer(file: Path, folder: Path) -> Path:
    """Return the same package as a later version, in which a shipped drop-in and the version are others."""
    tree = folder / "tree"
    subprocess.run(["dpkg-deb", "-R", file, tree], check=True)
    control = tree / "DEBIAN/control"
    control.write_text(re.sub(r"^Version: (.*)$", r"Version: \1+newer", control.read_text(), flags=re.M))
    for name in ("disk", "load"):
        drop_in = tree / f"etc/hostvigil/conf.d/{name}.yaml"
        drop_in.write_text(drop_in.read_text() + "# newer\n")
    made = folder / "newer.deb"
    subprocess.run(["dpkg-deb", "--root-owner-group", "-b", tree, made], check=True, stdout=subprocess.DEVNULL)
    return made


def test_three_commands_lead_to_the_first_accepted_event(host: Server, api: ApiStandIn, target: str) -> None:
    there = host.put(package(target))
    began = time.monotonic()
    host.run("apt-get update -qq")
    said = host.run(f"DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends {there}")
    assert "hostvigil setup" in said
    said = host.run(f"hostvigil setup --yes --endpoint {api.url} --key-file -", given=f"{api.key}\n")
    api.wait_for(1, seconds=30)
    seconds = time.monotonic() - began
    print(f"{target}: 3 commands, {seconds:.0f} s to the first accepted event and a running agent\n{said}")
    assert host.run("systemctl is-active hostvigil; systemctl is-enabled hostvigil").split() == ["active", "enabled"]
    assert host.run("stat -c '%a %U %G' /etc/hostvigil/api_key /etc/hostvigil/conf.d").splitlines() == [
        "640 root hostvigil",
        "2750 root hostvigil",
    ]
    assert not api.rejections


def of_this_host(events: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [event for event in events if event["customTags"].get("check_type") not in NOT_OF_THIS_HOST]


def test_setup_again_changes_nothing(host: Server, api: ApiStandIn) -> None:
    listed = "find /etc/hostvigil -type f -printf '%p %T@ %m\\n' | sort"
    before, sent = host.run(listed), len(api.accepted)
    host.run(f"hostvigil setup --yes --endpoint {api.url} --key-file -", given=f"{api.key}\n")
    assert host.run(listed) == before
    assert of_this_host(api.accepted[sent:]) == []


def test_a_drop_in_that_root_writes_is_taken_over_whatever_the_umask(host: Server, api: ApiStandIn) -> None:
    host.run(f"umask 027; echo '{DROP_IN}' >/etc/hostvigil/conf.d/flag.yaml; hostvigil validate && hostvigil reload")
    host.until("hostvigil status | grep -qE '^ok +flag'")
    host.run("touch /srv/flag")
    api.wait_until(lambda: statuses(api, "flag") == ["critical"], 30, "event of flag")


def test_an_upgrade_keeps_edited_files_and_open_problems_and_tells_nothing_twice(
    host: Server, api: ApiStandIn, target: str, tmp_path: Path
) -> None:
    host.run("echo '# mine' >>/etc/hostvigil/conf.d/disk.yaml")
    there, sent = host.put(newer(package(target), tmp_path)), len(api.accepted)
    process = host.run("systemctl show -p MainPID --value hostvigil")
    host.run(f"DEBIAN_FRONTEND=noninteractive dpkg --force-confold -i {there}")
    assert host.run("systemctl is-active hostvigil").strip() == "active"
    assert host.run("systemctl show -p MainPID --value hostvigil") != process
    assert (
        host.run("tail -n1 /etc/hostvigil/conf.d/disk.yaml /etc/hostvigil/conf.d/load.yaml").split("\n")[1] == "# mine"
    )
    assert host.run("tail -n1 /etc/hostvigil/conf.d/load.yaml").strip() == "# newer"
    host.until("hostvigil status | grep -qE '^critical +flag'")
    time.sleep(6)  # three runs of the check
    assert statuses(api, "flag") == ["critical"]
    host.run("rm /srv/flag")
    api.wait_until(lambda: statuses(api, "flag") == ["critical", "ok"], 30, "end of flag's problem")
    assert [one for one in of_this_host(api.accepted[sent:]) if one["customTags"].get("check_name") != "flag"] == []
    assert not api.duplicates


def test_removing_leaves_state_and_configuration_and_installing_again_goes_on(
    host: Server, api: ApiStandIn, target: str
) -> None:
    host.run("touch /srv/flag")
    api.wait_until(lambda: statuses(api, "flag")[-1] == "critical", 30, "event of flag")
    host.run("hostvigil status; dpkg --remove hostvigil")
    assert host.run("ls -d /opt/hostvigil /usr/bin/hostvigil 2>/dev/null", code=2) == ""
    host.run("test -e /var/lib/hostvigil/hostvigil.db && test -e /etc/hostvigil/conf.d/flag.yaml")
    told = len(statuses(api, "flag"))
    host.run(f"dpkg --force-confold -i /root/{package(target).name}")
    host.run("hostvigil setup --yes")
    host.until("hostvigil status | grep -qE '^critical +flag'")
    assert len(statuses(api, "flag")) == told


def test_purging_leaves_no_file(host: Server) -> None:
    host.run("hostvigil status; dpkg --purge hostvigil")
    left = host.run("find / -xdev -iname '*hostvigil*' -not -path '/root/*' -not -path '/proc/*' -not -path '/tmp/*'")
    known = [line for line in left.splitlines() if not line.startswith(("/var/log/", "/run/log/", "/sys/"))]
    assert known == [], "files of the package are left"
    assert host.run("id -un hostvigil").strip() == "hostvigil", "its number is no other's"


def test_two_builds_are_the_same_to_the_byte(target: str) -> None:
    def built(zone: str) -> bytes:
        environment = {**os.environ, "SOURCE_DATE_EPOCH": "1767225600", "TZ": zone}
        subprocess.run([sys.executable, ROOT / "packaging/build.py", target], check=True, env=environment)
        return package(target).read_bytes()

    assert built("UTC") == built("Asia/Tokyo")


def test_the_distributions_checkers_find_no_error(target: str) -> None:
    lintian = needs.command("lintian", "lintian")
    done = subprocess.run([lintian, "--allow-root", package(target)], capture_output=True, text=True, check=False)
    assert "E:" not in done.stdout, done.stdout


def test_rpmlint_finds_no_error() -> None:
    words = [needs.command("rpmlint", "rpmlint"), "-c", str(ROOT / "packaging/rpmlint.toml"), str(package("el9"))]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
