"""hostvigil test-event: one info event to a destination, past the outbox, to see that address and key are right."""

from __future__ import annotations

import argparse
import os
import sys

import msgspec

from agent.cli.answers.rights import as_root, lacks_rights
from agent.cli.output import fail
from agent.config.drop_ins import load
from agent.config.sections.destination import MAIN
from agent.config.settings import AgentSettings
from agent.config.types.catalog import Catalog
from agent.delivery.answer import Answer, Hide, Verdict
from agent.delivery.sinks.sink import Sink
from agent.delivery.sinks.truewatch.api import Api
from agent.delivery.sinks.webhook.webhook import Webhook
from agent.engine.notifications import Sender, of_agent
from agent.plugin.clock import wall_clock
from agent.system.host_tags import host_tags
from agent.system.redactor import redactor

TEXT = "a test of endpoint and key"


def main(options: argparse.Namespace) -> int:
    """Exits 0 when the destination took the event, 1 when it did not, 2 when there is no such destination."""
    config = load(options.config, Catalog(), os.environ)
    for problem in config.problems:
        if not problem.check:
            print(problem, file=sys.stderr)
    name = options.name or _default(config.agent)
    is_there = bool(config.agent.events.endpoint) if name == MAIN else name in config.agent.destinations
    if not is_there and not config.agent_readable:
        how = as_root(options.words) if lacks_rights(config.problems) else ""
        return fail(f"the settings of the agent cannot be read{how}")
    if not is_there:
        return fail(_why_not(name, config.agent))
    answer = send_test(config.agent, name, redactor(config.secrets))
    if options.json:
        print(msgspec.json.encode(answer).decode())
    else:
        print(text(answer, config.agent, name))
    return 0 if answer.verdict is Verdict.DELIVERED else 1


def _default(agent: AgentSettings) -> str:
    """Return which is meant where none is named: the API, or the only webhook; '' where it may be one of several."""
    if agent.events.endpoint or agent.events.broker or not agent.destinations:
        return MAIN
    return next(iter(agent.destinations)) if len(agent.destinations) == 1 else ""


def _why_not(name: str, agent: AgentSettings) -> str:
    others = f"hostvigil test-event NAME, one of: {', '.join(sorted(agent.destinations))}" * bool(agent.destinations)
    if name == MAIN and agent.events.broker:
        return "events go to a broker, and its relay has the key: ask `hostvigil relay status`"
    if name == MAIN:
        return (
            f"no agent.events.endpoint is configured{f', write {others}' if others else ', events stay on this host'}"
        )
    return (
        f"which destination? Write {others}"
        if not name
        else f"no destination {name!r}" + f", write {others}" * bool(others)
    )


def send_test(agent: AgentSettings, name: str = MAIN, hide: Hide = str) -> Answer:
    facts = of_agent("test", TEXT, Sender(host_tags(agent.hostname), agent.tags), wall_clock())
    sink: Sink = Api(agent.events, hide) if name == MAIN else Webhook(agent.destinations[name], hide)
    return sink.post(sink.render(facts))


def text(answer: Answer, agent: AgentSettings, name: str = MAIN) -> str:
    """Say in a sentence what came of a test event; `name` is the destination's."""
    who = agent.events.endpoint if name == MAIN else name
    if answer.verdict is Verdict.DELIVERED:
        return f"{who} took the event: look for {TEXT!r} " + (
            "among the events of your workspace" if name == MAIN else "there"
        )
    again = "; too many events came with this key, try again in a minute"
    advice = again if answer.verdict is Verdict.THROTTLED else ""
    return f"{who} did not take the event ({answer.verdict}): {answer.text}{advice}"
