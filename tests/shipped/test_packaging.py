"""The systemd unit: what it says fits the agent, and systemd finds nothing wrong with it."""

from __future__ import annotations

import json
import plistlib
import re
import subprocess
from pathlib import Path

import pytest

from agent.cli.options import parser
from agent.cli.places import DEFAULT_CONFIG, ROOT_STATE
from agent.push.client import address
from agent.push.listener import FILE
from tests.host import needs

PACKAGING = Path(__file__).parents[2] / "packaging"
UNIT = PACKAGING / "systemd" / "hostvigil.service"
README = (PACKAGING.parent / "docs/installation.md").read_text()
MOST_EXPOSED = 32
"""Of 100, as `systemd-analyze security` counts: 26 with systemd 252; later ones count a little otherwise."""


def settings() -> dict[str, str]:
    lines = [line for line in UNIT.read_text().splitlines() if "=" in line and not line.startswith("#")]
    found = dict(line.split("=", 1) for line in lines)
    assert len(found) == len(lines), "a setting is written twice"
    return found


def test_the_unit_starts_a_command_that_there_is_with_the_default_directories() -> None:
    command, *arguments = settings()["ExecStart"].split()
    options = parser().parse_args(arguments)
    assert command == "/opt/hostvigil/bin/hostvigil"
    assert command in README
    assert (options.command, str(options.config)) == ("run", DEFAULT_CONFIG)


def test_the_state_and_the_socket_are_where_the_commands_look_for_them() -> None:
    unit = settings()
    assert f"/var/lib/{unit['StateDirectory']}" == ROOT_STATE
    shared = f"/run/{unit['RuntimeDirectory']}"
    runs = Path(shared).is_dir()
    assert address(Path(ROOT_STATE)) == Path(shared if runs else ROOT_STATE) / FILE
    assert unit["User"] == unit["Group"] == "hostvigil"
    assert "useradd --system" in README


def test_the_group_reaches_the_spool_and_others_nothing() -> None:
    assert settings()["StateDirectoryMode"] == "0710"
    assert settings()["RuntimeDirectoryMode"] == "0750"


def test_an_agent_that_cannot_start_or_hangs_is_started_again_for_ever() -> None:
    unit = settings()
    assert (unit["Restart"], unit["StartLimitIntervalSec"]) == ("always", "0")
    assert (unit["Type"], unit["WatchdogSec"]) == ("notify", "3min")


def verdict(tmp_path: Path, *options: str) -> subprocess.CompletedProcess[str]:
    """Ask systemd about the unit; its programs need not be installed here."""
    analyze = needs.command("systemd-analyze", "systemd")
    here = tmp_path / UNIT.name
    here.write_text(re.sub("^ExecStart=.*", "ExecStart=/bin/true", UNIT.read_text(), flags=re.M))
    return subprocess.run([analyze, *options, str(here)], capture_output=True, text=True, timeout=60, check=False)


def test_systemd_finds_nothing_wrong_with_the_unit(tmp_path: Path) -> None:
    done = verdict(tmp_path, "--man=no", "verify")
    ours = [line for line in done.stderr.splitlines() if UNIT.name in line]
    assert (done.returncode, ours) == (0, []), done.stderr


def test_the_unit_hides_nothing_of_the_host_from_the_checks() -> None:
    hiding = {
        *("PrivateTmp", "PrivateDevices", "PrivateNetwork", "PrivateUsers", "PrivateIPC", "ProtectProc", "ProcSubset"),
        *(
            "ProtectHostname",
            "ProtectClock",
            "ProtectKernelModules",
            "RootDirectory",
            "RootImage",
            "TemporaryFileSystem",
        ),
        *("InaccessiblePaths", "IPAddressDeny"),
    }
    assert hiding & settings().keys() == set()
    assert settings()["ProtectHome"] == "read-only"


def test_the_unit_stays_hardened(tmp_path: Path) -> None:
    done = verdict(tmp_path, "security", "--offline=true", f"--threshold={MOST_EXPOSED}")
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("setting", ["PrivateTmp", "ProtectProc", "PrivateDevices", "ProtectHostname", "ProtectClock"])
def test_the_unit_does_not_hide_the_host_from_the_agent(setting: str) -> None:
    assert setting not in settings(), "the checks would look at less than the host"


def test_the_sample_for_launchd_starts_a_command_that_there_is() -> None:
    sample = plistlib.loads((PACKAGING / "launchd/com.hostvigil.agent.plist").read_bytes())
    command, *arguments = sample["ProgramArguments"]
    assert command == "/opt/hostvigil/bin/hostvigil"
    assert parser().parse_args(arguments).command == "run"
    assert sample["Umask"] == 0o77
    assert sample["KeepAlive"] is True


def test_the_service_of_openrc_starts_a_command_that_there_is() -> None:
    text = (PACKAGING / "openrc/hostvigil").read_text()
    found = dict(re.findall(r'^(\w+)="?(.*?)"?$', text, re.M))
    assert parser().parse_args(found["command_args"].split()).command == "run"
    assert found["command"] == "/opt/hostvigil/bin/hostvigil"
    assert found["umask"] == "0077"


def test_each_directive_that_the_unit_does_without_has_its_reason(tmp_path: Path) -> None:
    found = json.loads(verdict(tmp_path, "security", "--offline=true", "--json=short").stdout)
    without = {one["name"] for one in found if one["exposure"] not in (None, "0.0")}
    [reasons] = re.findall(
        r"^\*\*What the unit does without.*?\n\n", (PACKAGING.parent / "DECISIONS.md").read_text(), re.M | re.S
    )
    for name in sorted(without):
        setting, _, _ = name.partition("=")
        words = re.findall(r"~(@\w+|AF_\w+)", name) or [setting.partition("/")[0].rstrip("=")]
        assert all(word in reasons for word in words), f"{name} has no reason in DECISIONS.md"
