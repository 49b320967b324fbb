"""What the checks of the bench look at: a web server, a plugin, many processes."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

TINY = """
#include <stdio.h>
int main(void) { puts("OK - 3 of 5 workers are busy | busy=3;4;5;0;5 wait=12ms;500;900"); return 0; }
"""

SHELL = """#!/bin/sh
echo "OK - 3 of 5 workers are busy | busy=3;4;5;0;5 wait=12ms;500;900"
"""

NGINX = """
daemon off;
worker_processes 1;
pid {folder}/nginx.pid;
error_log {folder}/nginx.err;
events {{ worker_connections 512; }}
http {{
  access_log off;
  client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy;
  fastcgi_temp_path {folder}/fastcgi; uwsgi_temp_path {folder}/uwsgi; scgi_temp_path {folder}/scgi;
  server {{ listen 127.0.0.1:{port}; location / {{ return 200 "all is well\\n"; }} }}
}}
"""


def shell_plugin(folder: Path) -> Path:
    """Return the plugin that most people write: a shell that prints a line with performance data."""
    file = folder / "check_shell"
    file.write_text(SHELL)
    file.chmod(0o755)
    return file


def tiny_plugin(folder: Path) -> Path | None:
    """Return the same as the smallest program there is; None without a C compiler."""
    compiler = shutil.which("cc")
    if compiler is None:
        return None
    (folder / "tiny.c").write_text(TINY)
    file = folder / "check_tiny"
    made = subprocess.run([compiler, "-O2", "-static", "-o", file, folder / "tiny.c"], capture_output=True, check=False)
    return file if made.returncode == 0 else None


@contextmanager
def web_server(nginx: str, folder: Path) -> Iterator[str]:
    """Run an nginx on a free port of the loopback; yields its URL."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    file = folder / "nginx.conf"
    file.write_text(NGINX.format(folder=folder, port=port))
    server = subprocess.Popen([nginx, "-c", file, "-p", folder, "-e", folder / "nginx.err"])
    try:
        _wait_for_port(port)
        yield f"http://127.0.0.1:{port}/"
    finally:
        server.terminate()
        server.wait(10)


def _wait_for_port(port: int) -> None:
    until = time.monotonic() + 10
    while time.monotonic() < until:
        with suppress(ConnectionRefusedError), socket.create_connection(("127.0.0.1", port), 1):
            return
        time.sleep(0.02)
    raise TimeoutError(f"nothing listens on port {port}")


@contextmanager
def processes(count: int) -> Iterator[None]:
    """Have so many processes sleep; their command lines are `sleep 3600.<n>`, n from 0."""
    # One shell starts them all in its own process group, says so, and waits.
    script = 'i=0; while [ $i -lt "$0" ]; do sleep 3600.$i & i=$((i + 1)); done; echo; wait'
    crowd = subprocess.Popen(["/bin/sh", "-c", script, str(count)], stdout=subprocess.PIPE, process_group=0)
    assert crowd.stdout is not None
    with crowd.stdout as said:
        try:
            said.readline()
            yield
        finally:
            os.killpg(crowd.pid, signal.SIGKILL)
            crowd.wait(10)
