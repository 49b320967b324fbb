"""The dashboard for Grafana asks for nothing that /metrics does not give."""

from __future__ import annotations

import itertools
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from prometheus_client.parser import text_string_to_metric_families

from agent.model import Metric, Status
from agent.view.metrics import UNITS, exposition
from tests.view.test_metrics import snapshot

DASHBOARD = json.loads((Path(__file__).parents[2] / "packaging/grafana/hostvigil.json").read_text())
OF_THE_SCRAPE = {"instance"}
"""The labels that Prometheus adds."""


def given() -> dict[str, set[str]]:
    """Return each sample that a host with something of everything gives, with its labels."""
    metrics = [Metric("m", 1.0, unit) for unit in (*UNITS, "furlongs")]
    seen = snapshot({("web", "/"): (Status.OK, metrics), ("quiet", ""): (Status.CRITICAL, [])})
    found: dict[str, set[str]] = {}
    for family in text_string_to_metric_families(exposition(seen).decode()):
        for sample in family.samples:
            found.setdefault(sample.name, set()).update(sample.labels)
    return found


def queries() -> Iterator[tuple[str, str]]:
    """Yield each query with the words of its legend."""
    for panel in DASHBOARD["panels"]:
        for target in panel["targets"]:
            yield target["expr"], target["legendFormat"]
    for variable in DASHBOARD["templating"]["list"]:
        if variable["type"] == "query":
            yield variable["query"]["query"], ""


def test_every_metric_and_label_of_the_dashboard_is_one_of_ours() -> None:
    names = given()
    asked = list(queries())
    assert len(asked) > 15
    for query, legend in asked:
        used = re.findall(r"hostvigil_\w+", query)
        assert len(used) == 1, query
        assert used[0] in names, query
        known = names[used[0]] | OF_THE_SCRAPE
        assert set(re.findall(r"(\w+)=~?\"", query)) <= known, query
        assert set(re.findall(r"{{(\w+)}}", legend)) <= known, (query, legend)
        assert set(re.findall(r"\$(\w+)", query)) <= {"host", "check"}


def test_what_the_dashboard_leaves_out_is_known() -> None:
    used = {name for query, _ in queries() for name in re.findall(r"hostvigil_\w+", query)}
    assert given().keys() - used == {
        "hostvigil_info",
        "hostvigil_start_time_seconds",
        "hostvigil_check_status_since_timestamp_seconds",
        "hostvigil_check_last_run_timestamp_seconds",
        "hostvigil_check_mark",
        "hostvigil_destination_last_delivery_timestamp_seconds",
    }


def test_no_panel_lies_on_another_and_each_has_a_name_of_its_own() -> None:
    places: list[dict[str, Any]] = [panel["gridPos"] for panel in DASHBOARD["panels"]]
    for one, two in itertools.combinations(places, 2):
        beside = one["x"] + one["w"] <= two["x"] or two["x"] + two["w"] <= one["x"]
        below = one["y"] + one["h"] <= two["y"] or two["y"] + two["h"] <= one["y"]
        assert beside or below, (one, two)
    assert all(one["x"] + one["w"] <= 24 for one in places)
    for key in ("id", "title"):
        found = [panel[key] for panel in DASHBOARD["panels"]]
        assert len(set(found)) == len(found)
