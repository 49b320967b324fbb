"""Which tests a fault meets, and in which order."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import NamedTuple


class Statistics(NamedTuple):
    tests: Mapping[str, Iterable[str]]
    """Of each function those that call it."""
    seconds: Mapping[str, float]
    """Of each test, without a fault."""

    def tests_of(self, fault: str, longest: float) -> list[str]:
        """Return those that call the function and take no longer than that, the quickest first."""
        tests = self.tests.get(fault.partition("__mutmut_")[0], ())
        return self.sorted(test for test in tests if self.seconds[test] <= longest)

    def sorted(self, tests: Iterable[str]) -> list[str]:
        return sorted(tests, key=lambda test: (self.seconds[test], test))

    def worst(self, fault: str, longest: float) -> float:
        """Return the seconds that it takes when no test finds the fault."""
        return sum(self.seconds[test] for test in self.tests_of(fault, longest))


def read_statistics(folder: Path) -> Statistics:
    made = json.loads((folder / "mutmut-stats.json").read_text())
    return Statistics(made["tests_by_mangled_function_name"], made["duration_by_test"])
