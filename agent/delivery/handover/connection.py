"""The way to NATS. Importing this imports nats, some 1 MB: it is done where a broker is configured, not else."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import ssl
from collections.abc import Coroutine, Sequence
from typing import Any, TypeVar

import nats.errors
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.errors import NoServersError
from nats.js.errors import APIError, NoStreamResponseError

from agent.config.settings import EventsSettings
from agent.delivery.handover.courier import Message, Unreachable
from agent.delivery.handover.message import ALIVE, FACTS, MEMORY, RECEIPTS, Receipt, receipts, token
from agent.delivery.handover.seed import Seed
from agent.delivery.named_files import NamedFiles
from agent.delivery.sinks.reasons import reason
from agent.delivery.sinks.tls import tls_context

log = logging.getLogger("hostvigil.emitter")

T = TypeVar("T")

PUMP = 0.02
"""Seconds that the network's events are looked at when nothing is waited for."""
HANG_UP_SECONDS = 1.0
"""For the goodbye: a broker that hangs must not hold up the end of the agent."""
MOST_RECEIPTS = 10_000
FAULTS: tuple[type[Exception], ...] = (nats.errors.Error, OSError, ValueError, EOFError, TimeoutError)
"""What the broker, or the way to it, is at fault for."""


def _matters(record: logging.LogRecord) -> bool:
    """Tell what asyncio says of each TLS connection of nats-py that ends, and nobody can act on, from all else."""
    return not record.getMessage().startswith("returning true from eof_received()")


logging.getLogger("asyncio").addFilter(_matters)


class Way:
    """How a broker is reached, as the settings say: what host and relay share."""

    def __init__(self, servers: str, credentials: str, ca_file: str, client_cert: str, client_key: str) -> None:
        self._servers = [server.strip() for server in servers.split(",")]
        self._credentials = credentials
        self._ca_file = ca_file
        self._client_cert = client_cert
        self._client_key = client_key
        files = {"credentials": credentials, "ca_file": ca_file, "client_cert": client_cert, "client_key": client_key}
        self._files = NamedFiles(files, self._read)

    async def connect(self, timeout: float, inbox: str, **more: Any) -> Client:
        """Return a connection; FAULTS where there is none within `timeout` seconds."""
        options: dict[str, Any] = {"allow_reconnect": False, "max_reconnect_attempts": 1, "inbox_prefix": inbox, **more}
        tls, seed = await self._files.result_in_loop(timeout)
        if tls:
            options["tls"] = tls
        client = Client()
        if seed:
            options["signature_cb"] = seed.sign
            # As for a seed that nats-py reads itself, with a library of 1 MB.
            client._public_nkey, client._auth_configured = seed.public(), True
        await _open(client, self._servers, timeout, options)
        if self._is_secure and not client._server_info.get("tls_required"):
            # Whoever stands between may have taken that word out of the server's greeting.
            await client.close()
            raise ValueError("the broker does not speak TLS")
        return client

    @property
    def _is_secure(self) -> bool:
        return bool(self._ca_file or self._client_cert) or any(one.startswith("tls:") for one in self._servers)

    def _read(self) -> tuple[ssl.SSLContext | None, Seed | None]:
        tls = self._tls() if self._is_secure else None
        return tls, Seed.read(self._credentials) if self._credentials else None

    def _tls(self) -> ssl.SSLContext:
        context = tls_context(host_cas=not self._ca_file, protocols=())
        if self._ca_file:
            context.load_verify_locations(self._ca_file)
        if self._client_cert:
            context.load_cert_chain(self._client_cert, self._client_key or None)
        return context


async def _open(client: Client, servers: list[str], timeout: float, options: dict[str, Any]) -> None:
    """Connect the client, or raise what last stood in the way; then nothing of a connection is left."""
    causes: list[Exception] = []
    heard = options.pop("heard", lambda error: None)

    async def note(error: Exception) -> None:
        causes[:] = [error]
        log.debug("broker: %s", error)
        heard(error)

    try:
        async with asyncio.timeout(timeout):
            await client.connect(servers, connect_timeout=max(1, int(timeout)), error_cb=note, **options)
    except NoServersError as error:
        await _hang_up(client)
        raise causes[-1] if causes else error from None
    except BaseException:
        await _hang_up(client)
        raise


async def _hang_up(client: Client) -> None:
    """Close what of a connection there is; a client that was not let in does not do it.

    After a TLS handshake that failed nats-py waits for ever for the end of the plain connection.
    """
    transport: Any = client._transport
    if transport:
        with contextlib.suppress(*FAULTS):
            async with asyncio.timeout(HANG_UP_SECONDS):
                await client.close()
                transport.close()
                await transport.wait_closed()


def words(error: BaseException) -> str:
    """Say what the broker, or the way to it, is at fault for."""
    return reason(error) if isinstance(error, OSError) else str(error) or type(error).__name__


class Connection:
    """One host's connection. It lives in the emitter's thread, and works only while one of its methods is called."""

    def __init__(self, settings: EventsSettings, host: str) -> None:
        self._way = Way(
            settings.broker, settings.credentials, settings.ca_file, settings.client_cert, settings.client_key
        )
        self._timeout = float(settings.timeout)
        self._host = host
        self._credentials = settings.credentials
        self._word = token(host)
        self._is_denied = False
        """The broker said that this key may not do something of what it was asked to."""
        self._loop: asyncio.AbstractEventLoop | None = None
        self._client: Client | None = None
        self._receipts: list[Receipt] = []

    @property
    def connected(self) -> bool:
        return self._client is not None and self._client.is_connected

    def connect(self) -> None:
        self.close()
        self._loop = asyncio.new_event_loop()
        try:
            self._run(self._connect())
        except Unreachable:
            self.close()
            raise

    async def _connect(self) -> None:
        self._is_denied = False
        self._client = await self._way.connect(self._timeout, f"_INBOX.{self._word}", heard=self._hear)
        await self._client.subscribe(f"{RECEIPTS}.{self._word}", cb=self._receive)

    def _denial(self) -> str:
        key = f"is {self._credentials} another host's?" if self._credentials else "it has no `credentials`."
        return f"the broker does not let it speak as {self._host}: {key} `hostvigil relay enrol {self._host}` makes one"

    def _hear(self, error: Exception) -> None:
        self._is_denied = self._is_denied or "permissions violation" in str(error).lower()

    def memory(self) -> str:
        return self._run(self._memory())

    async def _memory(self) -> str:
        if self._client is None:
            raise Unreachable("there is no connection")
        try:
            answer = await self._client.request(MEMORY, timeout=self._timeout)
        except nats.errors.NoRespondersError:
            return ""
        return answer.data.decode(errors="replace")[:100]

    async def _receive(self, message: Msg) -> None:
        if len(self._receipts) < MOST_RECEIPTS:  # the relay repeats what is lost
            self._receipts += receipts(message.data)

    def publish(self, messages: Sequence[Message]) -> list[int]:
        return self._run(self._publish(messages))

    async def _publish(self, messages: Sequence[Message]) -> list[int]:
        if self._client is None:
            raise Unreachable("there is no connection")
        stream = self._client.jetstream()
        answers = await asyncio.gather(
            *(
                stream.publish(
                    f"{FACTS}.{self._word}", one.body, timeout=self._timeout, headers={"Nats-Msg-Id": one.id}
                )
                for one in messages
            ),
            return_exceptions=True,
        )
        seqs = [one.seq for one, answer in zip(messages, answers, strict=True) if not isinstance(answer, BaseException)]
        error = next((answer for answer in answers if isinstance(answer, BaseException)), None)
        if error and not seqs:
            raise error
        return seqs

    def beat(self, message: bytes) -> None:
        self._run(self._beat(message))

    async def _beat(self, message: bytes) -> None:
        if self._client is None:
            raise Unreachable("there is no connection")
        await self._client.publish(f"{ALIVE}.{self._word}", message)
        await self._client.flush(max(1, int(self._timeout)))

    def receipts(self) -> list[Receipt]:
        if self.connected:
            self._run(asyncio.sleep(PUMP))
        fresh, self._receipts = self._receipts, []
        return fresh

    def close(self) -> None:
        """End the connection; whatever it says to that."""
        if self._loop is None:
            return
        if self._client is not None:
            try:
                self._loop.run_until_complete(asyncio.wait_for(self._client.close(), 1.0))
            except FAULTS as error:
                log.debug("broker: %s", error)
        self._loop.run_until_complete(_end_tasks())
        self._loop.close()
        self._loop = self._client = None

    def _run(self, work: Coroutine[Any, Any, T]) -> T:
        if self._loop is None:
            work.close()
            raise Unreachable("there is no connection")
        try:
            return self._loop.run_until_complete(asyncio.wait_for(work, 2 * self._timeout))
        except NoStreamResponseError:
            raise Unreachable("it has no stream of ours: has a relay ever run?") from None
        except APIError as error:
            raise Unreachable(f"it does not take it: {error.description}") from None
        except TimeoutError:
            # Whoever may not publish gets no answer.
            raise Unreachable(self._denial() if self._is_denied else "no answer in time") from None
        except FAULTS as error:
            raise Unreachable(words(error)) from None


async def _end_tasks() -> None:
    tasks = asyncio.all_tasks() - {asyncio.current_task()}
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    await asyncio.sleep(0)  # what was closed is let go in the loop's next round
