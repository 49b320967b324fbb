"""The programs that hostvigil is held against: how each is given the same work, and nothing else to do."""

from __future__ import annotations

import http.client
import os
import pwd
import shutil
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import NamedTuple
from urllib.parse import quote

from tests.bench.cost import Tree
from tests.bench.surroundings import free_port
from tests.bench.work import Scene, process_pattern, version

USER = pwd.getpwuid(os.geteuid()).pw_name
PLUGINS = "/usr/lib/nagios/plugins:/usr/lib/monitoring-plugins:/usr/lib64/nagios/plugins"
BLACKBOX_NAMES = ("prometheus-blackbox-exporter", "blackbox_exporter")
SBIN = "/usr/sbin:/usr/bin:/usr/local/sbin:/usr/local/bin:/usr/lib/x86_64-linux-gnu/icinga2/sbin"


class Peer(NamedTuple):
    """A program, and how it is started on a scene. `kinds` are of the work it can do."""

    name: str
    kinds: tuple[str, ...]
    program: str
    """Its path; empty where it is not installed."""
    command: Callable[[str, Scene], list[str]]
    """Writes the configuration; returns what to start."""
    version: str = ""
    drive: Callable[[Scene, threading.Event], None] | None = None
    """Asks it to work until the event, for a program that does not know by itself when."""

    @contextmanager
    def working(self, scene: Scene, tree: Tree) -> Iterator[None]:
        """Have it do the work of the scene."""
        tree.start(self.command(self.program, scene), scene.folder / "peer.log")
        if self.drive is None:
            yield
            return
        ended = threading.Event()
        thread = threading.Thread(target=self.drive, args=(scene, ended), name="driver")
        thread.start()
        try:
            yield
        finally:
            ended.set()
            thread.join()


def peers() -> list[Peer]:
    """Return the programs that are installed."""
    found = [
        _peer("nagios", ("nagios4", "nagios"), _nagios, "script shell http https"),
        _peer("icinga2", ("icinga2",), _icinga, "script shell http https"),
        _peer("monit", ("monit",), _monit, "script shell http process"),
        _peer("blackbox_exporter", BLACKBOX_NAMES, _blackbox, "http https", _probe),
        Peer("bare Python", ("https",), sys.executable, _bare, version(sys.executable)),
    ]
    return [peer for peer in found if peer.program]


def _peer(
    name: str,
    programs: tuple[str, ...],
    command: Callable[[str, Scene], list[str]],
    kinds: str,
    drive: Callable[[Scene, threading.Event], None] | None = None,
) -> Peer:
    program = next((found for one in programs if (found := shutil.which(one, path=SBIN))), "")
    return Peer(name, tuple(kinds.split()), program, command, version(program) if program else "", drive)


def _plugin_command(scene: Scene) -> list[str]:
    """Return what Nagios and Icinga run for one check."""
    if scene.plugin:
        return [str(scene.plugin)]
    check_http = shutil.which("check_http", path=PLUGINS)
    if check_http is None:
        raise FileNotFoundError(
            "Nagios and Icinga need the plugin check_http (Debian package monitoring-plugins-basic)"
        )
    port = scene.url.rsplit(":", 1)[1].strip("/")
    tls = ["-S"] if scene.url.startswith("https") else []
    return [check_http, "-I", "127.0.0.1", "-p", port, "-u", "/", "-e", "200", "-s", "well", "-w", "5", *tls]


NAGIOS = """log_file={folder}/nagios.log
cfg_file={folder}/objects.cfg
object_cache_file={folder}/objects.cache
precached_object_file={folder}/objects.precache
status_file={folder}/status.dat
nagios_user={user}
nagios_group={user}
check_external_commands=0
command_file={folder}/nagios.cmd
query_socket={folder}/nagios.qh
lock_file={folder}/nagios.lock
temp_file={folder}/nagios.tmp
temp_path={folder}
check_result_path={folder}
retain_state_information=0
interval_length=1
execute_host_checks=0
log_rotation_method=n
check_for_updates=0
"""
NAGIOS_OBJECTS = """define command {{
 command_name work
 command_line {command}
}}
define contact {{
 contact_name nobody
 host_notifications_enabled 0
 service_notifications_enabled 0
 host_notification_options n
 service_notification_options n
 host_notification_commands work
 service_notification_commands work
}}
define host {{
 host_name here
 address 127.0.0.1
 max_check_attempts 1
 contacts nobody
 active_checks_enabled 0
}}
"""
NAGIOS_SERVICE = """define service {{
 host_name here
 service_description check-{number}
 check_command work
 check_interval {interval}
 retry_interval {interval}
 max_check_attempts 3
 contacts nobody
}}
"""


def _nagios(program: str, scene: Scene) -> list[str]:
    folder, work = scene.folder, scene.work
    (folder / "nagios.cfg").write_text(NAGIOS.format(folder=folder, user=USER))
    services = (NAGIOS_SERVICE.format(number=number, interval=work.interval) for number in range(work.count))
    objects = NAGIOS_OBJECTS.format(command=" ".join(_plugin_command(scene)))
    (folder / "objects.cfg").write_text(objects + "".join(services))
    return [program, str(folder / "nagios.cfg")]


ICINGA = """include <itl>
object CheckerComponent "checker" {{ }}
object CheckCommand "work" {{ command = [ {command} ] }}
object Host "here" {{
  check_command = "work"
  enable_active_checks = false
}}
for (n in range({count})) {{
  object Service "check-" + n use (n) {{
    host_name = "here"
    check_command = "work"
    check_interval = {interval}s
    retry_interval = {interval}s
  }}
}}
"""


def _icinga(program: str, scene: Scene) -> list[str]:
    folder, work = scene.folder, scene.work
    command = ", ".join(f'"{word}"' for word in _plugin_command(scene))
    (folder / "icinga2.conf").write_text(ICINGA.format(command=command, count=work.count, interval=work.interval))
    places = [f"-D{name}={folder}" for name in ("DataDir", "LogDir", "InitRunDir", "CacheDir", "SpoolDir")]
    user = [f"-DRunAsUser={USER}", f"-DRunAsGroup={USER}", f"-DPidPath={folder}/icinga2.pid"]
    return [program, "daemon", "-c", str(folder / "icinga2.conf"), *places, *user]


def _monit(program: str, scene: Scene) -> list[str]:
    folder, work = scene.folder, scene.work
    lines = [f"set daemon {work.interval}", f"set log {folder}/monit.log"]
    lines += [f"set {what} {folder}/monit.{what}" for what in ("pidfile", "idfile", "statefile")]
    lines += [_monit_check(scene, number) for number in range(work.count)]
    file = folder / "monitrc"
    file.touch(0o600)
    file.write_text("\n".join(lines) + "\n")
    return [program, "-I", "-c", str(file)]


def _monit_check(scene: Scene, number: int) -> str:
    if scene.plugin:
        return f'check program c{number} with path "{scene.plugin}" if status != 0 then alert'
    if scene.work.kind == "process":
        return f'check process c{number} matching "{process_pattern(number)}"'
    return f'check host c{number} with address 127.0.0.1 if failed url {scene.url} content == "well" then alert'


BLACKBOX = """modules:
  work:
    prober: http
    http:
      valid_status_codes: [200]
      fail_if_body_not_matches_regexp: [well]
      tls_config: {tls}
"""


def _blackbox(program: str, scene: Scene) -> list[str]:
    folder = scene.folder
    tls = f"{{ca_file: {scene.ca_file}}}" if scene.ca_file else "{}"
    (folder / "blackbox.yml").write_text(BLACKBOX.format(tls=tls))
    port = free_port()
    (folder / "port").write_text(str(port))
    return [program, f"--config.file={folder}/blackbox.yml", f"--web.listen-address=127.0.0.1:{port}"]


def _probe(scene: Scene, ended: threading.Event) -> None:
    """Ask for the probes, as Prometheus does: evenly, by a connection that is kept. What this costs is not counted."""
    connection = http.client.HTTPConnection("127.0.0.1", int((scene.folder / "port").read_text()), timeout=10)
    path = f"/probe?module=work&target={quote(scene.url, '')}"
    pause, turn = scene.work.interval / scene.work.count, time.monotonic()
    while not ended.wait(max(0.0, turn - time.monotonic())):
        turn += pause
        try:
            connection.request("GET", path)
            said = connection.getresponse().read()
        except ConnectionError:  # it has just been started
            connection.close()
        else:
            if b"probe_success 1" not in said:
                raise ValueError(f"blackbox_exporter says {said.decode()}")
    connection.close()


BARE = """
import socket, ssl, sys, time
port, ca_file, count, interval = int(sys.argv[1]), sys.argv[2], int(sys.argv[3]), float(sys.argv[4])
context = ssl.create_default_context(cafile=ca_file)
turn, slot = time.monotonic(), 0.1
while True:
    turn += slot
    time.sleep(max(0, turn - time.monotonic()))
    due = int((turn / slot + 1) * slot * count / interval) - int(turn / slot * slot * count / interval)
    for _ in range(due):
        with socket.create_connection(("127.0.0.1", port)) as plain:
            with context.wrap_socket(plain, server_hostname="localhost") as connection:
                connection.getpeercert()
"""


def _bare(program: str, scene: Scene) -> list[str]:
    """Bare handshakes at the same pace: what is due within a tenth of a second together, as hostvigil has it."""
    port = scene.url.rsplit(":", 1)[1].strip("/")
    work = scene.work
    return [program, "-c", BARE, port, str(scene.ca_file), str(work.count), str(work.interval)]
