"""The book of what is due when."""

from __future__ import annotations

import math

from agent.engine.deadlines import DeadlineBook


def test_what_is_due_sooner_stays_so_and_what_is_due_later_comes_sooner() -> None:
    book: DeadlineBook[str] = DeadlineBook()
    book.set("web", 5.0)
    book.not_later("web", 9.0)
    book.not_later("db", 7.0)
    assert book.take(5.0) == [("web", 5.0)]
    book.not_later("db", 6.0)
    assert (book.next, book.take(6.0), book.next) == (6.0, [("db", 6.0)], math.inf)
