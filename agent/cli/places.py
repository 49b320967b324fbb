"""Where commands look when nobody says where."""

from __future__ import annotations

import os
from pathlib import Path

from agent.config.files.probe import Mounts

DEFAULT_CONFIG = "/etc/hostvigil/conf.d"
DEFAULT_RELAY_CONFIG = "/etc/hostvigil/relay.yaml"
ROOT_STATE = "/var/lib/hostvigil"


def default_config() -> Path:
    return Path(os.environ.get("HOSTVIGIL_CONFIG") or DEFAULT_CONFIG)


def default_state(to_push: bool = False) -> Path:
    """Return systemd's directory for us, else the server's for root and who else may enter it, else the user's own.

    Where there is a server's, its agent is meant `to_push` to, even by those who may not: they are told so.
    """
    if directory := os.environ.get("STATE_DIRECTORY"):
        return Path(directory.split(":", maxsplit=1)[0])
    if os.geteuid() == 0 or is_there(Path(ROOT_STATE), os.F_OK if to_push else os.X_OK):
        return Path(ROOT_STATE)
    home = os.environ.get("XDG_STATE_HOME") or Path.home() / ".local/state"
    return Path(home) / "hostvigil"


def is_there(state: Path, how: int) -> bool:
    """Tell whether we may use a state directory so; one that does not answer is the one that is meant."""
    if Mounts().may_hang(str(state)):
        from agent.config.files.patience import answers

        if not answers(state):
            return True
    return os.access(state, how)
