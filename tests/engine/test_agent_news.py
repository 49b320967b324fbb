"""What the agent tells of itself: what its store has to say, and that it lives."""

from __future__ import annotations

import math
from typing import Any

from agent.delivery.agent_news import AgentNews
from agent.model import EventStatus
from agent.store import DAMAGED, LOST, SUPERSEDED, StoreNotice


class Told:
    """The news of an agent, as they were appended."""

    def __init__(self, *notices: StoreNotice, heartbeat: float = 0.0) -> None:
        self.found = list(notices)
        self.said: list[Any] = []
        self.news = AgentNews(self, lambda *news: news, lambda *said: self.said.append(said), heartbeat)  # type: ignore[arg-type]

    def notices(self) -> list[StoreNotice]:
        return self.found


def test_what_the_store_has_to_say_is_said_in_words_once_something_got_through() -> None:
    lost, over = StoreNotice(f"{LOST}:ops", 3, ""), StoreNotice(f"{SUPERSEDED}:ops", 4, "")
    bad = StoreNotice(DAMAGED, 1, "begun anew")
    told = Told(lost, over, bad)
    news = {
        lost: ("outbox", "3 changes are lost for ops, because the outbox was full", EventStatus.WARNING),
        over: (
            "outbox",
            "4 changes were never told to ops, because later ones replaced them while the outbox was full",
            EventStatus.INFO,
        ),
        bad: ("store", "begun anew", EventStatus.WARNING),
    }
    told.news.say_notices()
    assert told.said == [(said, notice) for notice, said in news.items()]
    told.said.clear()
    told.news.say_notices()
    assert told.said == [(news[bad], bad)], "what its bounds cost waits for a time without trouble"
    told.said.clear()
    told.news.note_success()
    told.news.say_notices()
    assert len(told.said) == 3


def test_a_sign_of_life_comes_each_span_and_none_where_none_is_wanted() -> None:
    told = Told(heartbeat=60.0)
    assert told.news.wait(5.0) == 0.0
    first: Any = told.news.sign_of_life(5.0)
    assert first == ("heartbeat", "alive", EventStatus.INFO)
    assert told.news.sign_of_life(64.9) is None
    assert told.news.wait(5.0) == 60.0
    assert told.news.wait(100.0) == 0.0
    assert told.news.sign_of_life(65.0) is not None
    assert (Told().news.sign_of_life(5.0), Told().news.wait(5.0)) == (None, math.inf)
