"""What the running agent is asked for, and how long anybody waits for it."""

from __future__ import annotations

from pathlib import Path

from agent.push.control import SECONDS, Reply, ask, parse_reply
from agent.store import holder
from agent.system.rights import ANSWER_SECONDS, state_of

SLOW = frozenset(("reload",))
"""All files are read and every check is made anew; what else is asked for takes a moment."""


def ask_agent(state: Path, request: str, **arguments: str | None) -> Reply:
    """Ask the agent of a state directory; NoAnswer where none answers.

    Only the process that holds the directory's lock is an agent, and may take its time for what takes time.
    """
    with state_of(state):
        seconds = SECONDS if request in SLOW and holder(state) else ANSWER_SECONDS
    return parse_reply(ask(state, request, seconds, arguments))
