"""The papers that come with a package: licences, the changelog, the manual pages; compressed the same way each time."""

from __future__ import annotations

import gzip
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
