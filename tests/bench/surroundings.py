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
#include <fcntl.h>
#include <unistd.h>
int main(void) {{
  int file = open("{count}", O_WRONLY | O_APPEND);
  puts("OK - 3 of 5 workers are busy | busy=3;4;5;0;5 wait=12ms;500;900");
  return write(file, ".", 1) != 1;
}}
"""

SHELL = """#!/bin/sh
printf . >>{count}
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
  server {{ listen 127.0.0.1:{port}{tls}; location / {{ return 200 "all is well\\n"; }} }}
  server {{ listen unix:{folder}/status.sock; location / {{ stub_status; }} }}
}}
"""
TLS = """ ssl;
    ssl_certificate {folder}/server.pem; ssl_certificate_key {folder}/server.key; ssl_session_tickets off"""


def counted_plugin(folder: Path, count: Path, tiny: bool) -> Path:
    """Return a plugin that writes a byte into a file with each run; a shell as most people write, or a tiny program."""
    file = folder / "check_work"
    if not tiny:
        file.write_text(SHELL.format(count=count))
        file.chmod(0o755)
        return file
    compiler = shutil.which("cc")
    if compiler is None:
        raise FileNotFoundError("the bench needs a C compiler (Debian package gcc)")
    (folder / "work.c").write_text(TINY.format(count=count))
    subprocess.run([compiler, "-O2", "-static", "-o", file, folder / "work.c"], capture_output=True, check=True)
    return file


def certificate(folder: Path) -> Path:
    """Make a key and a certificate of `localhost` that signs itself; returns what to trust."""
    made = folder / "server.pem"
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "90", "-subj", "/CN=localhost"]
    names = ["-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"]
    files = ["-keyout", str(folder / "server.key"), "-out", str(made)]
    subprocess.run([*command, *names, *files], capture_output=True, check=True)
    return made


@contextmanager
def web_server(nginx: str, folder: Path, ca_file: Path | None = None) -> Iterator[str]:
    """Run an nginx on a free port of the loopback, with TLS where there is a certificate; yields its URL."""
    port = free_port()
    file = folder / "nginx.conf"
    tls = TLS.format(folder=folder) if ca_file else ""
    file.write_text(NGINX.format(folder=folder, port=port, tls=tls))
    server = subprocess.Popen([nginx, "-c", file, "-p", folder, "-e", folder / "nginx.err"])
    try:
        _wait_for_port(port)
        yield f"https://127.0.0.1:{port}/" if ca_file else f"http://127.0.0.1:{port}/"
    finally:
        server.terminate()
        server.wait(10)


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port: int = free.getsockname()[1]
        return port


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
