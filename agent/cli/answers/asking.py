"""What the running agent is asked for, and how long anybody waits for it."""

from __future__ import annotations

from pathlib import Path

from agent.push.control import SECONDS, Said, ask, understood
from agent.store import holder
from agent.system.rights import ANSWER_SECONDS, state_of


def ask_agent(state: Path, request: str, **arguments: str | None) -> Said:
    """Ask the agent of a state directory; NoAnswer where none answers.

    Only the process that holds the directory's lock is an agent, and may take its time.
    """
    with state_of(state):
        seconds = SECONDS if holder(state) else ANSWER_SECONDS
    return understood(ask(state, request, seconds, arguments))
