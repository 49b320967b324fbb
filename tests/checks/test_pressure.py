"""The pressure check: texts of PSI in, judgement out."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from agent.api import CheckError, PercentAbove, Result, Status
from agent.config.drop_ins import load
from agent.config.types.catalog import Catalog
from agent.plugin.results import gather
from agent.testing import ran
from checks import pressure as check
from checks.pressure import Pressure, read_averages
from tests.host import needs

# A build server that swaps, Linux 5.10: its cpu has no line "full" yet.
THRASHING = {
    "cpu": "some avg10=4.44 avg60=13.94 avg300=26.71 total=301653547\n",
    "memory": "some avg10=70.12 avg60=63.40 avg300=61.02 total=5712\n"
    "full avg10=44.10 avg60=39.02 avg300=37.65 total=9\n",
    "io": "some avg10=80.61 avg60=72.13 avg300=71.24 total=165\n"
    "full avg10=60.44 avg60=51.42 avg300=50.65 total=10859587\n",
}


def assess(settings: Pressure, texts: dict[str, str] = THRASHING) -> Result:
    (result,) = gather(settings.assess(texts))
    return result


def test_a_host_that_thrashes_is_a_warning() -> None:
    result = assess(Pressure())
    assert (result.status, result.summary) == (
        Status.WARNING,
        "all work waited 37.6% of the last 5 min for memory (warning from 20%), "
        "waited in the last 5 min: 26.7% for CPU, 37.6% for memory, 50.6% for disks",
    )
    assert {metric.name: metric.value for metric in result.metrics} == {
        "cpu_some": 26.71,
        "memory_some": 61.02,
        "memory_full": 37.65,
        "io_some": 71.24,
        "io_full": 50.65,
    }


def test_cpu_and_disks_are_judged_where_asked() -> None:
    settings = Pressure(cpu_warning=PercentAbove.parse("20%"), io_critical=PercentAbove.parse("50%"))
    assert assess(settings).summary.startswith(
        "all work waited 50.6% of the last 5 min for disks (critical from 50%), "
        "some work waited 26.7% of the last 5 min for CPU (warning from 20%)"
    )


def test_cpu_of_a_newer_kernel_has_a_second_line_that_is_always_zero() -> None:
    text = THRASHING["cpu"] + "full avg10=0.00 avg60=0.00 avg300=0.00 total=0\n"
    assert read_averages(text) == {"some": 26.71, "full": 0.0}


def test_a_kernel_without_it_says_what_to_do() -> None:
    with pytest.raises(CheckError, match="boot with the kernel option psi=1, else leave this check out"):
        check.read("no-such-thing")


def test_this_host_tells() -> None:
    needs.file("/proc/pressure/memory")
    result = ran(Pressure(memory_warning=None, memory_critical=None)).result
    assert result.status is Status.OK
    assert len(result.metrics) == 5


def test_the_sample_is_a_configuration(tmp_path: Path) -> None:
    shutil.copy(Path(__file__).parents[2] / "conf.d/pressure.yaml.sample", tmp_path / "pressure.yaml")
    config = load(tmp_path, Catalog(), {})
    assert [str(problem) for problem in config.problems] == []
    assert list(config.checks) == ["pressure"]


@pytest.mark.parametrize("name", ["cpu", "memory", "io"])
@pytest.mark.parametrize("text", ["", "some", "some avg10=0.00 avg60=0.00 total=5", "full avg300=x\nsome avg300=y\n"])
def test_a_text_of_no_known_form_is_nodata(name: str, text: str) -> None:
    with pytest.raises(CheckError, match=f"the pressure of {name} is written in a form"):
        assess(Pressure(), THRASHING | {name: text})
