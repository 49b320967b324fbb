"""The papers that come with a package: licences, the manual page; compressed the same way each time."""

from __future__ import annotations

import gzip
import re
from email.parser import Parser
from pathlib import Path


def write(file: Path, text: str) -> None:
    file.write_bytes(gzip.compress(text.encode(), 9, mtime=0))


def licences(site: Path, home: str) -> str:
    """Name the licence of the agent and of each package that comes with it."""
    parts = [
        "Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/",
        "Upstream-Name: hostvigil",
        "",
        "Files: *",
        "Copyright: 2026 hostvigil maintainers",
        "License: Apache-2.0",
        " On Debian systems, the full text is in /usr/share/common-licenses/Apache-2.0.",
        "",
        f"Comment: The packages below /{home}/lib have licences of their own; the texts are in *.dist-info there.",
    ]
    for file in sorted(site.glob("*.dist-info/METADATA")):
        about = Parser().parsestr(file.read_text(), headersonly=True)
        licence = about["License-Expression"] or (about["License"] or "see its dist-info").splitlines()[0]
        parts.append(f" {about['Name']} {about['Version']}: {licence}")
    return "\n".join(parts) + "\n"


def manual() -> str:
    """Write the manual page from the command's own help."""
    from agent.cli.options import COMMANDS, DEFAULT_CONFIG, ROOT_STATE

    def said(text: str) -> str:
        return re.sub(r"^([.'])", r"\\&\1", text.replace("\\", "\\e").replace("-", "\\-"))

    commands = "".join(f".TP\n.B hostvigil {said(name)}\n{said(text)}\n" for name, text in COMMANDS.items())
    return (
        '.TH HOSTVIGIL 1 "" "hostvigil" "User Commands"\n.SH NAME\nhostvigil \\- monitoring agent for servers\n'
        ".SH SYNOPSIS\n.B hostvigil\n.I COMMAND\n[options]\n.SH DESCRIPTION\n"
        "Runs checks and tells every change of their status as an event.\n"
        ".B hostvigil \\fICOMMAND\\fB \\-\\-help\nsays what a command takes.\n"
        f".SH COMMANDS\n{commands}.SH FILES\n.TP\n.I {said(DEFAULT_CONFIG)}\nthe configuration\n"
        f".TP\n.I {said(ROOT_STATE)}\nwhat is believed, and what is still to be told\n"
        ".TP\n.I /usr/share/hostvigil/samples\ndrop\\-ins to copy from\n"
        ".SH SEE ALSO\n.I /usr/share/doc/hostvigil\n"
    )
