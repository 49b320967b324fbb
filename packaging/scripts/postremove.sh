#!/bin/sh
# After files were taken away. $1: deb "remove", "purge" or "upgrade", rpm 0 or 1. The user stays, as Debian asks for: its
# number must not become another's while files of it may lie somewhere.
set -e
case "$1" in
    remove | 0)
        rm -rf /opt/hostvigil # what Python compiled meanwhile
        rm -f /etc/hostvigil/conf.d/hostvigil.schema.json
        ;;
    purge)
        rm -rf /etc/hostvigil /var/lib/hostvigil /etc/systemd/system/hostvigil.service.d /opt/hostvigil
        ;;
esac
if [ -d /run/systemd/system ]; then systemctl daemon-reload || true; fi
