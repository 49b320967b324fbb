"""What discovery finds on a host: what listens, and what each type looks at."""

from __future__ import annotations

import contextlib
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from email.message import Message
from pathlib import Path
from typing import Any, cast

import pytest

from agent.api import Host, Suggestion
from agent.config.types.catalog import Catalog
from agent.testing import files
from checks._network.certificates import Certificate as Seen
from checks._network.listening import Listener, listeners
from checks.http.discovered import find_settings
from checks.http.exchange import Answer
from tests.checks.docker_engine import Engine, container
from tests.checks.docker_engine import serving as docker_serving
from tests.checks.raid_texts import DEGRADED, WHOLE

HEADER = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n"
CGROUPS = {"service": "0::/system.slice/ssh.service\n", "login": "0::/user.slice/user-0.slice/session-3.scope\n"}


def row(address: str, port: int, inode: int, state: str = "0A") -> str:
    """A line of /proc/net/tcp or tcp6, as a little-endian machine has it."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    packed = socket.inet_pton(family, address)
    words = (packed[at : at + 4] for at in range(0, len(packed), 4))
    if sys.byteorder == "little":
        words = (word[::-1] for word in words)
    text = b"".join(words).hex().upper()
    return f"   0: {text}:{port:04X} 00000000:0000 {state} 00000000:00000000 00:00000000 00000000 0 0 {inode} 1 0 100\n"


class FakeHost:
    """A host in a folder."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.tables = {"tcp": HEADER, "tcp6": HEADER}
        files(root, {"proc/sys/net/ipv4/ip_local_port_range": "32768\t60999\n"})

    def listens(self, pid: int, program: str, address: str, port: int, cgroup: str = "0::/\n") -> None:
        folder = self.root / f"proc/{pid}/fd"
        folder.mkdir(parents=True, exist_ok=True)
        inode = 1000 * pid + 2 * len(list(folder.iterdir()))
        name = "tcp6" if ":" in address else "tcp"
        self.tables[name] += row(address, port, inode)
        self.tables["tcp"] += row(address, port, inode + 1, state="01")
        files(self.root, {f"proc/net/{name}": table for name, table in self.tables.items()})
        files(self.root, {f"proc/{pid}/comm": f"{program}\n", f"proc/{pid}/cgroup": cgroup})
        (folder / str(inode)).symlink_to(f"socket:[{inode}]")

    def suggests(self, kind: str, run: Callable[[Sequence[str], float], str] | None = None) -> dict[str, Suggestion]:
        found = Catalog().get(kind).discover(Host(self.root, run=run or (lambda command, seconds: "")))
        return {one.name: one for one in found}


@pytest.fixture
def host(tmp_path: Path) -> FakeHost:
    return FakeHost(tmp_path / "host")


# --- what listens -----------------------------------------------------------------------------------------------------


def test_each_program_and_port_is_found_once_at_the_address_that_reaches_it(host: FakeHost) -> None:
    host.listens(12, "sshd", "0.0.0.0", 22)
    host.listens(12, "sshd", "::", 22)
    host.listens(13, "named", "10.0.0.7", 53)
    host.listens(13, "named", "127.0.0.1", 53)
    host.listens(14, "app", "::", 7000)
    found = listeners(Host(host.root))
    assert [(one.program, one.address) for one in found] == [
        *(("sshd", "127.0.0.1:22"), ("named", "127.0.0.1:53"), ("app", "[::1]:7000"))
    ]


def test_a_v4_address_in_the_table_of_v6_is_one_of_v4(host: FakeHost) -> None:
    host.listens(12, "java", "::ffff:10.0.0.7", 7000)
    assert [one.address for one in listeners(Host(host.root))] == ["10.0.0.7:7000"]


def test_a_port_that_will_be_another_tomorrow_is_off(host: FakeHost) -> None:
    host.listens(12, "rpc.statd", "0.0.0.0", 40123)
    host.listens(13, "sshd", "127.0.0.1", 6010, CGROUPS["login"])
    found = host.suggests("tcp")
    assert "port 40123 is one that the kernel gives away" in found["rpc.statd-40123"].off
    assert "somebody's login" in found["sshd-6010"].off
    assert host.suggests("process") == {}


def test_a_program_that_may_not_be_seen_is_a_port(host: FakeHost) -> None:
    host.listens(12, "sshd", "0.0.0.0", 22)
    (host.root / "proc/12/fd/12000").unlink()
    assert host.suggests("tcp")["port-22"].why == "A program that we may not see listens on 0.0.0.0:22."


@contextlib.contextmanager
def greeting(text: bytes) -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        client = subprocess.Popen(
            [sys.executable, "-c", f"import socket; s=socket.socket(fileno=0)\nwhile 1: s.accept()[0].send({text!r})"],
            stdin=server.fileno(),
        )
        yield server.getsockname()[1]
        client.kill()
        client.wait()


@pytest.mark.parametrize(
    ("said", "expect"),
    [
        (b"SSH-2.0-OpenSSH_9.2\r\n", {"expect": r"^SSH-2\.0-"}),
        (b"220 mail ESMTP\r\n", {"expect": "^220[ -]"}),
        (b"hi\n", {}),
    ],
)
def test_a_server_that_greets_is_expected_to_greet(said: bytes, expect: dict[str, str], host: FakeHost) -> None:
    with greeting(said) as port:
        host.listens(12, "daemon", "127.0.0.1", port)
        suggestion = host.suggests("tcp")[f"daemon-{port}"]
    assert suggestion.settings == {"address": f"127.0.0.1:{port}", **expect}


def test_a_web_server_is_a_matter_of_http_and_nobody_else_is_asked_by_it(host: FakeHost) -> None:
    host.listens(12, "nginx", "127.0.0.1", 3)
    host.listens(13, "cupsd", "127.0.0.1", 4)
    assert host.suggests("http").keys() == {"nginx-3"}
    assert host.suggests("tcp").keys() == {"cupsd-4"}


def answer(status: int, name: str = "") -> Answer:
    seen = Seen(name, time.time() + 90 * 86400) if name else None
    return Answer(status, cast("Any", Message()), b"", 0, False, cast("Any", None), "", seen)


def test_a_web_server_is_asked_by_the_name_of_its_certificate_where_that_is_trusted() -> None:
    here = Listener("0.0.0.0", 443, "nginx")

    def trusted(settings: dict[str, Any]) -> Answer | None:
        return answer(301, "shop.example.com") if settings["url"].startswith("https") else None

    def self_made(settings: dict[str, Any]) -> Answer | None:
        return trusted(settings) if settings.get("verify") is False else None

    by_name = {"url": "https://shop.example.com/", "connect_to": "127.0.0.1:443"}
    assert find_settings(here, trusted)[0] == by_name | {"expect_status": 301}
    settings, words = find_settings(here, self_made)
    assert settings == {"url": "https://127.0.0.1:443/", "verify": False, "expect_status": 301}
    assert "is not verified" in words


def test_what_a_web_server_says_today_is_expected_unless_it_is_broken() -> None:
    here = Listener("0.0.0.0", 80, "nginx")
    for status, expected in ((200, {}), (404, {"expect_status": 404}), (503, {})):
        assert find_settings(here, lambda settings, status=status: answer(status))[0] == {  # type: ignore[misc]
            "url": "http://127.0.0.1:80/",
            **expected,
        }


# --- the other types --------------------------------------------------------------------------------------------------


def test_a_server_that_no_unit_stands_for_is_watched_as_a_process(host: FakeHost) -> None:
    host.listens(12, "sshd", "0.0.0.0", 22, CGROUPS["service"])
    host.listens(13, "redis-server", "127.0.0.1", 6379)
    host.listens(14, "python3", "127.0.0.1", 8000)
    assert host.suggests("process").keys() == {"redis-server"}


def test_systemd_units_that_start_with_the_host_are_watched_and_what_has_failed_is_left_out(host: FakeHost) -> None:
    def systemctl(command: Sequence[str], seconds: float) -> str:
        if "show" in command:
            states = {"nginx.service": "enabled", "polkit.service": "static", "getty@tty1.service": "enabled"}
            blocks = [f"Id={name}\nUnitFileState={state}" for name, state in states.items()]
            for name, folder in (("backup", "/etc/systemd/system"), ("fstrim", "/usr/lib/systemd/system")):
                blocks.append(f"Id={name}.timer\nFragmentPath={folder}/{name}.timer\nUnitFileState=enabled")
            return "\n\n".join(blocks)
        return "● old.service loaded failed failed Old\n" if "--state=failed" in command else "nginx.service\n"

    assert host.suggests("systemd", systemctl) == {}, "systemd does not run"
    (host.root / "run/systemd/system").mkdir(parents=True)
    found = host.suggests("systemd", systemctl)
    assert found["services"].settings["unit"] == ["nginx.service", "backup.timer"]
    assert "old.service" in found["units"].settings["exclude"]
    assert "left out, as they have failed now: old.service" in found["units"].why


def test_arrays_are_found_with_their_state(host: FakeHost) -> None:
    assert host.suggests("raid") == {}
    files(host.root, {"proc/mdstat": WHOLE})
    assert "md5 (raid5) is whole" in host.suggests("raid")["raid"].why
    files(host.root, {"proc/mdstat": DEGRADED})
    assert "md1 (raid1) lacks 1 of 2 devices" in host.suggests("raid")["raid"].why


def test_certificates_are_found_where_servers_name_them(host: FakeHost) -> None:
    names = {
        "etc/nginx/sites-enabled/shop": "server {\n  ssl_certificate /etc/ssl/shop.pem;\n  ssl_certificate_key /k;\n}",
        "etc/nginx/conf.d/le.conf": "ssl_certificate /etc/letsencrypt/live/www.example.com/fullchain.pem;\n",
        "etc/apache2/sites-enabled/a.conf": '  SSLCertificateFile "/etc/ssl/apache.pem"\n',
        "etc/postfix/main.cf": "smtpd_tls_cert_file=/etc/ssl/certs/ssl-cert-snakeoil.pem\nsmtpd_tls_key_file=/key\n",
        "etc/dovecot/conf.d/10-ssl.conf": "#ssl_cert = </no.pem\nssl_cert = </etc/ssl/imap.pem\nssl_key = </k\n",
        "etc/letsencrypt/live/www.example.com/fullchain.pem": "",
    }
    assert host.suggests("certificate") == {}
    files(host.root, names)
    found = [one.settings["file"] for one in host.suggests("certificate").values()]
    assert found == [
        *("/etc/letsencrypt/live/*/fullchain.pem", "/etc/ssl/shop.pem", "/etc/ssl/apache.pem", "/etc/ssl/imap.pem")
    ]


def test_containers_that_are_not_well_now_are_left_out(tmp_path: Path) -> None:
    old = container("job", "exited", "Exited (1) 2 weeks ago")
    (tmp_path / "var/run").mkdir(parents=True)
    with docker_serving(tmp_path / "var/run/docker.sock", Engine(container("web", "running", "Up 3 hours"), old)):
        (found,) = Catalog().get("docker").discover(Host(tmp_path))
    assert found.settings == {"socket": "/var/run/docker.sock", "exclude": ["job"]}
    assert "these run: web; left out, as they are not well now: job" in found.why


@pytest.mark.parametrize(
    ("line", "job"),
    [
        ("15 3 * * * root /usr/local/bin/backup --password=secret >/dev/null 2>&1", ("backup", "25h")),
        ("*/5 * * * * root cd /srv/app && ./queue.sh", ("queue.sh", "2h")),
        ("0 4 * * 0 root MAILTO=x nice -n 10 /opt/report", ("report", "8d")),
        ("0 4 1 * * root test -x /opt/bill || /opt/bill", ("bill", "32d")),
        ("@daily root /opt/dump", ("dump", "25h")),
        ("*/5 * * * * www-data php -d pass=secret /var/www/cron.php secret", ("cron.php", "2h")),
        ("0 3 * * * root flock -w 5 /run/lock/x /usr/bin/python3 /opt/sync.py", ("sync.py", "25h")),
        ("0 3 * * * root python3 -m app.tasks secret", ("app.tasks", "25h")),
        ("0 3 * * * root . /etc/profile; sudo -u app -p secret /opt/run", ("run", "25h")),
        ('0 3 * * * root su postgres -c "PGPASSWORD=secret pg_dump -U secret x" > /b', ("pg_dump", "25h")),
        ("0 3 * * * root bash -lc 'cd /srv && /opt/a.sh secret && /opt/b.sh'", ("a.sh", "25h")),
        ("0 3 * * * root if [ -f /x ]; then /opt/y; fi", ("y", "25h")),
        ("0 3 * * * root for i in 1 2; do /opt/x $i; done", ("x", "25h")),
        ("0 3 * * * root sleep $((RANDOM % 60)); timeout 1h /opt/jitter", ("jitter", "25h")),
        ("0 3 * * * root mkdir -p /b && (cd /b && ./dump.sh)", ("dump.sh", "25h")),
        ("0 3 * * * root perl -e 'secret'", ("perl", "25h")),
        ("0 3 * * * root echo hello", None),
        ("0 3 * * * root '/opt/not closed", None),
        ("@reboot root /opt/start", None),
        ("0 0 29 2 * root /opt/leap", None),
        ("0 3 * * * root hostvigil wrap backup -- /usr/local/bin/backup", None),
        ("17 * * * * root cd / && run-parts --report /etc/cron.hourly", None),
        ("# 0 3 * * * root /opt/old", None),
        ("PATH=/usr/bin:/bin with more words than a job", None),
        ("0 3 * * *", None),
    ],
)
def test_cron_jobs_are_worth_a_hint_without_their_arguments(
    line: str, job: tuple[str, str] | None, host: FakeHost
) -> None:
    files(host.root, {"etc/cron.d/jobs": f"{line}\n", "etc/cron.d/anacron": "0 3 * * * root /opt/theirs\n"})
    found = host.suggests("pushed")
    assert {name: one.settings["ttl"] for name, one in found.items()} == (dict([job]) if job else {})
    for one in found.values():
        assert f"hostvigil wrap {one.name} --" in one.off
        assert "secret" not in one.why + one.off


def test_what_the_kernel_tells_is_watched_where_it_tells(host: FakeHost) -> None:
    for kind in ("load", "memory", "pressure", "reboot"):
        assert host.suggests(kind) == {}
    files(
        host.root,
        {
            "proc/stat": "cpu  1 2\ncpu0 1 2\ncpu1 1 2\n",
            "proc/meminfo": "MemTotal: 16777216 kB\nSwapTotal: 1048576 kB\n",
            "proc/pressure/memory": "some avg10=0.00\n",
            "proc/uptime": "1 2\n",
        },
    )
    assert host.suggests("load")["load"].why == "Found 2 CPU cores."
    assert host.suggests("memory")["memory"].why == "Found 16 GiB of memory, and 1 GiB of swap."
    assert host.suggests("pressure").keys() == {"pressure"}
    assert host.suggests("reboot").keys() == {"reboot"}


def test_a_disk_that_is_not_well_is_left_out_of_all_and_suggested_by_itself(host: FakeHost) -> None:
    lines = "21 1 8:1 / / rw - ext4 /dev/sda1 rw\n22 21 8:2 / /not/here[1] rw - ext4 /dev/sdb1 rw\n"
    files(host.root, {"proc/self/mountinfo": lines})
    found = host.suggests("disk")
    assert found["disk/not/here[1]"].settings["path"] == "/not/here[1]"
    if "disks" in found:  # this machine's own / may be too full
        assert "/not/here[[]1]" in found["disks"].settings["exclude"]["mount"]
    files(host.root, {"proc/self/mountinfo": lines.replace("[1]", "?")})
    assert host.suggests("disk")["disk/not/here?"].settings["include"] == {"mount": "/not/here[?]"}
