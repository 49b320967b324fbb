"""Pure: what the agent says about itself, as the check `hostvigil`, and about checks that are written wrong."""

from __future__ import annotations

from agent.api import Check
from agent.config.settings import CheckConfig, Config, Place, Problem
from agent.model import Outcome, Result, Status
from agent.plugin.text import name_some

OWN_NAME = "hostvigil"
CONFIGURATION = "configuration"
NO_RESULT_YET = "no result yet"
"""The fact in the store that says which checks never had a result, a list in JSON."""
BROKEN = "broken"
"""The type of the stand-in for a check that is written wrong, whatever its true type is."""
NEVER = 0.0
"""The interval of a check that is not run: nobody waits for its results."""


def own_check() -> CheckConfig:
    """The agent's own check: its subjects are parts of the agent."""
    return CheckConfig(OWN_NAME, OWN_NAME, Check(), Place("hostvigil"), interval=NEVER, description="The agent itself.")


def stand_ins(config: Config) -> dict[str, CheckConfig]:
    """Return a stand-in for each check that is written wrong: it keeps its name and its state."""
    return {
        problem.check: CheckConfig(problem.check, BROKEN, Check(), problem.place, interval=NEVER)
        for problem in config.problems
        if problem.check and problem.check not in config.checks
    }


def configuration_outcomes(config: Config, now: int) -> list[Outcome]:
    """Say what the configuration is like: each broken check nodata and why, all other problems together.

    `now` in Unix milliseconds.
    """
    by_check: dict[str, list[Problem]] = {OWN_NAME: []}
    for problem in config.problems:
        is_broken = problem.check and problem.check not in config.checks
        by_check.setdefault(problem.check if is_broken else OWN_NAME, []).append(problem)
    broken = [check for check in by_check if check != OWN_NAME]
    return [_outcome(check, problems, now, broken) for check, problems in by_check.items()]


def _outcome(check: str, problems: list[Problem], now: int, broken: list[str]) -> Outcome:
    subject = CONFIGURATION if check == OWN_NAME else ""
    if not problems:
        # Each tells so itself; one more problem for all of them would be told twice.
        names = name_some(broken, 3)
        result = Result(Status.OK, f"no problems but of single checks: {names}" if broken else "no problems", subject)
    else:
        more = f" and {len(problems) - 1} more" if len(problems) > 1 else ""
        details = "\n".join(map(str, problems)) if more else ""  # one problem is the summary already
        result = Result(Status.NODATA, f"{problems[0]}{more}", subject, details)
    # Not complete: other subjects of the same check are not gone because this speaks of one only.
    return Outcome(check, 0, now, 0.0, (result,), complete=False)
