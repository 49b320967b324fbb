"""Which units of this host are worth a check: all that fail, and the services that are started with the host."""

from __future__ import annotations

from collections.abc import Iterator
from fnmatch import fnmatchcase

from agent.api import Host, Suggestion
from checks.systemd.units import blocks, read_names

NOISY = ["user@*.service", "run-*", "*-wait-online.service"]
"""What fails or ends without meaning anything."""
NOT_SERVERS = ("getty@*", "serial-getty@*", "user@*", "hostvigil.service")


def suggestions(host: Host) -> Iterator[Suggestion]:
    """Suggest a check of all units, and one of the services that are started with the host and run."""
    if not host.path("/run/systemd/system").is_dir():
        return
    command = ("systemctl", "list-units", "--plain", "--no-legend", "--no-pager")
    bad = read_names(host.output(*command, "--all", "--state=failed", "--state=bad-setting,error"))
    why = "systemd runs here" + (f"; left out, as they have failed now: {', '.join(bad)}." if bad else ".")
    counts = {"fail_after": {"warning": 2, "critical": 1, "nodata": 3}}
    yield Suggestion(name="units", settings={"exclude": NOISY + bad, **counts}, why=why, about=("unit",))
    names = read_names(host.output(*command, "--type=service,timer", "--state=running,waiting"))
    properties = "--property=Id,UnitFileState,FragmentPath"
    properties_text = host.output("systemctl", "show", "--no-pager", properties, "--", *names)
    if units := _worth_watching(properties_text):
        why = "These are started with the host, and run. A timer whose service fails shows in `units`."
        yield Suggestion(name="services", settings={"unit": units, "fail_after": 2}, why=why, about=("unit",))


def _worth_watching(properties_text: str) -> list[str]:
    """Pick what is enabled, as what starts on demand may also end; of the timers those that somebody made here."""
    enabled = {
        block.get("Id", ""): block.get("FragmentPath", "")
        for block in blocks(properties_text)
        if block.get("UnitFileState") == "enabled"
    }
    return [
        name
        for name, file in enabled.items()
        if not any(fnmatchcase(name, pattern) for pattern in NOT_SERVERS)
        and (not name.endswith(".timer") or file.startswith("/etc/"))
    ]
