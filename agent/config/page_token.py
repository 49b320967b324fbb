"""The file with the token that lets the page act: whose it is, and what stands in it."""

from __future__ import annotations

import stat
from functools import partial
from pathlib import Path

from agent.config.files.content import Unreadable, regular_file
from agent.config.files.patience import Patience

EXAMPLE = "/etc/hostvigil/page_token"
LEAST, MOST = 20, 200
"""Letters of a token: fewer could be guessed."""
MAKE = "head -c 24 /dev/urandom | base64 | install -m 600 -o hostvigil /dev/stdin {path}"


def problem(path: str, patience: Patience) -> str:
    """Say what is wrong with the file, as far as it can be seen from outside; empty when nothing is."""
    try:
        return patience.one(path, partial(_problem, path))
    except Unreadable as error:
        return str(error)


def no_path(path: str) -> str:
    """Say why a text is no path of a token's file; empty when it is one."""
    return "" if path.startswith("/") and path.isprintable() else f"is no whole path, write for example {EXAMPLE}"


def _problem(path: str) -> str:
    if wrong := no_path(path):
        return wrong
    try:
        mode = Path(path).stat().st_mode
    except PermissionError:
        return ""  # whoever asks may not see it; the agent may
    except OSError as error:
        return f"cannot be used ({error.strerror}), make it: {MAKE.format(path=path)}"
    if not stat.S_ISREG(mode):
        return "is not a regular file"
    if mode & 0o077:
        return f"may be used by others than its owner, write chmod 600 {path}"
    return ""


def read(path: str) -> str:
    """Return the token; Unreadable says why there is none."""
    patience = Patience()
    if wrong := problem(path, patience):
        raise Unreadable(wrong)
    token = patience.one(path, partial(regular_file, Path(path), MOST + 2)).decode("ascii", "replace").strip()
    if not (LEAST <= len(token) <= MOST and token.isascii() and token.isprintable() and " " not in token):
        raise Unreadable(f"must hold one word of {LEAST} to {MOST} letters, make it: {MAKE.format(path=path)}")
    return token
