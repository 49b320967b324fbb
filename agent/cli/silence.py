"""hostvigil silence: a person's suppression, kept over restarts, ending by itself."""

from __future__ import annotations

import argparse
import time

import msgspec

from agent.cli.output import fail
from agent.config.selector import problem
from agent.engine.suppression.silences import change, read
from agent.model import Silence
from agent.plugin.units import Duration, duration_text


def main(options: argparse.Namespace) -> int:
    """Exits 0, or 2 when the silence cannot be understood or written."""
    now = time.time_ns() // 1_000_000
    try:
        silences = _added(options, now) if options.selector else list(read(options.state))
    except (ValueError, OSError, msgspec.MsgspecError) as error:
        return fail(error)
    running = [silence for silence in silences if silence.until > now]
    if options.json:
        print(msgspec.json.encode(running).decode())
    else:
        print("\n".join(text(silence, now) for silence in running) or "nothing is silenced")
    return 0


def _added(options: argparse.Namespace, now: int) -> list[Silence]:
    if wrong := problem(options.selector):
        raise ValueError(wrong)
    try:
        seconds = Duration.parse(options.duration)
    except ValueError as error:
        raise ValueError(f"--for: {error}") from None
    fresh = Silence(options.selector, now, now + round(seconds * 1000), options.reason)
    return change(options.state, lambda silences: [*silences, fresh], now)


def text(silence: Silence, now: int) -> str:
    left = duration_text((silence.until - now) / 1000)
    return f"{silence.selector}  for another {left}" + (f"  ({silence.reason})" if silence.reason else "")
