#!/bin/sh
# After files are laid down. $1: deb "configure" (or "abort-..."), rpm 1 or 2.
set -e
umask 022
getent group hostvigil >/dev/null || groupadd --system hostvigil
getent passwd hostvigil >/dev/null ||
    useradd --system --gid hostvigil --home-dir /var/lib/hostvigil --no-create-home --shell /usr/sbin/nologin hostvigil
[ -d /var/lib/hostvigil ] || install -d -o hostvigil -g hostvigil -m 0710 /var/lib/hostvigil
# What root writes there belongs to the group, so that the agent can read it.
chown root:hostvigil /etc/hostvigil/conf.d
chmod 2750 /etc/hostvigil/conf.d

/opt/hostvigil/bin/python -I -m compileall -q -f /opt/hostvigil/lib || true

# What editors know of the drop-ins, with the owner's own check types.
schema=/etc/hostvigil/conf.d/hostvigil.schema.json
if /opt/hostvigil/bin/hostvigil schema >"$schema.new"; then mv "$schema.new" "$schema"; else rm -f "$schema.new"; fi

if [ -d /run/systemd/system ]; then
    systemctl daemon-reload
    if [ -e /run/hostvigil.upgrade ]; then
        rm -f /run/hostvigil.upgrade
        # An agent that does not start is no broken package: systemd tries it again, and the journal has the reason.
        systemctl start hostvigil.service || true
    fi
fi
case "$1" in
    configure) [ -n "$2" ] || new=yes ;;
    1) new=yes ;;
esac
[ -z "${new:-}" ] || echo "hostvigil is installed. What is next: hostvigil setup"
