"""The whole text for Prometheus, once as it stands: who scrapes it relies on each line."""

from __future__ import annotations

import math

import pytest

from agent import __version__
from agent.model import Metric, State, Status
from agent.view.exposition import Family, text
from agent.view.metrics import exposition
from agent.view.snapshot import AgentView, CheckView, DestinationView, Mark, Snapshot, SubjectView

WEB = SubjectView(
    check="web",
    subject="/cart",
    type="http",
    status=Status.CRITICAL,
    since=1_000,
    state=State("web", "/cart", events=3),
    notified=None,
    notified_at=0,
    suppressed_by="",
    marks=(Mark.SILENCED, Mark.LATE),
    last_run=2_500,
    duration=0.25,
    late=6.5,
    metrics=(
        Metric("time", 0.5, "s"),
        Metric("wait", 250.0, "ms"),
        Metric("tick", 250.0, "us"),
        Metric("size", 2048.0, "B"),
        Metric("used", 91.0, "%"),
        Metric("users", 7.0),
        Metric("length", 8.0, "furlongs"),
    ),
)
NEW = SubjectView("db", "", "tcp", Status.NODATA, 0, State("db"), None, 0, "")
SEEN = Snapshot(
    5_000,
    AgentView(42, 4_000, ("a.yaml: wrong", "b.yaml: wrong")),
    {"web": CheckView("web", None, (), (WEB,)), "db": CheckView("db", None, (), (NEW,))},
    (DestinationView("events", 2, 3_500, 1, 3_000, "HTTP 503"), DestinationView("ops")),
)

WANTED = f"""\
# HELP hostvigil_info The version of the command that wrote this.
# TYPE hostvigil_info gauge
hostvigil_info{{version="{__version__}"}} 1.0
# HELP hostvigil_up 1: an agent is at work.
# TYPE hostvigil_up gauge
hostvigil_up 1.0
# HELP hostvigil_start_time_seconds When the agent began, Unix time.
# TYPE hostvigil_start_time_seconds gauge
hostvigil_start_time_seconds 4.0
# HELP hostvigil_configuration_problems Problems of the configuration's files now.
# TYPE hostvigil_configuration_problems gauge
hostvigil_configuration_problems 2.0
# HELP hostvigil_destination_waiting Notifications still to be told.
# TYPE hostvigil_destination_waiting gauge
hostvigil_destination_waiting{{destination="events"}} 2.0
hostvigil_destination_waiting{{destination="ops"}} 0.0
# HELP hostvigil_destination_refused Notifications that were refused, set aside.
# TYPE hostvigil_destination_refused gauge
hostvigil_destination_refused{{destination="events"}} 1.0
hostvigil_destination_refused{{destination="ops"}} 0.0
# HELP hostvigil_destination_oldest_timestamp_seconds When the oldest that waits was observed, Unix time.
# TYPE hostvigil_destination_oldest_timestamp_seconds gauge
hostvigil_destination_oldest_timestamp_seconds{{destination="events"}} 3.5
# HELP hostvigil_destination_last_delivery_timestamp_seconds When it took something last, Unix time.
# TYPE hostvigil_destination_last_delivery_timestamp_seconds gauge
hostvigil_destination_last_delivery_timestamp_seconds{{destination="events"}} 3.0
# HELP hostvigil_check_status What is decided: 0 ok, 1 warning, 2 critical, 3 nodata.
# TYPE hostvigil_check_status gauge
hostvigil_check_status{{check="web",subject="/cart",type="http"}} 2.0
hostvigil_check_status{{check="db",subject="",type="tcp"}} 3.0
# HELP hostvigil_check_status_since_timestamp_seconds Since when, Unix time.
# TYPE hostvigil_check_status_since_timestamp_seconds gauge
hostvigil_check_status_since_timestamp_seconds{{check="web",subject="/cart",type="http"}} 1.0
# HELP hostvigil_check_last_run_timestamp_seconds When the last result came, Unix time.
# TYPE hostvigil_check_last_run_timestamp_seconds gauge
hostvigil_check_last_run_timestamp_seconds{{check="web",subject="/cart",type="http"}} 2.5
# HELP hostvigil_check_run_duration_seconds How long the last run took.
# TYPE hostvigil_check_run_duration_seconds gauge
hostvigil_check_run_duration_seconds{{check="web",subject="/cart",type="http"}} 0.25
# HELP hostvigil_check_late_seconds How long ago the next run was due; 0: it is not late.
# TYPE hostvigil_check_late_seconds gauge
hostvigil_check_late_seconds{{check="web",subject="/cart",type="http"}} 6.5
# HELP hostvigil_check_mark 1 for each mark: silenced, flapping, late ...
# TYPE hostvigil_check_mark gauge
hostvigil_check_mark{{check="web",mark="silenced",subject="/cart",type="http"}} 1.0
hostvigil_check_mark{{check="web",mark="late",subject="/cart",type="http"}} 1.0
# HELP hostvigil_check_events_total Events of this subject so far.
# TYPE hostvigil_check_events_total counter
hostvigil_check_events_total{{check="web",subject="/cart",type="http"}} 3.0
hostvigil_check_events_total{{check="db",subject="",type="tcp"}} 0.0
# HELP hostvigil_metric_seconds What checks measured, in seconds.
# TYPE hostvigil_metric_seconds gauge
hostvigil_metric_seconds{{check="web",metric="time",subject="/cart",type="http"}} 0.5
hostvigil_metric_seconds{{check="web",metric="wait",subject="/cart",type="http"}} 0.25
hostvigil_metric_seconds{{check="web",metric="tick",subject="/cart",type="http"}} 0.00025
# HELP hostvigil_metric_bytes What checks measured, in bytes.
# TYPE hostvigil_metric_bytes gauge
hostvigil_metric_bytes{{check="web",metric="size",subject="/cart",type="http"}} 2048.0
# HELP hostvigil_metric_ratio What checks measured, in ratio.
# TYPE hostvigil_metric_ratio gauge
hostvigil_metric_ratio{{check="web",metric="used",subject="/cart",type="http"}} 0.91
# HELP hostvigil_metric What checks measured.
# TYPE hostvigil_metric gauge
hostvigil_metric{{check="web",metric="users",subject="/cart",type="http",unit=""}} 7.0
hostvigil_metric{{check="web",metric="length",subject="/cart",type="http",unit="furlongs"}} 8.0
"""


def test_the_text_is_this() -> None:
    assert exposition(SEEN).decode() == WANTED


def test_without_an_agent_it_is_down_and_has_no_start() -> None:
    lines = exposition(Snapshot(5_000, AgentView(), {}, ())).decode().splitlines()
    assert "hostvigil_up 0.0" in lines
    assert not any("start_time" in line for line in lines)


@pytest.mark.parametrize(
    ("value", "written"),
    [
        (math.nan, "NaN"),
        (math.inf, "+Inf"),
        (-math.inf, "-Inf"),
        (-0.5, "-0.5"),
        (3, "3.0"),
    ],
)
def test_a_number_that_is_none_has_its_word(value: float, written: str) -> None:
    family = Family("a", "gauge", "one\\two\nthree", ("z", "b"), {('q"\\\n', ""): value})
    assert text([family]).decode() == (
        f'# HELP a one\\\\two\\nthree\n# TYPE a gauge\na{{b="",z="q\\"\\\\\\n"}} {written}\n'
    )


def test_names_and_values_of_labels_must_be_as_many() -> None:
    with pytest.raises(ValueError, match="zip"):
        text([Family("a", "gauge", "", ("b", "c"), {("one",): 1.0})])
