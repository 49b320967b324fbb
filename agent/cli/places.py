"""Where commands look when nobody says where."""

from __future__ import annotations

import os
from pathlib import Path

from agent.config.files.probe import Mounts

DEFAULT_CONFIG = "/etc/hostvigil/conf.d"
DEFAULT_RELAY_CONFIG = "/etc/hostvigil/relay.yaml"
ROOT_STATE = "/var/lib/hostvigil"
OWN_STATE = "~/.local/state"


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
    return state_of_user(os.environ.get("XDG_STATE_HOME") or os.path.expanduser(OWN_STATE))  # noqa: PTH111 - see there


def state_of_user(home: str) -> Path:
    """Return a user's own directory; the server's where he has no home, nor a name to find it by, as in a container."""
    return Path(ROOT_STATE) if home == OWN_STATE else Path(home) / "hostvigil"


def is_there(state: Path, how: int) -> bool:
    """Tell whether we may use a state directory so; one that does not answer is the one that is meant."""
    if Mounts().may_hang(str(state)):
        from agent.config.files.patience import answers

        if not answers(state):
            return True
    return os.access(state, how)
