"""Pure: HTTP's Digest authentication (RFC 7616, and RFC 2069 of old devices): what to answer to a challenge.

The server sees no password: only a hash of it and of what the server says anew each time.
"""

from __future__ import annotations

import hashlib
import re
from typing import TYPE_CHECKING

import msgspec

from checks.http.head import Head, Headers
from checks.http.request import Request

if TYPE_CHECKING:
    from checks.http.check import Http

ALGORITHMS = {"sha-512-256": "sha512_256", "sha-256": "sha256", "md5": "md5"}
"""By their names in HTTP, the best first: the names of hashlib."""
CHALLENGE_LIMIT = 8192
"""Letters of a WWW-Authenticate that are looked at."""
COUNT = "00000001"
"""Each nonce is used once."""
_WORDS = re.compile(r'([A-Za-z0-9*_-]+)(?:[ \t]*=[ \t]*("(?:[^"\\]|\\.)*"|[^\s,"]*))?')
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")


class Challenge(msgspec.Struct, frozen=True):
    """What a server says about how it wants to know who asks."""

    nonce: str
    realm: str = ""
    algorithm: str = "md5"
    qop: str = ""
    opaque: str | None = None
    says_algorithm: bool = False
    userhash: bool = False

    @property
    def session(self) -> bool:
        return self.algorithm.endswith("-sess")

    @property
    def rank(self) -> int:
        return list(ALGORITHMS).index(self.algorithm.removesuffix("-sess"))

    def hash(self, *parts: str | bytes) -> str:
        """Return the hash of the parts with a colon between them, in hexadecimal digits."""
        name = ALGORITHMS[self.algorithm.removesuffix("-sess")]
        whole = (part if isinstance(part, bytes) else part.encode("utf-8", "surrogateescape") for part in parts)
        return hashlib.new(name, b":".join(whole), usedforsecurity=False).hexdigest()


def again(check: Http, request: Request, head: Head, cnonce: str) -> Request | None:
    """Return the same request with the answer to a server's challenge; None where there is nothing to answer.

    `cnonce` is a text that nobody can guess. Only the URL's own server is answered, and once.
    """
    due = check.auth == "digest" and head.status == 401 and not request.authorization
    if not due or head.status in check.expect_status or not check.url.same_server(request.url):
        return None
    challenge = min(challenges(head.headers), key=lambda one: one.rank, default=None)
    if challenge is None:
        return None
    authorization = answer(challenge, (check.user, check.password), request, cnonce)
    return msgspec.structs.replace(request, authorization=authorization)


def answer(challenge: Challenge, who: tuple[str, str], request: Request, cnonce: str) -> str:
    """Return the value of the Authorization header; `who` is user and password."""
    user, password = who
    secret = challenge.hash(user, challenge.realm, password)
    if challenge.session:
        secret = challenge.hash(secret, challenge.nonce, cnonce)
    uri, qop = request.url.target, challenge.qop
    request_parts = [request.method, uri] + ([challenge.hash(request.body)] if qop == "auth-int" else [])
    nonce_parts = [challenge.nonce, *((COUNT, cnonce, qop) if qop else ())]
    parameters = {
        "username": _quote(challenge.hash(user, challenge.realm) if challenge.userhash else user),
        "realm": _quote(challenge.realm),
        "nonce": _quote(challenge.nonce),
        "uri": _quote(uri),
        "response": _quote(challenge.hash(secret, *nonce_parts, challenge.hash(*request_parts))),
        "opaque": None if challenge.opaque is None else _quote(challenge.opaque),
        "algorithm": challenge.algorithm.upper().replace("-SESS", "-sess") if challenge.says_algorithm else None,
        "userhash": "true" if challenge.userhash else None,
        "cnonce": _quote(cnonce) if qop or challenge.session else None,
        **({"qop": qop, "nc": COUNT} if qop else {}),
    }
    return "Digest " + ", ".join(f"{name}={value}" for name, value in parameters.items() if value is not None)


def challenges(headers: Headers) -> list[Challenge]:
    """Return the challenges that can be answered; other schemes may stand before, behind and between."""
    lines = [line[:CHALLENGE_LIMIT] for line in headers.all("www-authenticate")]
    return [challenge for line in lines for parameters in _parse_line(line) if (challenge := _challenge(parameters))]


def _parse_line(line: str) -> list[dict[str, str]]:
    """Return the parameters of each Digest challenge of a line."""
    all_parameters: list[dict[str, str]] = []
    current: dict[str, str] = {}
    for match in _WORDS.finditer(line):
        name, value = match[1].lower(), match[2]
        if value is not None:
            current.setdefault(name, _plain(value))
            continue
        current = {}
        if name == "digest":
            all_parameters.append(current)
    return all_parameters


def _challenge(parameters: dict[str, str]) -> Challenge | None:
    algorithm = parameters.get("algorithm", "md5").lower()
    qops = [one.strip().lower() for one in parameters.get("qop", "").split(",")]
    qop = next((one for one in ("auth", "auth-int") if one in qops), "")
    if not parameters.get("nonce") or any(_CONTROL.search(value) for value in parameters.values()):
        return None
    if algorithm.removesuffix("-sess") not in ALGORITHMS or (parameters.get("qop") and not qop):
        return None
    userhash = parameters.get("userhash", "").lower() == "true"
    realm, opaque = parameters.get("realm", ""), parameters.get("opaque")
    return Challenge(
        nonce=parameters["nonce"],
        realm=realm,
        algorithm=algorithm,
        qop=qop,
        opaque=opaque,
        says_algorithm="algorithm" in parameters,
        userhash=userhash,
    )


def _plain(value: str) -> str:
    if value[:1] == '"':
        value = re.sub(r"\\(.)", r"\1", value[1:-1])
    # Headers are read as Latin-1; so what goes back is, byte for byte, what came.
    return value.encode("latin-1").decode("utf-8", "surrogateescape")


def _quote(value: str) -> str:
    return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'
