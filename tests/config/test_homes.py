"""A setting of the agent at another place than its own: it is said where it belongs."""

from __future__ import annotations

from pathlib import Path

import pytest

from agent.config.drop_ins import load
from agent.config.types.catalog import Catalog

REAL = Catalog()
OPS = "agent: {destinations: {ops: {type: webhook, url: 'https://x', "
MISPLACED = {
    "agent: {events: {^page: 5m}}": "'agent.events.page': stands under `agent:`",
    "agent: {events: {^interval: 5m}}": "'agent.events.interval': is a setting of a check",
    "agent: {events: {^accepted: 5m}}": "stands in a destination, under `destinations:` in `agent:`",
    "agent: {^weekly: 5m}": "'agent.weekly': stands under `maintenance:`",
    "agent: {^body: 5m}": "'agent.body': stands in a destination, under `destinations:` in `agent:`",
    f"{OPS}^most_events: 5}}}}}}": "stands under `events:` in `agent:`",
    f"{OPS}^select: x}}}}}}": "stands under `maintenance:`",
    "agent: {history: {^watch: true}}": "'agent.history.watch': stands under `agent:`",
    "^checks_d: x": "'checks_d' stands under `agent:`: write that line above it, and indent it",
    "^api_key: x": "'api_key' stands under `events:` in `agent:`",
    "^hourly: x": "'hourly' stands under `history:` in `agent:`",
}


@pytest.mark.parametrize("text", MISPLACED)
def test_a_setting_at_another_place_is_told_where_it_belongs(text: str, tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text(f"{text.replace('^', '')}\nchecks: {{a: {{type: load}}}}\n")
    (problem,) = load(tmp_path, REAL, {}).problems
    assert (problem.place.line, problem.place.column) == (1, text.index("^") + 1)
    assert problem.text.endswith(MISPLACED[text])


def test_a_setting_of_another_type_is_told_with_what_this_type_has(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text("checks: {a: {type: load, method: GET}}\n")
    (problem,) = load(tmp_path, REAL, {}).problems
    assert "unknown setting 'method', write one of load1_warning/critical" in problem.text
