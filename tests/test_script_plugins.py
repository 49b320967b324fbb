"""Real Nagios plugins through the script check, in every status that can be provoked on a lone host."""

from __future__ import annotations

import http.server
import os
import shutil
import socket
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from agent.api import Context, Metric, Result, Status
from agent.catalog import Catalog
from agent.config import load
from checks.script import Script
from tests import needs

FOLDER = "/usr/lib/nagios/plugins"
PACKAGE = "monitoring-plugins-basic"


def plugin(name: str, *arguments: str | int, timeout: float = 10.0, **settings: object) -> Result:
    path = needs.file(f"{FOLDER}/{name}", PACKAGE)
    script = Script(command=[str(path), *map(str, arguments)], **settings)  # type: ignore[arg-type]
    (result,) = script.run(Context(timeout=timeout))
    return result


def metrics(result: Result) -> dict[str, Metric]:
    return {metric.name: metric for metric in result.metrics}


@pytest.mark.parametrize("code", range(4))
def test_check_dummy_in_every_status(code: int) -> None:
    result = plugin("check_dummy", code, "it is so")
    assert result.status is list(Status)[code]
    assert result.summary.endswith(": it is so")


def test_check_dummy_with_a_status_that_is_none() -> None:
    assert plugin("check_dummy", 4).status is Status.NODATA


def test_check_load() -> None:
    ok = plugin("check_load", "-w", "10000,10000,10000", "-c", "20000,20000,20000")
    assert ok.status is Status.OK
    assert set(metrics(ok)) == {"load1", "load5", "load15"}
    assert metrics(ok)["load1"].critical.startswith("20000")
    assert plugin("check_load", "-w", "1").status is Status.NODATA  # -c is missing


def test_check_disk() -> None:
    ok = plugin("check_disk", "-w", "0%", "-c", "0%", "-p", "/")
    total = os.statvfs("/").f_blocks * os.statvfs("/").f_frsize
    assert ok.status is Status.OK
    assert ok.metrics[0].name == "/"
    assert ok.metrics[0].unit == "B"
    assert ok.metrics[0].maximum == pytest.approx(total, rel=0.3)
    assert plugin("check_disk", "-w", "100%", "-c", "0%", "-p", "/").status is Status.WARNING
    assert plugin("check_disk", "-w", "100%", "-c", "100%", "-p", "/").status is Status.CRITICAL
    assert plugin("check_disk", "-w", "1%", "-c", "0%", "-p", "/nowhere").status in (Status.CRITICAL, Status.NODATA)


def test_check_procs() -> None:
    ok = plugin("check_procs", "-w", "1:100000")
    assert ok.status is Status.OK
    assert metrics(ok)["procs"].warning == "1:100000"
    assert plugin("check_procs", "-C", "no-such-program", "-w", "1:").status is Status.WARNING
    assert plugin("check_procs", "-C", "no-such-program", "-c", "1:").status is Status.CRITICAL


def test_check_swap() -> None:
    result = plugin("check_swap", "-w", "1%", "-c", "0%", "-n", "ok")
    assert result.status in (Status.OK, Status.WARNING)
    assert metrics(result)["swap"].unit == "B"


def test_check_users() -> None:
    ok = plugin("check_users", "-w", 1000, "-c", 2000)
    assert (ok.status, metrics(ok)["users"].warning) == (Status.OK, "1000")


def test_check_file_age(tmp_path: Path) -> None:
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


def test_check_cluster_and_negate() -> None:
    assert plugin("check_cluster", "-s", "-d", "0,0,0", "-c", "0").status is Status.OK
    assert plugin("check_cluster", "-s", "-d", "0,2,2", "-c", "1").status is Status.CRITICAL
    dummy = f"{FOLDER}/check_dummy"
    assert plugin("negate", "-o", "CRITICAL", "-c", "OK", dummy, 2).status is Status.OK


@pytest.fixture
def web() -> Iterator[int]:
    class Page(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = b"<p>a | b=1 | c</p>"
            self.send_response(404 if self.path == "/missing" else 500 if self.path == "/broken" else 200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Page)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield server.server_port
    server.shutdown()
    server.server_close()
    thread.join()


def test_check_tcp(web: int) -> None:
    ok = plugin("check_tcp", "-H", "127.0.0.1", "-p", web, "-w", 5, "-c", 9)
    assert ok.status is Status.OK
    assert metrics(ok)["time"].unit == "s"
    assert 0 < metrics(ok)["time"].value < 5
    assert plugin("check_tcp", "-H", "127.0.0.1", "-p", web, "-w", 0.0000001).status is Status.WARNING
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        refused = plugin("check_tcp", "-H", "127.0.0.1", "-p", closed.getsockname()[1])
    assert refused.status is Status.CRITICAL
    assert "refused" in refused.summary


def test_check_http(web: int) -> None:
    ok = plugin("check_http", "-I", "127.0.0.1", "-p", web)
    assert ok.status is Status.OK
    assert {"time", "size"} <= set(metrics(ok))
    assert metrics(ok)["size"].unit == "B"
    assert plugin("check_http", "-I", "127.0.0.1", "-p", web, "-u", "/missing").status is Status.WARNING
    assert plugin("check_http", "-I", "127.0.0.1", "-p", web, "-u", "/broken").status is Status.CRITICAL
    assert plugin("check_http", "-I", "127.0.0.1", "-p", web, "-s", "not there").status is Status.CRITICAL


def test_a_plugin_whose_server_never_answers_is_ended_by_our_deadline() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        result = plugin("check_http", "-I", "127.0.0.1", "-p", port, "-t", 60, timeout=0.5)
    assert (result.status, result.summary) == (Status.NODATA, "did not finish within 500ms (killed)")


def test_a_plugin_is_found_in_the_path_that_is_set() -> None:
    needs.file(f"{FOLDER}/check_dummy", PACKAGE)
    (result,) = Script(command=["check_dummy", "1"], env={"PATH": f"{FOLDER}:/bin"}).run(Context())
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
    (result,) = Script(command=[str(file)]).run(Context())
    assert (result.status, result.summary, result.details) == (Status.WARNING, "OK", "")
    assert result.metrics == (Metric("a", 1),)


def test_a_python_plugin_prints_any_letter() -> None:
    command = [sys.executable, "-IS", "-c", "print('größer als 5 €')"]
    (result,) = Script(command=command).run(Context())
    assert result.summary == "größer als 5 €"


@pytest.fixture
def shipped(tmp_path: Path) -> Script:
    folder = tmp_path / "conf.d"
    folder.mkdir()
    shutil.copy(Path(__file__).parent.parent / "conf.d/script.yaml", folder)
    config = load(folder, Catalog(), {})
    assert config.problems == ()
    (found,) = config.checks.values()
    assert isinstance(found.check, Script)
    return found.check


def test_the_shipped_check_is_true_on_this_host(shipped: Script) -> None:
    needs.file("/proc/sys/kernel/pid_max")
    (result,) = shipped.run(Context())
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
    (result,) = Script(command=["/bin/sh", "-c", command]).run(Context())
    assert (result.status, metrics(result)["used"].value) == (status, tasks)
