"""What the soak calls growth."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

from tests.host import needs
from tests.soak.picture import picture
from tests.soak.samples import Sample, growth

STEADY = [Sample(30.0, 6, 40, 5)] * 60


def test_what_stays_has_not_grown_nor_what_grew_at_the_start_or_for_a_moment() -> None:
    at_the_start = [Sample(20.0, 3, 20, 1)] * 6 + STEADY[6:]
    for_a_moment = [*STEADY[:30], Sample(90.0, 60, 400, 9), *STEADY[31:]]
    assert growth(STEADY) == growth(at_the_start) == growth(for_a_moment) == []


def test_what_grows_a_little_each_time_has_grown() -> None:
    samples = [Sample(30.0 + number / 10, 6 + number / 5, 40 + number, 5 + number / 10) for number in range(60)]
    assert [said.split()[0] for said in growth(samples)] == ["memory", "threads", "descriptors", "files"]


def test_the_picture_has_a_curve_for_each_and_shows_the_outages() -> None:
    drawn = picture(STEADY, "an hour", 60.0, [number % 20 == 0 for number in range(60)])
    curves = ElementTree.fromstring(drawn)  # noqa: S314 - what it reads is ours
    assert len(curves.findall("{*}polyline")) == 4
    assert drawn.count("#fdd") == 3


def test_a_soak_of_seconds_goes_to_its_end_and_draws_its_picture(tmp_path: Path) -> None:
    needs.root()
    file = tmp_path / "new" / "soak.svg"
    done = subprocess.run(
        [sys.executable, "-m", "tests.soak", "--minutes", "0.1", "--checks", "20", "--picture", file],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert " 60 memory " in done.stdout, done.stderr
    runs = re.search(r"20 checks, (\d+) runs, 20 reloads, [1-9]\d* outages", done.stdout)
    assert runs
    assert int(runs[1]) > 0
    assert runs[0] in file.read_text()
