"""What can be done from the page. Each deed takes the fields of its form, and says in a sentence what came of it."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from typing import Protocol
from urllib.parse import unquote

import msgspec

from agent.config.selector import exactly, problem
from agent.model import Silence
from agent.plugin.text import one_line
from agent.plugin.units import Duration, duration_text
from agent.view.snapshot import Snapshot
from agent.view.words import effect_of_ack

log = logging.getLogger("hostvigil.page")

LONGEST_REASON = 300
LONGEST_SILENCE = 366 * 86_400

Answer = Mapping[str, object]
Fields = Mapping[str, str]


class DeedError(Exception):
    """The text says why, in a sentence."""


class Steering(Protocol):
    """What the agent at work does when it is asked to; each for any thread."""

    def acknowledge(self, check: str, subject: str | None, words: str, who: str) -> Answer:
        """Answer `subjects`, or `error`."""

    def run(self, check: str, who: str) -> Answer:
        """Answer nothing, or `error`."""

    def begin_silence(self, silence: Silence, now: int) -> object:
        """Write it down; OSError, MsgspecError when that fails. `now`: Unix milliseconds."""

    def end_silences(self, selects: Callable[[Silence], bool], who: str, now: int) -> int:
        """End those that are meant, and return how many; as above."""


class Deeds:
    """Any thread may call, one at a time. Every method raises DeedError, and StoreError when nothing can be read."""

    def __init__(self, steering: Steering, snapshot: Callable[[], Snapshot]) -> None:
        self._steering = steering
        self._snapshot = snapshot

    def do(self, name: str, fields: Fields, who: str) -> str:
        """Do it, and note it in the log: `who` is the page, and from where."""
        message = {
            "silence": self._silence,
            "unsilence": self._unsilence,
            "acknowledge": self._acknowledge,
            "run": self._run,
        }[name](fields, who)
        log.warning("by %s: %s", who, message)
        return message

    def _silence(self, fields: Fields, who: str) -> str:
        selector = one_line(fields.get("selector", ""), 1000)
        if fields.get("check"):
            selector = exactly(self._check(fields), _subject(fields) or "")
        if wrong := problem(selector):
            raise DeedError(f"Nothing is silenced: {wrong}.")
        try:
            seconds = Duration.parse(fields.get("for", "").strip())
        except ValueError as error:
            raise DeedError(f"Nothing is silenced: {error}.") from None
        if not 0 < seconds <= LONGEST_SILENCE:
            raise DeedError("Nothing is silenced: a silence lasts some time, a year at most.")
        now = self._snapshot().at
        silence = Silence(selector, now, now + round(seconds * 1000), _reason(fields), who)
        try:
            self._steering.begin_silence(silence, now)
        except (OSError, msgspec.MsgspecError) as error:
            raise DeedError(f"The silence cannot be written: {error}.") from None
        return f"Silenced for {duration_text(seconds)}: {selector}."

    def _unsilence(self, fields: Fields, who: str) -> str:
        """`silence` is the moment it began, a blank, and its selector, escaped as in an address."""
        since, _, text = fields.get("silence", "").partition(" ")
        selector = _unescape(text)
        try:
            silences = self._steering.end_silences(
                lambda one: (str(one.since), one.selector) == (since, selector),
                who,
                self._snapshot().at,
            )
        except (OSError, msgspec.MsgspecError) as error:
            raise DeedError(f"The silence cannot be ended: {error}.") from None
        if not silences:
            raise DeedError("There is no such silence any more.")
        return f"The silence has ended: {selector}."

    def _acknowledge(self, fields: Fields, who: str) -> str:
        check = self._check(fields)
        undo = fields.get("undo", "")
        reason = _reason(fields)
        words = "" if undo else f"{who} ({reason})" if reason else who
        subjects = _answer(self._steering.acknowledge(check, _subject(fields), words, who)).get("subjects")
        if not subjects:
            raise DeedError(f"Nothing is told as a problem of {check} now.")
        return f"{check}: {effect_of_ack(bool(undo))}."

    def _run(self, fields: Fields, who: str) -> str:
        check = self._check(fields)
        _answer(self._steering.run(check, who))
        return f"{check} runs now; its result shows here in a moment."

    def _check(self, fields: Fields) -> str:
        check = _unescape(fields.get("check", ""))
        if check not in self._snapshot().checks:
            raise DeedError("There is no such check any more.")
        return check


def _unescape(text: str) -> str:
    """Return a name as an address has it; bytes that are none of ours make one that nothing is called by."""
    try:
        return unquote(text, errors="surrogatepass")
    except UnicodeDecodeError:
        return unquote(text)


def _subject(fields: Fields) -> str | None:
    """`subject` has a dot before it; without it the whole check is meant."""
    subject = fields.get("subject", "")
    return _unescape(subject[1:]) if subject.startswith(".") else None


def _answer(answer: Answer) -> Answer:
    if "error" in answer:
        raise DeedError(f"It was not done: {answer['error']}.")
    return answer


def _reason(fields: Fields) -> str:
    return one_line(fields.get("reason", ""), LONGEST_REASON)
