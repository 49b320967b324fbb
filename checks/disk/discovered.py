"""Which disks of this host are worth a check: all; those that are too full already, each by itself."""

from __future__ import annotations

from collections.abc import Iterator
from glob import escape
from typing import Any

from agent.api import Context, Host, PercentAbove, Size, Status, Suggestion, size_text
from checks.disk import mountinfo
from checks.disk.choice import Filter, choose, is_folder
from checks.disk.place import Place, measure
from checks.disk.usage import Levels, Usage, assess

LEVELS = {"warning": "85%", "critical": "95%", "critical_only_below": "20GiB"}
SECONDS = 5.0


def suggestions(host: Host) -> Iterator[Suggestion]:
    """Suggest one check for all disks that are well, and one for each that is not."""
    mounts = choose(mountinfo.read(host.path("/proc/self/mountinfo")), None, Filter(), is_folder)
    places = [Place(mount.point, mount.point, mount) for mount in mounts]
    answers = measure(Context("discover", SECONDS), places)
    good: list[Place] = []
    bad: list[Place] = []
    for place in places:
        if not place.not_for_us(answers[place.path]):
            (good if well(place, answers[place.path]) else bad).append(place)
    if good:
        settings: dict[str, Any] = {"mounts": "all", **LEVELS}
        if bad:
            settings["exclude"] = {"mount": [escape(place.path) for place in bad]}
        why = f"Found {'; '.join(words(place, answers[place.path]) for place in good)}."
        yield Suggestion(name="disks", settings=settings, why=why, about=("mounts",))
    for place in bad:
        why = f"Found {words(place, answers[place.path])}; it is left out of `disks`."
        # A name with a wildcard in it can only be written as a pattern that means itself.
        odd = any(mark in place.path for mark in "*?")
        settings = {"mounts": "all", "include": {"mount": escape(place.path)}} if odd else {"path": place.path}
        about = ("mounts",) if odd else ("path",)
        yield Suggestion(name=f"disk{place.path}", settings={**settings, **LEVELS}, why=why, about=about)


def well(place: Place, answer: Usage | Exception) -> bool:
    """Tell whether a disk answers and is within the levels that are suggested."""
    if isinstance(answer, Exception):
        return False
    limits = Levels(
        warning=PercentAbove.parse(LEVELS["warning"]),
        critical=PercentAbove.parse(LEVELS["critical"]),
        critical_only_below=Size.parse(LEVELS["critical_only_below"]),
        inodes_warning=PercentAbove.parse("90%"),
    )
    read_only = place.mount is not None and place.mount.read_only
    return read_only or all(result.status is Status.OK for result in assess(answer, limits, place.name))


def words(place: Place, answer: Usage | Exception) -> str:
    size = f", {size_text(answer.total)}" if isinstance(answer, Usage) else ", which does not answer"
    return f"{place.name} ({place.origin}{size})"
