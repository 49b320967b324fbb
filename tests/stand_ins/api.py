"""A strict stand-in for the create-event API, on loopback: it takes what the vendor's table allows and nothing else.

with ApiStandIn() as api:
    api.fail_next("throttle", "500")        # one fault a request, in this order; afterwards it is well again
    ...                                     # the agent under test talks to api.url with api.key
    api.wait_for(3, seconds=5)              # until 3 events were accepted
    assert api.accepted[0]["status"] == "critical"
"""

from __future__ import annotations

import contextlib
import gzip
import json
import re
import socket
import ssl
import struct
import threading
import time
from collections import Counter
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import TracebackType
from typing import Any

CREATE = "/api/v1/events/create"
VALIDATE = "/api/v1/validate"
FIELDS = {"date", "status", "title", "message", "origin", "customTags"}
REQUIRED = {"date", "status", "title"}
STATUSES = {"critical", "error", "warning", "ok", "info", "nodata"}
# Not the agent's own list (agent/config/tags.py): a name that goes missing there must be missed here.
RESERVED_TAGS = {
    "date",
    "status",
    "source",
    "title",
    "message",
    "dimension_tags",
    "check_value",
    "time",
    "time_us",
    "timestamp",
    "workspace_uuid",
    "workspace_name",
    "extra_data",
    "create_time",
}


def problems(raw: bytes) -> list[str]:
    """Say everything that the seed's table or the rules for user fields do not allow about this body."""
    try:
        body = json.loads(raw.decode("utf-8"), parse_constant=_no_constant)
    except ValueError as error:
        return [f"not JSON: {error}"]
    if not isinstance(body, dict):
        return ["not an object"]
    found = [f"unknown field {name}" for name in body.keys() - FIELDS]
    found += [f"{name} is missing" for name in REQUIRED - body.keys()]
    checks: dict[str, Callable[[Any], str]] = {"date": _date, "status": _status, "customTags": _tags}
    for name in body.keys() & FIELDS:
        if problem := checks.get(name, _text)(body[name]):
            found.append(f"{name}: {problem}")
    return found


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is not JSON")


def _date(value: Any) -> str:
    if type(value) is not int:
        return f"{value!r} is not an integer"
    return "" if len(str(value)) == 13 and value > 0 else f"{value} is not in milliseconds"


def _status(value: Any) -> str:
    return "" if isinstance(value, str) and value in STATUSES else f"{value!r} is not one of the six"


def _text(value: Any) -> str:
    if not isinstance(value, str):
        return f"{value!r} is not a string"
    if not value.strip():
        return "is empty"
    return _characters(value)


def _characters(value: str) -> str:
    if re.search(r"[\x00-\x09\x0b-\x1f\x7f-\x9f]", value):
        return "has control characters"
    try:
        value.encode()
    except UnicodeEncodeError:
        return "has half a character"
    return ""


def _tags(value: Any) -> str:
    if not isinstance(value, dict) or not value:
        return f"{value!r} is not an object with something in it"
    if len(value) > 256:
        return f"{len(value)} tags"
    return "; ".join(problem for name, text in value.items() if (problem := _tag(name, text)))


def _tag(name: str, value: Any) -> str:
    if not re.fullmatch(r"[a-z][a-z0-9_]*", name) or len(name.encode()) > 256 or name.startswith("df_"):
        return f"{name!r} is not a name"
    if name in RESERVED_TAGS:
        return f"{name} is reserved"
    if text_problem := _text(value):
        return f"{name} {text_problem}"
    if len(value.encode()) > 1024:
        return f"{name} is longer than 1024 bytes"
    return f"{name} has several lines" if len(value.splitlines()) > 1 else ""


def answer(code: int, error: str = "", message: str = "", success: bool | None = None) -> bytes:
    """Return the body of an answer in the API's form."""
    ok = code == 200 if success is None else success
    return json.dumps(
        {
            "code": code,
            "content": ok,
            "errorCode": error,
            "message": message,
            "success": ok,
            "traceId": "TRACE-5EB2700B-52BF-40D7-A547-90FB7EC855DD",
        }
    ).encode()


# name: status, body, further headers
ANSWERS: dict[str, tuple[int, bytes, dict[str, str]]] = {
    "throttle": (401, answer(401, "ft.TriggerApiAkCurrentLimiting", "limited"), {}),
    "throttle_workspace": (401, answer(401, "ft.TriggerApiWorkspaceCurrentLimiting", "limited"), {}),
    "throttle_429": (429, b"slow down", {"Retry-After": "7"}),
    "bad_key": (403, answer(403, "ft.InvalidAPIKey", "invalid key"), {}),
    "refuse": (400, answer(400, "ft.InvalidParam", "bad parameter"), {}),
    "refuse_413": (413, b"<html>too large</html>", {}),
    "404": (404, b"<html>not found</html>", {}),
    "500": (500, answer(500, "ft.Internal", "oops"), {}),
    "502": (502, b"<html><h1>Bad Gateway</h1></html>", {"Content-Type": "text/html"}),
    "503": (503, b"", {"Retry-After": "120"}),
    "not_success": (200, answer(200, "", "not today", success=False), {}),
    "not_success_400": (200, answer(400, "ft.InvalidParam", "bad parameter", success=False), {}),
    "garbage": (200, b"\xff\xfe{{{ \x00", {}),
    "html_200": (200, b"<html>please log in to the hotel's network</html>", {}),
    "array": (200, b"[1]", {}),
    "empty": (200, b"", {}),
    "redirect": (302, b"", {"Location": "https://login.example.com/"}),
    "echo_key": (500, b"", {}),
    "blocked": (403, b"<html>Request blocked</html>", {"Content-Type": "text/html"}),
    "packed": (200, gzip.compress(answer(200)), {"Content-Encoding": "gzip"}),
    "packed_too_large": (200, gzip.compress(b" " * 10_000_000), {"Content-Encoding": "gzip"}),
}
BROKEN = {"hang", "reset", "drip", "drip_headers", "accept_then_reset", "slow", "endless"}


class ApiStandIn:
    """The server. `accepted` holds the bodies it took, in order; `requests` every request's raw body."""

    def __init__(self, key: str = "ak_stand_in_0123456789", per_minute: int | None = None) -> None:
        self.key = key
        self.per_minute = per_minute
        """When set, answers what the real one does beyond its limit."""
        self.accepted: list[dict[str, Any]] = []
        self.requests: list[bytes] = []
        self.arrivals: list[float] = []
        self.rejections: list[str] = []
        """What was wrong with bodies that the table does not allow; a test that drives real events wants it empty."""
        self.down: str = ""
        """A fault for every request until it is "" again."""
        self.fault_for: Callable[[dict[str, Any]], str] = lambda body: ""
        """A fault that depends on the event."""
        self._faults: list[str] = []
        self._changed = threading.Condition()
        self._closing = threading.Event()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)

    def __enter__(self) -> ApiStandIn:
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._closing.set()
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def with_tls(self, certificate: Path) -> str:
        """Speak TLS from now on, with this certificate and key in one PEM file; return the URL."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate)
        # The handshake happens in the request's own thread: one client's failure is no other's.
        self._server.socket = context.wrap_socket(self._server.socket, server_side=True, do_handshake_on_connect=False)
        return self.url.replace("http:", "https:")

    def end_hanging(self) -> None:
        """Close the connections that hang or drip."""
        self._closing.set()

    def fail_next(self, *faults: str) -> None:
        """Answer the next requests with these faults, one each; "" is none."""
        unknown = set(faults) - set(ANSWERS) - BROKEN - {""}
        assert not unknown, f"no such faults: {unknown}"
        self._faults += faults

    def wait_for(self, count: int, seconds: float = 60) -> None:
        """Return when `count` events were accepted, duplicates included; AssertionError when it takes too long."""
        self.wait_until(lambda: len(self.accepted) >= count, seconds, f"{count} accepted events")

    def wait_for_requests(self, count: int, seconds: float = 60) -> None:
        self.wait_until(lambda: len(self.requests) >= count, seconds, f"{count} requests")

    def wait_until(self, true: Callable[[], object], seconds: float, what: str) -> None:
        with self._changed:
            if not self._changed.wait_for(true, seconds):
                titles = [event["title"] for event in self.accepted]
                raise AssertionError(
                    f"no {what} within {seconds}s: {len(self.requests)} requests, accepted {titles},"
                    f" rejected {self.rejections}"
                )

    @property
    def duplicates(self) -> dict[str, int]:
        """Return how often an event was accepted, for those accepted more than once, by event id."""
        counts = Counter(event.get("customTags", {}).get("event_id", "none") for event in self.accepted)
        return {event_id: count for event_id, count in counts.items() if count > 1}

    # --- one request ------------------------------------------------------------------------------------------------

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        stand_in = self

        class Request(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                stand_in._validate(self)

            def do_POST(self) -> None:
                stand_in._create(self)

            def handle(self) -> None:
                # A client that ends a TLS handshake half-way is no news.
                with contextlib.suppress(OSError):
                    super().handle()

            def log_message(self, *args: object) -> None:
                """Silent: a test prints what it needs."""

        return Request

    def _validate(self, request: BaseHTTPRequestHandler) -> None:
        if request.path != VALIDATE:
            _send(request, *ANSWERS["404"])
        elif request.headers.get("DF-API-KEY") != self.key:
            _send(request, *ANSWERS["bad_key"])
        else:
            _send(request, 200, answer(200), {})

    def _create(self, request: BaseHTTPRequestHandler) -> None:
        length = int(request.headers.get("Content-Length", 0))
        raw = request.rfile.read(length)
        if len(raw) < length:  # its sender was killed within it: no server takes or refuses half of a request
            request.close_connection = True
            return
        with self._changed:
            self.requests.append(raw)
            self.arrivals.append(time.monotonic())
            fault = self._fault(request, raw)
            if fault in ("", "accept_then_reset", "slow"):
                fault = self._judged(request, raw) or fault
            self._changed.notify_all()
        if fault == "":
            _send(request, 200, answer(200), {})
        elif fault == "echo_key":
            _send(request, 500, answer(500, "ft.Oops", f"key {request.headers.get('DF-API-KEY')} said no"), {})
        elif fault in ANSWERS:
            _send(request, *ANSWERS[fault])
        else:
            self._break(request, fault)

    def _fault(self, request: BaseHTTPRequestHandler, raw: bytes) -> str:
        if self._faults:
            return self._faults.pop(0)
        try:
            return self.down or self.fault_for(json.loads(raw))
        except ValueError:
            return self.down

    def _judged(self, request: BaseHTTPRequestHandler, raw: bytes) -> str:
        """Accept the event and return "", or the name of the answer that the real API would give."""
        if request.path != CREATE:
            return "404"
        if request.headers.get("DF-API-KEY") != self.key:
            return "bad_key"
        if request.headers.get("Content-Type", "").split(";")[0] != "application/json":
            self.rejections.append(f"Content-Type {request.headers.get('Content-Type')}")
            return "refuse"
        minute = [at for at in self.arrivals if at > time.monotonic() - 60]
        if self.per_minute is not None and len(minute) > self.per_minute:
            return "throttle"
        if found := problems(raw):
            self.rejections.append("; ".join(found))
            return "refuse"
        self.accepted.append(json.loads(raw))
        return ""

    def _break(self, request: BaseHTTPRequestHandler, fault: str) -> None:
        request.close_connection = True
        if fault == "hang":
            self._closing.wait(30)
        elif fault in ("reset", "accept_then_reset"):
            # SO_LINGER with no time: the connection ends with a reset instead of politely.
            request.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            request.connection.close()
        elif fault == "slow":
            self._closing.wait(0.3)
            _send(request, 200, answer(200), {})
        else:
            self._trickle(request, fault)

    def _trickle(self, request: BaseHTTPRequestHandler, fault: str) -> None:
        starts = {
            "drip": b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n",
            "drip_headers": b"HTTP/1.1 200 OK\r\nX-Drip: ",
            "endless": b"HTTP/1.1 200 OK\r\n\r\n" + b"x" * 65536,
        }
        try:
            request.connection.sendall(starts[fault])
            while not self._closing.wait(0 if fault == "endless" else 0.05):
                request.connection.sendall(b"x" * (65536 if fault == "endless" else 1))
        except OSError:
            return


def _send(request: BaseHTTPRequestHandler, status: int, body: bytes, headers: dict[str, str]) -> None:
    try:
        request.send_response(status)
        for name, value in {"Content-Type": "application/json", **headers}.items():
            request.send_header(name, value)
        request.send_header("Content-Length", str(len(body)))
        request.end_headers()
        request.wfile.write(body)
    except OSError:
        # The client has gone: its own time-out is what is tested.
        request.close_connection = True
