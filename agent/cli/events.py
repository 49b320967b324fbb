"""hostvigil events: the latest, the pending, the refused; retry what was refused, restate what stands."""

from __future__ import annotations

import argparse

import msgspec

from agent.cli.answers.asking import ask_agent
from agent.cli.output import fail, pluralize
from agent.config.sections.destination import TERMINAL
from agent.delivery.wording import title
from agent.plugin.clock import wall_clock
from agent.plugin.text import one_line
from agent.plugin.units import clock_text
from agent.push.control import NoAnswer
from agent.store import Delivery, Phase, Store, StoreError, notification
from agent.system.rights import state_of
from agent.view.forms.events import EventsForm, event_form
from agent.view.forms.words import VERSION

LONG = 4000


def main(options: argparse.Namespace) -> int:
    """Exits 0; 1 when there was nothing to retry, 2 when the store cannot be used or a name is unknown."""
    with state_of(options.state):
        return _main(options)


def _main(options: argparse.Namespace) -> int:
    try:
        if options.action == "retry":
            return _retry(options)
        if options.action == "restate":
            return _restate(options)
        store = Store.read(options.state)
        deliveries = _select_deliveries(store, options)
        if not deliveries and (wrong := _no_destination(store, options)):
            return fail(wrong)
    except StoreError as error:
        return fail(error)
    if options.json:
        form = EventsForm(VERSION, tuple(event_form(one, title_of(one)) for one in deliveries))
        print(msgspec.json.encode(form).decode())
    else:
        several = len({one.destination for one in deliveries}) > 1
        print("\n".join(text(one, several) for one in deliveries) or "no events")
    return 0


def _select_deliveries(store: Store, options: argparse.Namespace) -> list[Delivery]:
    if options.pending:
        return store.history.pending(options.destination)
    if options.refused:
        return store.history.refusals(options.destination)
    return store.history.latest(options.limit, options.destination)[::-1]


def _retry(options: argparse.Namespace) -> int:
    store = Store.beside(options.state)
    if wrong := _no_destination(store, options):
        return fail(wrong)
    count = store.retry(options.event_id, options.destination)
    store.close()
    if not count:
        why = f"none with the id {options.event_id}" if options.event_id else "no event is refused"
        print(f"there was no such refused event: {why}")
        return 1
    _ask(options, "wake")
    print(f"{pluralize(count, 'refused event')} in the outbox again")
    return 0


def _restate(options: argparse.Namespace) -> int:
    """Have destinations forget what they were told: the agent then tells them what stands."""
    store = Store.beside(options.state)
    if options.event_id:
        return fail(f"restate takes no {options.event_id!r}, write --destination where only one is meant")
    names = [one.name for one in store.history.destinations()]
    targets = [options.destination] if options.destination else names
    if wrong := _no_destination(store, options):
        return fail(wrong)
    for name in targets:
        store.forget_told(name, wall_clock())
    store.close()
    when = "" if _ask(options, "restate") else ", when the agent runs again"
    print(f"problems that last are told again to {', '.join(targets) or 'no destination: none is known'}{when}")
    return 0


def _no_destination(store: Store, options: argparse.Namespace) -> str:
    """Say that none is called as it was asked for; '' where one is, or all are meant."""
    names = [one.name for one in store.history.destinations()]
    if not options.destination or options.destination in names:
        return ""
    return f"no destination is called {options.destination!r}, there are: {', '.join(names) or 'none'}"


def _ask(options: argparse.Namespace, request: str) -> bool:
    """Tell the running agent; False when none is there, which finds it out at its start."""
    try:
        ask_agent(options.state, request)
    except NoAnswer:
        return False
    return True


def text(delivery: Delivery, with_destination: bool = False) -> str:
    """Say what became of one delivery, with the last answer unless it was delivered."""
    at = clock_text(delivery.created)
    to = f"{delivery.destination:10}  " if with_destination else ""
    lines = [f"{at}  {word(delivery):9}  {to}{one_line(title_of(delivery), LONG)}"]
    if delivery.phase is not Phase.DELIVERED and delivery.answer:
        answer = one_line(delivery.answer, LONG)
        lines.append(f"    {delivery.id}: {pluralize(delivery.attempts, 'try', 'tries')}, last answer: {answer}")
    return "\n".join(lines)


def word(delivery: Delivery) -> str:
    """Say where it stands; what was printed was delivered to nobody."""
    return "printed" if (delivery.destination, delivery.phase) == (TERMINAL, Phase.DELIVERED) else delivery.phase


def title_of(delivery: Delivery) -> str:
    facts = notification(delivery)
    return title(facts) if facts else delivery.title or f"{delivery.check} {delivery.subject}".strip()
