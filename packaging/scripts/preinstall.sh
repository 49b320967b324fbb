#!/bin/sh
# Before files are laid down. $1: deb "install" or "upgrade", rpm 1 or 2.
set -e
case "$1" in upgrade | 2) ;; *) exit 0 ;; esac
# The agent imports late: it must not find files of another version. The script after the installation starts it again.
if [ -d /run/systemd/system ] && systemctl --quiet is-active hostvigil.service; then
    touch /run/hostvigil.upgrade
    systemctl stop hostvigil.service
fi
find /opt/hostvigil -type d -name __pycache__ -prune -exec rm -rf {} + 2>/dev/null || true
