"""Runs of a script whose output says much about many subjects."""

from __future__ import annotations

import json
from typing import Any

from agent.api import CheckError, Context, Result
from checks.script import jsonformat
from tests.checks.looks import found, script_of

NOW = 1_700_000_000.0


def run(text: str, timeout: float = 60.0, **settings: Any) -> tuple[list[Result], str]:
    """Return what a shell script says, and why the run failed as a whole."""
    results: list[Result] = []
    try:
        for result in found(script_of("/bin/sh", "-c", text, **settings).run(Context(timeout=timeout))):
            results.append(result)
    except CheckError as error:
        return results, str(error)
    return results, ""


def read(*objects: object) -> list[Result]:
    said = jsonformat.parse("\n".join(map(json.dumps, objects)), NOW)
    assert not said.faults
    return list(said.results)
