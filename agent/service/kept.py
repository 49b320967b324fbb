"""What the store is told of the configuration, and what it gives back where that cannot be read."""

from __future__ import annotations

import logging
import os

import msgspec

from agent.config import at_work, known_sender
from agent.config.at_work import AT_WORK
from agent.config.known_sender import SENDER
from agent.config.settings import Config
from agent.plugin.clock import wall_clock
from agent.store import Bounds, Store, StoreError

log = logging.getLogger("hostvigil")


def bounds(config: Config) -> Bounds:
    """Return how much may wait for each destination."""
    return Bounds(config.agent.events.most_events, int(config.agent.events.most_bytes))


def with_known_sender(config: Config, store: Store) -> Config:
    """Return the configuration; where the agent's settings cannot be read, the host keeps the name and tags it had."""
    if config.agent_readable:
        store.keep_fact(SENDER, known_sender.as_text(config.agent))
        return config
    agent = known_sender.with_known(config.agent, store.history.recall(SENDER))
    return msgspec.structs.replace(config, agent=agent)


def keep_at_work(config: Config, store: Store) -> None:
    """Keep what is at work now, for the commands that hold it against the files."""
    try:
        store.keep_fact(AT_WORK, at_work.as_text(config, os.getpid(), wall_clock()))
    except StoreError as error:
        log.error("what is at work cannot be kept for hostvigil status: %s", error)


class StoreSettings:
    """The store's part in a reload. The service's thread owns it."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def apply(self, old: Config, new: Config) -> None:
        """Take over a configuration."""
        keep_at_work(new, self._store)
        self._store.set_bounds(bounds(new))
        try:
            with_known_sender(new, self._store)
        except StoreError as error:
            log.error("the host's name and tags cannot be kept for a start without settings: %s", error)
