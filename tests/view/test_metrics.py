"""The text for Prometheus: read back by the reference parser, whatever checks and scripts call things."""

from __future__ import annotations

import math
import stat
from pathlib import Path
from types import SimpleNamespace

from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import Metric as Family
from prometheus_client import generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.parser import text_string_to_metric_families

from agent.config.settings import Config
from agent.model import Metric, Result, State, Status
from agent.store import Backlog, Holder, LastRun, Progress
from agent.view.compose import StoreContents, compose
from agent.view.exposition import Family as OurFamily
from agent.view.exposition import text
from agent.view.metrics import CODES, UNITS, exposition
from agent.view.snapshot import Snapshot
from tests.processes.agent_process import agent_process

NOW = 1_700_000_000_000
NAMES = st.text(max_size=20) | st.sampled_from(['a"b', "a\\b", "a\nb", "\udcff", "# HELP", "{}", "é", " 1 "])
VALUES = st.floats(allow_nan=True, allow_infinity=True)
METRICS = st.lists(
    st.builds(Metric, NAMES, VALUES, st.sampled_from(["", "s", "ms", "B", "%", "c", "furlongs"])), max_size=5
)
ROWS = st.dictionaries(st.tuples(NAMES, NAMES), st.tuples(st.sampled_from(Status), METRICS), max_size=5)


def snapshot(rows: dict[tuple[str, str], tuple[Status, list[Metric]]]) -> Snapshot:
    states, runs = [], []
    for (check, subject), (status, metrics) in rows.items():
        states.append(State(check, subject, decided=status, decided_since=NOW, events=3, type="script"))
        runs.append(LastRun(check, subject, Result(status, "", subject, metrics=tuple(metrics)), NOW, 0.25, NOW))
    known = StoreContents(
        tuple(states),
        tuple(runs),
        {"events": Backlog(2, NOW - 1000, 1), 'o"ps': Backlog(0, 0, 0)},
        {"events": Progress(NOW, "")},
        holder=Holder(1, NOW),
    )
    return compose(known, Config(), NOW)


def families(seen: Snapshot) -> dict[str, Family]:
    return {family.name: family for family in text_string_to_metric_families(exposition(seen).decode())}


def plain(text: str) -> str:
    return text.encode("utf-8", "replace").decode()


@given(ROWS)
def test_every_status_and_metric_is_read_back_and_no_sample_stands_twice(
    rows: dict[tuple[str, str], tuple[Status, list[Metric]]],
) -> None:
    found = families(snapshot(rows))
    for family in found.values():
        keys = [(sample.name, tuple(sorted(sample.labels.items()))) for sample in family.samples]
        assert len(keys) == len(set(keys)), family.name
    status = {(s.labels["check"], s.labels["subject"]): s.value for s in found["hostvigil_check_status"].samples}
    wanted = {(plain(check), plain(subject)): CODES[one] for (check, subject), (one, _) in rows.items()}
    assert status.keys() == wanted.keys()
    assert all(value in CODES.values() for value in status.values())
    measured = {
        (s.labels["check"], s.labels["subject"], s.labels["metric"], s.labels.get("unit", unit)): s.value
        for unit in ("seconds", "bytes", "ratio", "")
        for s in found[f"hostvigil_metric_{unit}".removesuffix("_")].samples
    }
    for (check, subject), (_, metrics) in rows.items():
        for metric in metrics:
            unit, _ = UNITS.get(metric.unit, (metric.unit, 1.0))
            assert (plain(check), plain(subject), plain(metric.name), plain(unit)) in measured


def test_units_are_base_units() -> None:
    metrics = [
        Metric("time", 0.25, "s"),
        Metric("old", 250.0, "ms"),
        Metric("size", 2048.0, "B"),
        Metric("used", 91.0, "%"),
        Metric("count", 7.0),
        Metric("broken", math.nan, "s"),
    ]
    found = families(snapshot({("web", ""): (Status.OK, metrics)}))
    values = {
        (family.name, s.labels["metric"]): s.value
        for family in found.values()
        for s in family.samples
        if "metric" in s.labels and not math.isnan(s.value)
    }
    assert values == {
        ("hostvigil_metric_seconds", "time"): 0.25,
        ("hostvigil_metric_seconds", "old"): 0.25,
        ("hostvigil_metric_bytes", "size"): 2048.0,
        ("hostvigil_metric_ratio", "used"): 0.91,
        ("hostvigil_metric", "count"): 7.0,
    }


NAMES_OF_TODAY = """
hostvigil_info hostvigil_up hostvigil_start_time_seconds hostvigil_configuration_problems
hostvigil_destination_waiting hostvigil_destination_refused hostvigil_destination_oldest_timestamp_seconds
hostvigil_destination_last_delivery_timestamp_seconds
hostvigil_check_status hostvigil_check_status_since_timestamp_seconds hostvigil_check_last_run_timestamp_seconds
hostvigil_check_run_duration_seconds hostvigil_check_late_seconds hostvigil_check_mark hostvigil_check_events
hostvigil_metric_seconds hostvigil_metric_bytes hostvigil_metric_ratio hostvigil_metric
"""


def test_the_names_stay_and_each_is_explained() -> None:
    found = families(snapshot({}))
    assert found.keys() == set(NAMES_OF_TODAY.split())
    for family in found.values():
        assert family.documentation.endswith((".", "...")), family.name
        assert family.type in ("gauge", "counter"), family.name


def test_the_backlog_of_each_destination_is_there() -> None:
    found = families(snapshot({}))
    waiting = {s.labels["destination"]: s.value for s in found["hostvigil_destination_waiting"].samples}
    assert waiting == {"events": 2.0, 'o"ps': 0.0}
    (oldest,) = found["hostvigil_destination_oldest_timestamp_seconds"].samples
    assert oldest.value == NOW / 1000 - 1
    (last,) = found["hostvigil_destination_last_delivery_timestamp_seconds"].samples
    assert last.value == NOW / 1000


def test_the_command_writes_a_file_in_one_step_that_the_collector_may_read(tmp_path: Path) -> None:
    with agent_process(tmp_path) as agent:
        agent.write(
            "a.yaml", "checks: {web: {type: script, command: [sh, -c, 'echo \"OK | time=0.5s\"'], interval: 1s}}"
        )
        agent.start()
        agent.wait_until(lambda: any(one["check"] == "web" for one in agent.status()["checks"]), "a first result")
        target = tmp_path / "hostvigil.prom"
        target.write_text("old")
        assert agent.call("metrics", "--output", str(target)).returncode == 0
        printed = agent.call("metrics").stdout
        for text in (target.read_text(), printed):
            assert 'hostvigil_metric_seconds{check="web",metric="time",subject="",type="script"} 0.5' in text
        assert stat.S_IMODE(target.stat().st_mode) == 0o644
        assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".")] == []
        assert agent.call("metrics", "--output", str(tmp_path / "nowhere/x.prom")).returncode == 2


REFERENCE = (("a_gauge", GaugeMetricFamily), ("a_counter", CounterMetricFamily))


@given(
    st.dictionaries(st.tuples(NAMES.map(plain), NAMES.map(plain)), VALUES, max_size=5),
    st.text(st.characters(exclude_categories=["Cs"]), max_size=20).map(str.strip),
)
def test_what_we_write_says_what_the_reference_writes(values: dict[tuple[str, ...], float], help_: str) -> None:
    families = [made(name, help_, labels=("one", "two")) for name, made in REFERENCE]
    for family in families:
        for labels, value in values.items():
            family.add_metric(labels, value)
    kinds = (("a_gauge", "gauge"), ("a_counter_total", "counter"))
    ours = text(OurFamily(name, kind, help_, ("one", "two"), values) for name, kind in kinds)
    read = [
        list(text_string_to_metric_families(one.decode()))
        for one in (ours, generate_latest(SimpleNamespace(collect=lambda: families)))
    ]
    assert repr(read[0]) == repr(read[1])
