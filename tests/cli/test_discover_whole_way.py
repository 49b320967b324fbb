"""From an empty directory to checks that run, on a real host."""

from __future__ import annotations

import contextlib
import datetime
import os
import re
import socket
import ssl
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import trustme

from agent.api import Check, Context, Host
from agent.cli.discover import _as_user, write_new
from agent.config.types.catalog import Catalog
from tests.host import needs
from tests.processes.agent_process import AgentProcess, agent_process


def free_port() -> int:
    """A port that the kernel gives nobody by itself."""
    for port in range(20000 + os.getpid() % 5000, 32000):
        with contextlib.suppress(OSError), socket.create_server(("127.0.0.1", port)):
            return port
    raise AssertionError("no free port")


@pytest.fixture
def nginx(tmp_path: Path) -> Iterator[int]:
    """A web server with a certificate that nobody trusts; its port."""
    program = needs.command("nginx", "nginx-light")
    port, folder = free_port(), tmp_path / "nginx"
    folder.mkdir()
    made = trustme.CA().issue_cert("127.0.0.1", not_after=datetime.datetime.now(datetime.UTC) + datetime.timedelta(90))
    made.private_key_and_cert_chain_pem.write_to_path(folder / "all.pem")
    temps = "".join(
        f"{name}_temp_path {folder}/{name};" for name in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    (folder / "nginx.conf").write_text(
        f"daemon off; pid {folder}/pid; error_log {folder}/error.log;\nevents {{}}\n"
        f"http {{ access_log off; {temps} server {{ listen 127.0.0.1:{port} ssl; "
        f"ssl_certificate {folder}/all.pem; ssl_certificate_key {folder}/all.pem; return 204; }} }}\n"
    )
    process = subprocess.Popen([program, "-c", str(folder / "nginx.conf"), "-e", str(folder / "error.log")])
    try:
        until = time.monotonic() + 60
        while not speaks_tls(port):
            assert time.monotonic() < until, (folder / "error.log").read_text()
            time.sleep(0.02)
        yield port
    finally:
        process.terminate()
        process.wait(10)


def speaks_tls(port: int) -> bool:
    trust = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    trust.check_hostname, trust.verify_mode = False, ssl.CERT_NONE
    with (
        contextlib.suppress(OSError),
        socket.create_connection(("127.0.0.1", port), 5) as plain,
        trust.wrap_socket(plain),
    ):
        return True
    return False


@pytest.fixture
def agent(tmp_path: Path) -> Iterator[AgentProcess]:
    with agent_process(tmp_path) as agent:
        yield agent


def test_from_an_empty_directory_to_checks_that_are_all_ok_and_tell_nothing(agent: AgentProcess, nginx: int) -> None:
    done = agent.call("discover")
    assert done.returncode == 0, done.stderr
    assert {"found-disk.yaml", "found-load.yaml", "found-http.yaml"} <= {path.name for path in agent.config.iterdir()}
    written = (agent.config / "found-http.yaml").read_text()
    assert f"# nginx listens on 127.0.0.1:{nginx}, and answers 204; its certificate is not one that" in written
    assert f"\n  nginx-{nginx}:\n    type: http\n    url: https://127.0.0.1:{nginx}/\n    verify: false\n" in written
    assert agent.call("validate").returncode == 0
    assert agent.call("check", f"nginx-{nginx}").returncode == 0
    names = set(agent.json("validate")["checks"])
    agent.start()
    agent.wait_until(lambda: {one["check"] for one in agent.status()["checks"]} >= names, "a result of each")
    rows = agent.status()["checks"]
    ours = {one["check"] for one in rows if one["type"] not in SHARED_WITH_OTHER_TESTS} | {f"nginx-{nginx}"}
    assert [one for one in rows if one["check"] in ours and one["status"] != "ok"] == []
    assert [event for event in agent.json("events")["events"] if event["check"] in ours] == []


SHARED_WITH_OTHER_TESTS = ("tcp", "http", "process", "disk", "load", "memory", "pressure")
"""Other tests on this host have servers that come and go, mounts that they fill, and load."""


def test_a_second_time_nothing_is_found_anew_and_no_file_is_touched(agent: AgentProcess) -> None:
    agent.write("found-load.yaml", "# mine\n")
    first = agent.call("discover")
    assert f"{agent.config}/found-load.yaml: exists already, left as it is" in first.stdout
    assert (agent.config / "found-load.yaml").read_text() == "# mine\n"
    (agent.config / "found-load.yaml").write_text("checks: {cpu: {type: load}}\n")
    assert "found-load" not in agent.call("discover").stdout


def test_when_every_file_exists_the_exit_code_says_so(agent: AgentProcess) -> None:
    for name in Catalog().names():
        agent.write(f"found-{name}.yaml", "# mine\n")
    done = agent.call("discover")
    assert done.returncode == 1
    assert done.stdout.count("exists already, left as it is") == len(done.stdout.splitlines())
    assert {path.read_text() for path in agent.config.iterdir()} == {"# mine\n"}


def test_a_dry_run_prints_and_writes_nothing(agent: AgentProcess) -> None:
    agent.config.rmdir()
    done = agent.call("discover", "--dry-run")
    assert done.returncode == 0
    assert f"# {agent.config}/found-load.yaml\n# yaml-language-server: $schema=hostvigil.schema.json\n" in done.stdout
    assert not agent.config.exists()


@pytest.mark.parametrize(("folder", "file"), [(0o750, 0o640), (0o755, 0o644), (0o700, 0o600)])
def test_files_are_as_readable_as_their_directory(folder: int, file: int, tmp_path: Path) -> None:
    tmp_path.chmod(folder)
    if os.geteuid() == 0:
        os.chown(tmp_path, 0, 12345)
    assert write_new(tmp_path / "found-x.yaml", "text")
    found = (tmp_path / "found-x.yaml").stat()
    assert (found.st_mode & 0o777, found.st_gid) == (file, tmp_path.stat().st_gid)
    (tmp_path / "found-y.yaml").symlink_to("nowhere")
    assert not write_new(tmp_path / "found-y.yaml", "text")


def test_a_directory_that_cannot_be_made_is_said(agent: AgentProcess) -> None:
    agent.config.rmdir()
    agent.config.touch()
    done = agent.call("discover")
    assert (done.returncode, "Traceback" in done.stderr) == (2, False)
    assert re.search(rf"{agent.config}\S*: (Not a directory|File exists)", done.stderr)


def test_checks_are_tried_with_the_agent_s_own_rights(tmp_path: Path) -> None:
    needs.root()
    secret = tmp_path / "secret"
    secret.write_text("x")
    secret.chmod(0o600)
    with _as_user("nobody"):
        assert os.geteuid() != 0
        with pytest.raises(PermissionError):
            secret.read_text()
    assert (os.geteuid(), secret.read_text()) == (0, "x")
    with _as_user("no-such-user"):
        assert os.geteuid() == 0


def test_a_type_that_says_nothing_of_discovery_suggests_nothing() -> None:
    assert list(Check.discover(Host())) == []
    assert Context("x").check == "x"
