"""Requests to the running agent and its answers, over a socket of its own: one line of JSON each way."""

from __future__ import annotations

import contextlib
import logging
import os
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import msgspec

from agent.push.senders import UNKNOWN, peer
from agent.push.sockets import listen_on, open_socket, read_line, stop_listening
from agent.system.signals import Order

log = logging.getLogger("hostvigil.control")

FILE = "control.sock"
SECONDS = 10.0
"""From the request to the answer."""
READ_SECONDS = 2.0
"""Who connects says at once what he wants: requests are taken one after the other."""
PAUSE_SECONDS = 1.0
"""After the system refused to take a connection, for want of descriptors perhaps."""
MOST_REQUEST = 4096
MOST_ANSWER = 16 * 1024**2
REQUESTS = frozenset(("acknowledge", "reload", "restate", "run", "wake"))

Answer = dict[str, Any]


class Reply(msgspec.Struct, frozen=True):
    """An answer, as far as anybody believes it: whoever owns the state directory may have put another socket there."""

    checks: int = 0
    problems: tuple[str, ...] = ()
    subjects: tuple[str, ...] = ()
    directory: str = ""
    """What the agent read."""


class Request(msgspec.Struct, frozen=True):
    """What is asked for."""

    request: str
    arguments: dict[str, str | None] = {}


class NoAnswer(Exception):
    """The agent was not reached or did not answer: the text says why."""


class NobodyThere(NoAnswer):
    """No agent takes requests: none runs, or it starts or ends just now."""


class CannotDo(NoAnswer):
    """An agent answered that it cannot."""


class TooLate(NoAnswer):
    """An agent is there and did not answer in time."""


class NotAllowed(NoAnswer):
    """Others may ask this agent, we may not."""


def ask(
    state_dir: Path, request: str, seconds: float = SECONDS, arguments: Mapping[str, str | None] | None = None
) -> Answer:
    """Have the agent that works on this state directory do something, and return its answer.

    `acknowledge` takes check, subject and words, and answers `subjects`;
    `reload` answers `checks` (how many are at work), `problems` (of the configuration, as lines) and `directory` (of
    the drop-ins); `wake` and `restate` answer {}; `run` takes check and who, and answers {}.
    NoAnswer when no agent is there, when we may not ask it, or when the answer does not come in time.
    """
    until = time.monotonic() + seconds
    try:
        with _connect(state_dir, seconds) as connection:
            connection.sendall(msgspec.json.encode(Request(request, dict(arguments or {}))) + b"\n")
            line = read_line(connection, MOST_ANSWER, until)
        if not line:
            raise NobodyThere("the agent went away without an answer")
        answer = msgspec.json.decode(line, type=Answer)
    except PermissionError:
        raise NotAllowed(f"only root and the agent's user may ask the agent of {state_dir}") from None
    except (FileNotFoundError, ConnectionRefusedError, NotADirectoryError):
        raise NobodyThere(f"no agent is running with the state directory {state_dir}") from None
    except TimeoutError:
        raise TooLate(f"the agent did not answer within {seconds:g}s") from None
    except ConnectionError as error:
        raise NobodyThere(f"the agent went away without an answer: {error.strerror}") from None
    except OSError as error:
        raise NoAnswer(f"the agent went away without an answer: {error.strerror}") from None
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise NoAnswer(f"the agent went away without an answer: {error}") from None
    if "error" in answer:
        raise (NobodyThere if answer.get("ends") is True else CannotDo)(str(answer["error"]))
    return answer


def parse_reply(answer: Answer) -> Reply:
    """Return an answer as we know it; NoAnswer where it is something else."""
    try:
        return msgspec.convert(answer, Reply)
    except msgspec.ValidationError as error:
        raise NoAnswer(f"the answer is none of an agent's: {error}") from None


class ControlServer:
    """Takes requests until `close`, in a thread of its own; `put` hands each to the thread that obeys."""

    def __init__(self, state_dir: Path, put: Callable[[Order], None]) -> None:
        self._address = state_dir / FILE
        self._put = put
        self._socket: socket.socket | None = None

    def start(self) -> None:
        try:
            self._socket = listen_on(self._address, mode=0o600, backlog=16)
        except OSError as error:
            log.error("hostvigil reload will not work, send SIGHUP instead: %s: %s", self._address, error)
            return
        threading.Thread(target=self._listen, args=(self._socket,), name="control", daemon=True).start()

    def close(self) -> None:
        if self._socket:
            server, self._socket = self._socket, None
            stop_listening(server, self._address)

    def _listen(self, server: socket.socket) -> None:
        while True:
            try:
                connection, _ = server.accept()
            except OSError as error:
                if self._socket is None:
                    return
                log.warning("a request could not be taken: %s", error)
                time.sleep(PAUSE_SECONDS)
                continue
            try:
                with connection:
                    connection.sendall(msgspec.json.encode(self._answer(connection)) + b"\n")
            except OSError as error:
                log.info("who asked went away: %s", error)

    def _answer(self, connection: socket.socket) -> Mapping[str, object]:
        try:
            line = read_line(connection, MOST_REQUEST, time.monotonic() + READ_SECONDS)
            request = msgspec.json.decode(line, type=Request)
        except (TimeoutError, msgspec.MsgspecError, UnicodeDecodeError) as error:
            return {"error": f"not understood: {error}"}
        # Where the system does not say who it is, the socket's mode alone guards it.
        if peer(connection).user not in (0, os.geteuid(), UNKNOWN):
            return {"error": "only root and the agent's user may ask"}
        if request.request not in REQUESTS:
            return {"error": f"no request is called {request.request[:60]!r}"}
        return self._obey(request)

    def _obey(self, request: Request) -> Mapping[str, object]:
        answers: list[Mapping[str, object]] = []
        ready = threading.Event()

        def put_answer(answer: Mapping[str, object]) -> None:
            answers.append(answer)
            ready.set()

        self._put(Order(request.request, put_answer, request.arguments))
        return answers[0] if ready.wait(SECONDS) else {"error": f"the agent did not answer within {SECONDS:g}s"}


@contextlib.contextmanager
def _connect(state_dir: Path, seconds: float) -> Iterator[socket.socket]:
    """Connect to the socket in this very directory, never to where a link leads: the agent's user may have put one."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection, open_socket(state_dir / FILE) as path:
        # Not settimeout(): with it, connect() fails at once when the queue is full, instead of waiting.
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, struct.pack("ll", max(1, int(seconds)), 0))
        connection.connect(path)
        yield connection
