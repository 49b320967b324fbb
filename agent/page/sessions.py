"""Who may act: the token, the sessions of those who showed it, and how often a wrong one may be tried."""

from __future__ import annotations

import base64
import hashlib
import hmac
import logging
import os
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from pathlib import Path

import msgspec

from agent.config.files.content import Unreadable, version
from agent.config.files.patience import Patience
from agent.config.page_token import read

log = logging.getLogger("hostvigil.page")

SESSION_SECONDS = 8 * 3600.0
MOST_SESSIONS = 20
"""At once; the oldest ends for a new one."""
TRIES = 5
"""Wrong tokens in a row; then one each WAIT_SECONDS."""
WAIT_SECONDS = 10.0


class AccessDenied(Exception):
    """The text says why."""


class Session(msgspec.Struct):
    """Somebody who showed the token."""

    proof: str
    """Stands in each form: what another page has a browser send lacks it."""
    until: float
    """Monotonic seconds."""
    file: tuple[int, int, int]
    """The version of the token's file; another token ends the session."""
    message: str = ""
    """What came of the last thing that was done; shown once."""


class Sessions:
    """Any thread may ask; the lock is between those who ask."""

    def __init__(self, path: Callable[[], str], monotonic: Callable[[], float] = time.monotonic) -> None:
        """`path`: of the token's file, as it is configured now; empty: nobody may act."""
        self._path = path
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._sessions: dict[bytes, Session] = {}
        """By the hash of what the browser holds."""
        self._tries = Tries()

    def begin(self, token: str, where: str) -> str:
        """Return what the browser is to hold; AccessDenied when the token is wrong or may not be tried now."""
        with self._lock:
            now = self._monotonic()
            if wait := self._tries.wait(now):
                raise AccessDenied(f"Too many wrong tokens. Try again in {wait:.0f} seconds.")
            if not self._is_right(token):
                self._tries.note_failure()
                log.warning("a wrong token for the page, from %s", where)
                raise AccessDenied("That is not the token.")
            while len(self._sessions) >= MOST_SESSIONS:
                self._sessions.pop(next(iter(self._sessions)))
            cookie = _random()
            self._sessions[_hash(cookie)] = Session(_random(), now + SESSION_SECONDS, version_of(self._path()))
            return cookie

    def _is_right(self, token: str) -> bool:
        try:
            expected = read(self._path())
        except Unreadable as error:
            log.error("the page lets nobody in: %s %s", self._path(), error)
            raise AccessDenied(f"The file of the token {error}.") from None
        return hmac.compare_digest(_hash(token.strip()), _hash(expected))

    def of(self, cookie: str) -> Session | None:
        """Return the session of what a browser holds; None: it has none, or it is over."""
        with self._lock:
            session = self._sessions.get(_hash(cookie)) if cookie else None
            if session and (self._monotonic() >= session.until or version_of(self._path()) != session.file):
                del self._sessions[_hash(cookie)]
                return None
            return session

    def end(self, cookie: str) -> None:
        with self._lock:
            self._sessions.pop(_hash(cookie), None)


class Tries:
    """How often a wrong token may be tried, by all together: addresses are cheap. Used under the lock of its owner."""

    def __init__(self) -> None:
        self._remaining = float(TRIES)
        self._at = 0.0

    def wait(self, now: float) -> float:
        """Return for how many seconds nothing may be tried; `now` in monotonic seconds."""
        self._remaining = min(float(TRIES), self._remaining + (now - self._at) / WAIT_SECONDS)
        self._at = now
        return max(0.0, (1.0 - self._remaining) * WAIT_SECONDS)

    def note_failure(self) -> None:
        self._remaining -= 1.0


def version_of(path: str) -> tuple[int, int, int]:
    """Return the version of the token's file; of one that does not answer nobody knows it, which ends a session."""
    with suppress(Unreadable):
        return Patience().one(path, partial(version, Path(path))) if path else (0, 0, 0)
    return (0, 0, 0)


def is_proven(session: Session, proof: str) -> bool:
    return hmac.compare_digest(_hash(session.proof), _hash(proof))


def _random() -> str:
    return base64.urlsafe_b64encode(os.urandom(24)).decode()


def _hash(text: str) -> bytes:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()
