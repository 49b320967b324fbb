"""hostvigil test-event: one info event to the API, past the outbox, to see that endpoint and key are right."""

from __future__ import annotations

import argparse
import os
import sys
import time

import msgspec

from agent.cli.answers.rights import as_root, lacks_rights
from agent.cli.output import fail
from agent.config.catalog import Catalog
from agent.config.drop_ins import load
from agent.config.settings import AgentSettings
from agent.delivery.answer import Answer, Verdict
from agent.delivery.sinks.truewatch.api import Api
from agent.engine.notifications import Sender, of_agent
from agent.system.host_tags import host_tags

TEXT = "a test of endpoint and key"


def main(options: argparse.Namespace) -> int:
    """Exits 0 when the API took the event, 1 when it did not, 2 when no endpoint is configured."""
    config = load(options.config, Catalog(), os.environ)
    for problem in config.problems:
        if not problem.check:
            print(problem, file=sys.stderr)
    if not config.agent.events.endpoint and not config.agent_readable:
        how = as_root(options.words) if lacks_rights(config.problems) else ""
        return fail(f"the settings of the agent cannot be read{how}")
    if config.agent.events.broker:
        return fail("events go to a broker, and its relay has the key: ask `hostvigil relay status`")
    if not config.agent.events.endpoint:
        return fail("no agent.events.endpoint is configured, events stay on this host")
    answer = send_test(config.agent)
    if options.json:
        print(msgspec.json.encode(answer).decode())
    else:
        print(text(answer, config.agent))
    return 0 if answer.verdict is Verdict.DELIVERED else 1


def send_test(agent: AgentSettings) -> Answer:
    facts = of_agent("test", TEXT, Sender(host_tags(agent.hostname), agent.tags), time.time_ns() // 1_000_000)
    api = Api(agent.events)
    return api.post(api.render(facts))


def text(answer: Answer, agent: AgentSettings) -> str:
    if answer.verdict is Verdict.DELIVERED:
        return f"{agent.events.endpoint} took the event: look for {TEXT!r} among the events of your workspace"
    again = "; too many events came with this key, try again in a minute" * (answer.verdict is Verdict.THROTTLED)
    return f"{agent.events.endpoint} did not take the event ({answer.verdict}): {answer.text}{again}"
