"""Names of time zones as people write them, and the one that is meant. No hint is better than one to another time."""

from __future__ import annotations

import re
from collections.abc import Collection
from functools import lru_cache

_ENOUGH = 0.9
"""How alike two names must be: `Asia/Bejing` is not `Asia/Beirut`."""
_SHORTEST = 7
"""Of shorter names a slip is another zone: CEST is not EST."""
_BY_CITY = {
    "cest": "Europe/Berlin",
    "mesz": "Europe/Berlin",
    "mez": "Europe/Berlin",
    "bst": "Europe/London",
    "msk": "Europe/Moscow",
    "edt": "America/New_York",
    "cdt": "America/Chicago",
    "mdt": "America/Denver",
    "pst": "America/Los_Angeles",
    "pdt": "America/Los_Angeles",
    "beijing": "Asia/Shanghai",
    "asia/beijing": "Asia/Shanghai",
    "jst": "Asia/Tokyo",
    "kst": "Asia/Seoul",
    "hkt": "Asia/Hong_Kong",
    "sgt": "Asia/Singapore",
    "aest": "Australia/Sydney",
    "aedt": "Australia/Sydney",
    "z": "UTC",
}
"""Names for a zone's time that mean one zone, and that no database has."""
_OFFSET = re.compile(r"(?:utc|gmt)?([+-])([01]?[0-9])(?::?00)?")


@lru_cache
def zone_fault(name: str) -> str:
    """Say what is wrong with a time zone's name; nothing is ''."""
    from zoneinfo import ZoneInfo, available_timezones

    try:
        ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        zones = available_timezones()
        if not zones:
            return "cannot be looked up: this host has no time zone database, install the package tzdata"
        return f"is not a known time zone, {_advice(name, zones)}"
    return ""


def _advice(name: str, zones: Collection[str]) -> str:
    plain = name.strip().lower().replace(" ", "_")
    if plain in ("local", "localtime", "system", "host"):
        return "leave it out for the host's own"
    if offset := _OFFSET.fullmatch(plain):
        fixed = f"Etc/GMT{'-' if offset[1] == '+' else '+'}{int(offset[2])}"
        return f"write its city, such as Europe/Berlin{f', or {fixed} for no summer time' if fixed in zones else ''}"
    if zone := _nearest_zone(plain, zones):
        return f"did you mean '{zone}'?"
    return "write for example Europe/Berlin"


def _nearest_zone(plain: str, zones: Collection[str]) -> str:
    """Return the zone of this name in other letters, of this city, or of this name but for a slip; '' for none."""
    from difflib import get_close_matches

    if plain in _BY_CITY and _BY_CITY[plain] in zones:
        return _BY_CITY[plain]
    by_name = {zone.lower(): zone for zone in sorted(zones)}
    by_city = {zone.lower().rpartition("/")[2]: zone for zone in sorted(zones) if "/" in zone}
    close = get_close_matches(plain, by_name, 1, _ENOUGH) if len(plain) >= _SHORTEST else []
    return by_name.get(plain) or by_city.get(plain) or next((by_name[one] for one in close), "")
