"""What the running agent is asked for, and how long anybody waits for it."""

from __future__ import annotations

import time
from pathlib import Path

from agent.push.control import SECONDS, NobodyThere, Reply, ask, parse_reply
from agent.store import holder
from agent.system.rights import ANSWER_SECONDS, state_of

SLOW = frozenset(("reload",))
"""All files are read and every check is made anew; what else is asked for takes a moment."""

START_SECONDS = 3.0
"""So long an agent may take until it holds its state directory's lock: it reads the configuration before."""
STEP_SECONDS = 0.1


def ask_starting_agent(state: Path, request: str) -> Reply:
    """Ask as `ask_agent` does, and wait for an agent that is starting just now; NoAnswer where none comes."""
    begin = time.monotonic()
    while True:
        try:
            return ask_agent(state, request)
        except NobodyThere:
            with state_of(state):
                patience = SECONDS if holder(state) else START_SECONDS
            if time.monotonic() - begin >= patience:
                raise
            time.sleep(STEP_SECONDS)


def ask_agent(state: Path, request: str, **arguments: str | None) -> Reply:
    """Ask the agent of a state directory; NoAnswer where none answers.

    Only the process that holds the directory's lock is an agent, and may take its time for what takes time.
    """
    with state_of(state):
        seconds = SECONDS if request in SLOW and holder(state) else ANSWER_SECONDS
    return parse_reply(ask(state, request, seconds, arguments))
