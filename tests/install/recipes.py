"""The recipes on a server of Debian 12: each against the real one, at work and stopped (make install-tests)."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

import pytest

from tests.install.server import ROOT, Server, package, server

RECIPES = (ROOT / "docs/recipes.md").read_text()
PACKAGES = (
    *("systemd", "systemd-sysv", "dbus", "ca-certificates", "openssl", "acl", "monitoring-plugins-standard"),
    *("python3.11", "passwd"),
    *("nginx-light", "mariadb-server", "postgresql", "redis-server", "postfix", "logrotate"),
)
NGINX = r"""
ssl_certificate /etc/letsencrypt/live/www.example.com/fullchain.pem;
ssl_certificate_key /etc/letsencrypt/live/www.example.com/privkey.pem;
server { listen 127.0.0.1:80 default_server; return 301 https://www.example.com$request_uri; }
server { listen 443 ssl; server_name www.example.com; root /var/www/html; }
server { listen 127.0.0.1:80; server_name 127.0.0.1;
         location = /nginx_status { stub_status; allow 127.0.0.1; deny all; } }
"""
PREPARE = r"""
set -e
echo '127.0.0.1 localhost www.example.com mail.example.com' >/etc/hosts
live=/etc/letsencrypt/live/www.example.com; mkdir -p $live /etc/letsencrypt/archive; chmod 700 /etc/letsencrypt/live
openssl req -x509 -newkey rsa:2048 -nodes -days 90 -subj /CN=www.example.com \
    -keyout $live/privkey.pem -out $live/fullchain.pem \
    -addext subjectAltName=DNS:www.example.com,DNS:mail.example.com 2>/dev/null
cp $live/fullchain.pem /usr/local/share/ca-certificates/own.crt; update-ca-certificates >/dev/null 2>&1
rm -f /etc/nginx/sites-enabled/default; echo '<html></html>' >/var/www/html/index.html
postconf -e smtpd_tls_cert_file=$live/fullchain.pem smtpd_tls_key_file=$live/privkey.pem inet_protocols=ipv4
sed -i 's/^# *requirepass .*/requirepass of_a_test/' /etc/redis/redis.conf
cd /etc/hostvigil
printf of_a_test >redis_password
systemctl restart nginx mariadb postgresql redis-server postfix
mariadb -e "CREATE USER hostvigil@localhost IDENTIFIED BY 'of_a_test'; GRANT SELECT ON mysql.* TO hostvigil@localhost"
printf '[client]\nuser=hostvigil\npassword=of_a_test\n' >mysql.cnf
runuser -u postgres -- psql -qc "CREATE ROLE hostvigil LOGIN PASSWORD 'of_a_test'" -c "GRANT pg_monitor TO hostvigil"
printf '[hostvigil]\nhost=127.0.0.1\nuser=hostvigil\npassword=of_a_test\ndbname=postgres\n' >pg_service.conf
chown root:hostvigil redis_password mysql.cnf pg_service.conf
chmod 640 redis_password mysql.cnf pg_service.conf
setfacl -R -m u:hostvigil:rX /etc/letsencrypt/live /etc/letsencrypt/archive
mkdir -p /etc/systemd/system/hostvigil.service.d
printf '[Service]\nSupplementaryGroups=adm\n' >/etc/systemd/system/hostvigil.service.d/adm.conf
systemctl daemon-reload
"""
STOPPED = {
    "nginx": ("nginx", {"nginx", "site", "to-https", "connections"}),
    "mariadb": ("mysql", {"mysql", "mysql-port", "mysql-threads"}),
    "postgresql": ("postgres", {"postgres", "postgres-port", "postgres-answer"}),
    "redis-server": ("redis", {"redis", "redis-answer", "redis-login"}),
    "postfix@-": ("postfix", {"postfix"}),
}
"""By unit: the check that the others depend on, and those that must be critical once it is stopped."""
SECTIONS = ("nginx", "MySQL and MariaDB", "PostgreSQL", "Redis", "Certificates", "Queues")
ABSENT = ("rabbitmq", "jobs")
"""What is not on this server: RabbitMQ, and a folder of jobs."""


def recipe(heading: str) -> str:
    [text] = re.findall(rf"^## {heading}$.*?^```yaml\n(.*?)^```$", RECIPES, re.M | re.S)
    return str(text)


def without_absent(text: str) -> str:
    for name in ABSENT:
        text = re.sub(rf"^  {name}:.*\n(?:    .*\n)*", "", text, flags=re.M)
    return text


@pytest.fixture(scope="module")
def host() -> Iterator[Server]:
    with server("deb12", *PACKAGES) as empty, empty.booted("--private-network"):
        empty.run(f"DEBIAN_FRONTEND=noninteractive dpkg -i {empty.put(package('deb12'))}")
        (empty.root / "etc/nginx/conf.d/own.conf").write_text(NGINX)
        empty.run(PREPARE)
        for number, heading in enumerate(SECTIONS):
            file = empty.root / f"etc/hostvigil/conf.d/recipe-{number}.yaml"
            file.write_text("defaults: {interval: 5s}\n" + without_absent(recipe(heading)))
        empty.run("chgrp hostvigil /etc/hostvigil/conf.d/*.yaml && chmod 640 /etc/hostvigil/conf.d/*.yaml")
        empty.run("hostvigil validate && systemctl start hostvigil")
        yield empty


def statuses(host: Server) -> dict[str, str]:
    """Return the worst status of each check."""
    found: dict[str, str] = {}
    order = ("ok", "nodata", "warning", "critical")
    for one in json.loads(host.run("hostvigil status --json"))["checks"]:
        name = one["check"]
        found[name] = max(found.get(name, "ok"), one["status"], key=order.index)
    return found


def test_each_recipe_is_well_while_its_server_is(host: Server) -> None:
    wanted = set(re.findall(r"^  ([a-z-]+):", "".join(map(without_absent, map(recipe, SECTIONS))), re.M))
    said = ""
    for _ in range(90):
        found = statuses(host)
        if {found.get(name) for name in wanted} == {"ok"}:
            break
        said = host.run("sleep 1; hostvigil status")
    assert {name: found.get(name) for name in sorted(wanted)} == dict.fromkeys(sorted(wanted), "ok"), said


@pytest.mark.parametrize("unit", STOPPED)
def test_a_server_that_stopped_is_critical_and_named_once(host: Server, unit: str) -> None:
    parent, bad = STOPPED[unit]
    host.run(f"systemctl stop '{unit}'")
    found: dict[str, str] = {}
    for _ in range(60):
        found = statuses(host)
        if all(found.get(name) == "critical" for name in bad):
            break
        host.run("sleep 1")
    assert {name: found.get(name) for name in bad} == dict.fromkeys(bad, "critical"), host.run("hostvigil status")
    told = host.run("hostvigil events --json")
    changes = {one["check"] for one in json.loads(told)["events"] if one.get("status") == "critical"}
    assert parent in changes
    host.run(f"systemctl start '{unit}'")
