"""Has faults tried, and passes on what came out."""

from __future__ import annotations

import json
import sys
from collections.abc import Generator, Sequence
from pathlib import Path

from tests.mutants.alone import alone, check
from tests.mutants.report import Outcome, Result

PATIENCE_SECONDS = 20.0


def tried(
    folder: Path, faults: Sequence[str], children: int, longest: float, patience: float = PATIENCE_SECONDS
) -> Generator[Result]:
    """Yield results as they come; whoever closes this ends all processes.

    The process has the folder's copy of this package: what it imports is what the tests import.
    """
    command = [sys.executable, "-m", "tests.mutants.collected", str(children), str(longest), str(patience)]
    said = folder / "trying.log"
    with said.open("w") as log, alone(command, log, folder) as process:
        assert process.stdin and process.stdout
        process.stdin.write("\n".join(faults))
        process.stdin.close()
        for line in process.stdout:
            fault, came_out = json.loads(line)
            yield Result(fault, Outcome(came_out))
        check(process, said)
