"""The service under OpenRC, that of Debian 12: start, reload, a kill, stop (make install-tests)."""

from __future__ import annotations

from tests.install.server import ROOT, package, server

STATES = "exclusive starting started stopping inactive wasinactive failed hotplugged daemons options tmp scheduled"
LIFE = f"""
set -e
mount -t tmpfs none /run
for name in {STATES}; do mkdir -p /run/openrc/$name; done
echo default >/run/openrc/softlevel
agent() {{ pgrep -u hostvigil -f "hostvigil run"; }}
wait_for() {{
    for _ in $(seq 300); do if "$@" >/dev/null 2>&1; then return; fi; sleep 0.1; done
    echo "never: $*"; exit 1
}}
asked() {{ hostvigil status | grep -q 'agent running'; }}
another() {{ now=$(agent) && [ "$now" != "$first" ]; }}
rc-service --nodeps hostvigil start
wait_for asked
first=$(agent)
echo 'checks: {{flag: {{type: file, path: /flag, expect: absent, interval: 1s}}}}' >/etc/hostvigil/conf.d/flag.yaml
chgrp hostvigil /etc/hostvigil/conf.d/flag.yaml
rc-service --nodeps hostvigil reload
taken() {{ hostvigil status flag | grep -q '^ok'; }}
wait_for taken
[ "$(agent)" = "$first" ]
kill -9 $first
wait_for another
grep Umask /proc/$(agent)/status
stat -c '%a %U %n' /run/hostvigil /var/lib/hostvigil
rc-service --nodeps hostvigil status
rc-service --nodeps hostvigil stop
if agent; then exit 1; fi
"""


def test_the_service_starts_reloads_comes_back_after_a_kill_and_stops() -> None:
    with server("deb12", "openrc", "procps", "python3.11", "passwd") as host:
        host.run(f"dpkg -i {host.put(package('deb12'))}")
        service = host.root / "etc/init.d/hostvigil"
        service.write_text((ROOT / "packaging/openrc/hostvigil").read_text())
        service.chmod(0o755)
        said = host.run(LIFE, seconds=120)
    assert "Umask:\t0077" in said
    assert "750 hostvigil /run/hostvigil" in said
    assert "710 hostvigil /var/lib/hostvigil" in said
    assert "status: started" in said
