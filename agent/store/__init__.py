"""The SQLite file of states and notifications."""

from agent.store.bounds import LOST, SUPERSEDED
from agent.store.damage import DAMAGED
from agent.store.lock import holder
from agent.store.rows import Backlog, Change, Due, Holder, LastRun, Phase, StoredEvent, StoreError, StoreNotice
from agent.store.store import Store

__all__ = [
    "DAMAGED",
    "LOST",
    "SUPERSEDED",
    "Backlog",
    "Change",
    "Due",
    "Holder",
    "LastRun",
    "Phase",
    "Store",
    "StoreError",
    "StoreNotice",
    "StoredEvent",
    "holder",
]
