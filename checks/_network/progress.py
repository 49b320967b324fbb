"""How far a talk with a server has come, how long each phase took, and the words for where and why it ended."""

from __future__ import annotations

import errno
import socket
import ssl
import time

from agent.api import duration_text

WORTH_TELLING = 0.001
"""Seconds of a phase that may have to do with a failure."""


class NoAnswer(Exception):
    """What answered is no usable answer; the text is the reason."""


class Progress:
    """One talk, redirects included: a name for what it is doing, seconds for each phase, one deadline for all.

    `deadline` is monotonic seconds.
    """

    def __init__(self, deadline: float) -> None:
        self.deadline = deadline
        self.started = self._since = time.monotonic()
        self.took: dict[str, float] = {}
        self.doing = ""
        self.address = ""
        """Where the last connection leads: the server's address, or the proxy's."""
        self._phase = ""

    def enter(self, phase: str, doing: str) -> None:
        self.leave()
        self._phase, self.doing = phase, doing

    def leave(self) -> None:
        now = time.monotonic()
        if self._phase:
            self.took[self._phase] = self.took.get(self._phase, 0.0) + now - self._since
        self._since, self._phase = now, ""

    def left(self) -> float:
        """Return the seconds left; TimeoutError when there are none."""
        left = self.deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError
        return left

    def elapsed(self) -> float:
        return self._since - self.started

    def phases(self) -> str:
        return ", ".join(_phase(phase, took) for phase, took in self.took.items())

    def failed(self, error: Exception) -> str:
        """Say why and in which phase it ended, and which phases before it took a while."""
        slow = ", ".join(_phase(phase, took) for phase, took in self.took.items() if took >= WORTH_TELLING)
        return f"{_reason(error, self.deadline - self.started)}: {self.doing}" + (f" ({slow})" if slow else "")


def _phase(phase: str, took: float) -> str:
    return f"{phase.replace('_', ' ')} {duration_text(took)}"


def _reason(error: Exception, timeout: float) -> str:
    if isinstance(error, ssl.SSLCertVerificationError):
        return _certificate_reason(error)
    if isinstance(error, ssl.SSLEOFError):
        return "the server closed the connection"
    if isinstance(error, ssl.SSLError) and error.reason == "WRONG_VERSION_NUMBER":
        return "what answers does not speak TLS"
    if isinstance(error, ssl.SSLError):
        return f"TLS error {(error.reason or 'unknown').lower().replace('_', ' ')}"
    if isinstance(error, socket.gaierror):
        return (error.strerror or "the name cannot be resolved").lower()
    if isinstance(error, TimeoutError) and error.errno != errno.ETIMEDOUT:
        return f"no answer within {duration_text(timeout)}"
    if isinstance(error, OSError):
        return (error.strerror or str(error) or type(error).__name__).lower()
    return str(error)


def _certificate_reason(error: ssl.SSLCertVerificationError) -> str:
    # X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY: the one reason whose words do not say what to do.
    hint = " (the server leaves out an intermediate, or its CA belongs into ca_file)" if error.verify_code == 20 else ""
    return f"certificate refused: {error.verify_message.rstrip('.')}{hint}"
