"""Without a destination notifications are printed on the terminal."""

from __future__ import annotations

import io

from agent.delivery.answer import Verdict
from agent.delivery.sinks.terminal import Terminal
from tests.delivery.deliveries import critical


def test_without_a_destination_notifications_are_printed() -> None:
    out = io.StringIO()
    terminal = Terminal(out)
    assert terminal.post(terminal.render(critical("disk-1"))).verdict is Verdict.DELIVERED
    assert out.getvalue()[8:].startswith(" CRITICAL disk on web-1: disk-1\n  - status: critical\n")


def test_only_a_terminal_gets_colours() -> None:
    class Tty(io.StringIO):
        def isatty(self) -> bool:
            return True

    assert b"\x1b[1;31mCRITICAL" in Terminal(Tty()).render(critical("disk-1"))
    assert b"\x1b" not in Terminal(io.StringIO()).render(critical("disk-1"))


def test_it_counts_as_told_when_nobody_reads_the_terminal() -> None:
    out = io.StringIO()
    out.close()
    body = "größer".encode()
    assert Terminal(out).post(body).verdict is Verdict.DELIVERED
    ascii_only = io.TextIOWrapper(io.BytesIO(), encoding="ascii")
    assert Terminal(ascii_only).post(body).verdict is Verdict.DELIVERED
    ascii_only.seek(0)
    assert "gr??er" in ascii_only.read()
