"""Programs of others through the script check: plugins that remember, hang, or are in any language."""

from __future__ import annotations

import os
import shutil
import socket
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from agent.api import Context, Metric, Result, Status
from agent.config.drop_ins import load
from agent.config.types.catalog import Catalog
from checks.script import Script
from tests.checks.looks import found, script_of
from tests.host import needs

FOLDER = "/usr/lib/nagios/plugins"
PACKAGE = "monitoring-plugins-basic"


def plugin(name: str, *arguments: str | int, timeout: float = 10.0, **settings: Any) -> Result:
    path = needs.file(f"{FOLDER}/{name}", PACKAGE)
    script = script_of(str(path), *map(str, arguments), **settings)
    (result,) = found(script.run(Context(timeout=timeout)))
    return result


def metrics(result: Result) -> dict[str, Metric]:
    return {metric.name: metric for metric in result.metrics}


def test_check_file_age_tells_age_and_size_and_goes_bad_in_time(tmp_path: Path) -> None:
    file = tmp_path / "it's a file"
    file.write_text("content")
    assert plugin("check_file_age", "-w", 60, "-c", 120, "-f", str(file)).status is Status.OK
    os.utime(file, (time.time() - 90,) * 2)
    result = plugin("check_file_age", "-w", 60, "-c", 120, "-f", str(file))
    assert result.status is Status.WARNING
    assert metrics(result)["age"].value == pytest.approx(90, abs=5)
    assert (metrics(result)["age"].unit, metrics(result)["size"].unit) == ("s", "B")
    assert plugin("check_file_age", "-f", str(tmp_path / "missing")).status is Status.CRITICAL


def test_check_log_remembers_between_runs(tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.write_text("all is well\n")
    arguments = ("-F", str(log), "-O", str(tmp_path / "old"), "-q", "error")
    assert plugin("check_log", *arguments).status is Status.OK
    log.write_text("all is well\nerror | a=1 is no metric here, says the kernel\n")
    found = plugin("check_log", *arguments)
    assert found.status is Status.CRITICAL
    assert "error | a=1 is no metric here, says the kernel" in found.summary


def test_a_plugin_whose_server_never_answers_is_ended_by_our_deadline() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        result = plugin("check_http", "-I", "127.0.0.1", "-p", port, "-t", 60, timeout=0.5)
    assert (result.status, result.summary) == (Status.NODATA, "did not finish within 500ms (killed)")


def test_a_plugin_is_found_in_the_path_that_is_set() -> None:
    needs.file(f"{FOLDER}/check_dummy", PACKAGE)
    (result,) = found(script_of("check_dummy", "1", env={"PATH": f"{FOLDER}:/bin"}).run(Context()))
    assert result.status is Status.WARNING


LANGUAGES = {
    "sh": "echo 'OK | a=1'; exit 1",
    "bash": "printf '%s\\n' 'OK | a=1'; exit 1",
    "perl": "print qq(OK | a=1\\n); exit 1;",
    "awk": 'BEGIN { print "OK | a=1"; exit 1 }',
}


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_plugin_may_be_in_any_language(language: str, tmp_path: Path) -> None:
    program = shutil.which(language) or needs.command(language)
    file = tmp_path / "check"
    file.write_text(f"#!{program}{' -f' if language == 'awk' else ''}\n{LANGUAGES[language]}\n")
    file.chmod(0o755)
    (result,) = found(script_of(str(file)).run(Context()))
    assert (result.status, result.summary, result.details) == (Status.WARNING, "OK", "")
    assert result.metrics == (Metric("a", 1),)


def test_a_python_plugin_prints_any_letter() -> None:
    command = [sys.executable, "-IS", "-c", "print('größer als 5 €')"]
    (result,) = found(script_of(*command).run(Context()))
    assert result.summary == "größer als 5 €"


@pytest.fixture
def shipped(tmp_path: Path) -> Script:
    folder = tmp_path / "conf.d"
    folder.mkdir()
    shutil.copy(Path(__file__).parents[3] / "conf.d/script.yaml", folder)
    config = load(folder, Catalog(), {})
    assert config.problems == ()
    (found,) = config.checks.values()
    assert isinstance(found.check, Script)
    return found.check


def test_the_shipped_check_is_true_on_this_host(shipped: Script) -> None:
    needs.file("/proc/sys/kernel/pid_max")
    (result,) = found(shipped.run(Context()))
    assert result.status is Status.OK
    assert result.details == ""
    assert metrics(result)["tasks"].maximum == int(Path("/proc/sys/kernel/pid_max").read_text())
    assert 0 < metrics(result)["tasks"].value < 100_000


@pytest.mark.parametrize(
    ("tasks", "status"), [(79, Status.OK), (80, Status.WARNING), (89, Status.WARNING), (90, Status.CRITICAL)]
)
def test_the_shipped_check_goes_bad_in_time(tasks: int, status: Status, tmp_path: Path, shipped: Script) -> None:
    (tmp_path / "loadavg").write_text(f"0.1 0.2 0.3 1/{tasks} 999\n")
    (tmp_path / "pid_max").write_text("100\n")
    command = str(shipped.command).replace("/proc/sys/kernel", str(tmp_path)).replace("/proc", str(tmp_path))
    (result,) = found(script_of("/bin/sh", "-c", command).run(Context()))
    assert (result.status, metrics(result)["used"].value) == (status, tasks)
