"""hostvigil explain CHECK: why it is what it is, why it is reported or not, and where each setting was written."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import msgspec

from agent.cli.answers.missing import no_check, reading_problems
from agent.cli.output import fail
from agent.cli.show.screen import screen, show, wrap_lines
from agent.config.rules import OWN_NAME
from agent.config.settings import Config
from agent.model import Policy
from agent.plugin.clock import wall_clock
from agent.plugin.text import one_line
from agent.store import Delivery, Phase, StoreError
from agent.system.redactor import redactor
from agent.view.explanation import TEXT_LIMIT, SettingView, head, sentences, settings
from agent.view.forms.explain import explain_form
from agent.view.reading import configuration, deliveries, look
from agent.view.snapshot import CheckView, Snapshot, urgency
from agent.view.words import ago, clock, times

MOST_DELIVERIES = 5
WORDS = {
    Phase.PENDING: "waits",
    Phase.DELIVERED: "taken",
    Phase.REFUSED: "refused, set aside",
    Phase.DROPPED: "never told",
}
VALUE_COLUMN = 40
"""Longer values would push the places off the screen."""


def main(options: argparse.Namespace) -> int:
    """Exits 0; 2 when there is no such check, or the store cannot be read."""
    config = configuration(options.config)
    try:
        snapshot = look(config, options.state, wall_clock())
    except StoreError as error:
        return fail(error)
    check = snapshot.checks.get(options.name)
    if check is None:
        return fail(_unknown(options.name, config, snapshot))
    setting_views = settings(check.config, redactor(config.secrets)) if check.config else []
    if options.json:
        print(msgspec.json.encode(explain_form(snapshot, check, setting_views)).decode())
    else:
        notifications = deliveries(options.state, options.name, MOST_DELIVERIES)
        on = screen()
        lines = page(check, setting_views, notifications, options.config, snapshot.at, snapshot.agent.reload.since)
        show(list(wrap_lines(lines, on.width)), on)
    if check.config is None and not check.problems and options.name != OWN_NAME:
        for problem in reading_problems(config):
            print(f"hostvigil: it may be in what cannot be read: {problem}", file=sys.stderr)
    return 0


def _unknown(name: str, config: Config, snapshot: Snapshot) -> str:
    """Say that there is no such check, unless what may hold it cannot be read."""
    maybe = [f"it may be in what cannot be read: {problem}" for problem in reading_problems(config)]
    return "\n".join([no_check(name, snapshot.checks), *maybe])


def page(
    check: CheckView,
    setting_views: list[SettingView],
    notifications: Sequence[Delivery],
    folder: Path,
    now: int,
    taken_over: int = 0,
) -> Iterator[str]:
    """Yield whole sentences, uncut. `taken_over`: when the agent took over what it has, Unix milliseconds."""
    policy = check.config.policy if check.config else Policy()
    yield from (one_line(line, TEXT_LIMIT) for line in head(check, ago(taken_over, now)))
    for one in sorted(check.subjects, key=lambda one: (-urgency(one), one.subject)):
        yield ""
        yield from (_safe(line) for line in sentences(one, policy, now))
    if notifications:
        yield ""
        yield "Notifications, the newest first:"
        yield from (f"  {_delivery(one, now)}" for one in notifications)
    if setting_views:
        yield ""
        yield f"Settings, in {folder}:"
        yield from _settings(setting_views, folder)


def _delivery(delivery: Delivery, now: int) -> str:
    """Say what became of a notification."""
    text = f"{clock(delivery.created)}  {delivery.status} to {delivery.destination}: {WORDS[delivery.phase]}"
    if delivery.phase == Phase.PENDING:
        text += f", tried {times(delivery.attempts)}" if delivery.attempts else ""
    elif delivery.answered_at:
        text += f", {ago(delivery.answered_at, now)}"
    if delivery.answer and delivery.phase != Phase.DELIVERED:
        text += f": {delivery.answer}"
    return one_line(text, TEXT_LIMIT)


def _settings(setting_views: list[SettingView], folder: Path) -> Iterator[str]:
    """Yield each setting with its place; a long value has a line of its own, which nothing breaks."""
    short = {one.name: one.value if len(one.value) <= VALUE_COLUMN else "" for one in setting_views}
    widths = [max(map(len, column)) for column in (short, short.values())]
    for one in setting_views:
        place = one.place.removeprefix(f"{folder}/")
        yield f"  {one.name.ljust(widths[0])}  {short[one.name].ljust(widths[1])}  {place}"
        if one.value and not short[one.name]:
            yield f"      {one.value}"


def _safe(line: str) -> str:
    """Return the line without what a terminal obeys, indented as it was."""
    return line[: len(line) - len(line.lstrip(" "))] + one_line(line, TEXT_LIMIT)
