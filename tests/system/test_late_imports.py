"""What a command does not need is not imported: start and memory are paid by each run."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from agent.cli.options import COMMANDS, actions_of, parser

MAIN = "import sys; from agent.cli.main import main; main(sys.argv[1:]); print(*sys.modules)"


def loaded(*words: str) -> set[str]:
    done = subprocess.run([sys.executable, "-c", MAIN, *words], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    return set(done.stdout.splitlines()[-1].split())


def test_validate_needs_no_database_no_loop_and_no_time_zone(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text("checks: {disks: {type: disk, path: /}}")
    found = loaded("validate", "--config", str(tmp_path))
    assert "checks.disk" in found
    assert found & {"sqlite3", "asyncio", "ssl", "zoneinfo", "tempfile", "apscheduler"} == set()


def test_an_agent_without_a_broker_imports_nothing_of_the_handover() -> None:
    code = "import sys, agent.service.lifetime; print(*[one for one in sys.modules if '.handover' in one])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stdout.split()) == (0, []), done.stderr


@pytest.mark.parametrize("name", COMMANDS)
def test_a_command_is_read_alike_with_and_without_the_others(name: str) -> None:
    alone = [(one.option_strings, one.dest, one.default, one.nargs) for one in actions_of(name)]
    everything = parser()._subparsers._group_actions[0].choices[name]._actions  # type: ignore[union-attr, index]
    assert alone == [(one.option_strings, one.dest, one.default, one.nargs) for one in everything]
    with pytest.raises(SystemExit):
        parser(name).parse_args([next(other for other in COMMANDS if other != name)])
