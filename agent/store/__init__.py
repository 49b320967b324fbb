"""The SQLite file of states and notifications."""

from agent.store.bounds import LOST, SUPERSEDED, Bounds
from agent.store.damage import DAMAGED
from agent.store.history import History
from agent.store.lock import holder
from agent.store.outbox import Outbox, notification
from agent.store.rows import (
    Backlog,
    Bundle,
    Change,
    Delivery,
    Due,
    Holder,
    KnownProblems,
    LastRun,
    Phase,
    Progress,
    RoomMade,
    StoreError,
    StoreNotice,
)
from agent.store.store import Store

__all__ = [
    "DAMAGED",
    "LOST",
    "SUPERSEDED",
    "Backlog",
    "Bounds",
    "Bundle",
    "Change",
    "Delivery",
    "Due",
    "History",
    "Holder",
    "KnownProblems",
    "LastRun",
    "Outbox",
    "Phase",
    "Progress",
    "RoomMade",
    "Store",
    "StoreError",
    "StoreNotice",
    "holder",
    "notification",
]
