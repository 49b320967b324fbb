"""Names of time zones as people write them: the hint is the zone that is meant, never one with another time."""

from __future__ import annotations

import pytest

from agent.config.calendar.zones import zone_fault

MEANT = {
    "europe/berlin": "did you mean 'Europe/Berlin'?",
    "Berlin": "did you mean 'Europe/Berlin'?",
    "America/New York": "did you mean 'America/New_York'?",
    "Asia/Hongkong": "did you mean 'Asia/Hong_Kong'?",
    "America/Los_Angelos": "did you mean 'America/Los_Angeles'?",
    "CEST": "did you mean 'Europe/Berlin'?",
    "Asia/Beijing": "did you mean 'Asia/Shanghai'?",
    "UTC+2": "write its city, such as Europe/Berlin, or Etc/GMT-2 for no summer time",
    "-05:00": "write its city, such as Europe/Berlin, or Etc/GMT+5 for no summer time",
    "GMT+19": "write its city, such as Europe/Berlin",
    "local": "leave it out for the host's own",
    "Asia/Bejing": "write for example Europe/Berlin",
    "CST": "write for example Europe/Berlin",
    "": "write for example Europe/Berlin",
}


@pytest.mark.parametrize("name", MEANT)
def test_a_zone_by_another_name_leads_to_the_same_time_or_nowhere(name: str) -> None:
    assert zone_fault(name) == f"is not a known time zone, {MEANT[name]}"


@pytest.mark.parametrize("name", ["UTC", "EST", "Etc/GMT-2", "Europe/Berlin"])
def test_a_zone_of_the_database_is_taken(name: str) -> None:
    assert zone_fault(name) == ""
