"""Which processes of this host are worth a check: servers that no systemd unit stands for."""

from __future__ import annotations

import re
from collections.abc import Iterator

from agent.api import Host, Suggestion
from checks._network.listening import Listener, listeners

MANY = re.compile(r"python|java$|node$|ruby|perl|php|sh$|bash$|dotnet$|mono$|beam|docker-proxy$|rootlessport$")
"""Their names do not say which program they run; its port is watched all the same."""


def suggestions(host: Host) -> Iterator[Suggestion]:
    servers = {one.program: one for one in reversed(listeners(host)) if _stands_alone(one)}
    for name, one in sorted(servers.items()):
        yield Suggestion(name=name, settings={"name": name}, why=f"{one.words}.", about=("name",))


def _stands_alone(listener: Listener) -> bool:
    """A service is systemd's own matter (type systemd), a scope mostly a container (type docker)."""
    return (
        bool(listener.program)
        and listener.program.isprintable()
        and not listener.off
        and not MANY.match(listener.program)
        and ".service" not in listener.cgroup
        and ".scope" not in listener.cgroup
    )
