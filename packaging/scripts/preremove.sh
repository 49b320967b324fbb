#!/bin/sh
# Before files are taken away. $1: deb "remove" or "upgrade", rpm 0 or 1.
set -e
case "$1" in remove | 0) ;; *) exit 0 ;; esac
if [ -d /run/systemd/system ]; then systemctl --quiet disable --now hostvigil.service || true; fi
find /opt/hostvigil -type d -name __pycache__ -prune -exec rm -rf {} + 2>/dev/null || true
