"""The paths that change something: signing in and out, and each deed, with a session and the proof of our own form."""

from __future__ import annotations

import hashlib
import time

from bottle import HTTPResponse, request

from agent.page import html
from agent.page.answers import HTML, TEXT, answer, go_to, where
from agent.page.deeds import Deeds, NotDone
from agent.page.forms import Reach, forms, invitation, login, reach_of
from agent.page.sessions import NotLetIn, Session, Sessions, is_proven
from agent.page.source import CheckPage, Overview, Source

OWN_FORM = "application/x-www-form-urlencoded"


class Acting:
    """The server's threads call it."""

    def __init__(self, sessions: Sessions, deeds: Deeds, source: Source) -> None:
        self._sessions = sessions
        self._deeds = deeds
        self._source = source
        # Cookies know no ports: the agents of two hosts, each through a tunnel, must not have the same.
        self._cookie = "hostvigil-" + hashlib.sha256(source.host().encode(errors="replace")).hexdigest()[:8]

    def reach(self, found: Overview | CheckPage) -> Reach:
        """Return what can be done on a page."""
        return reach_of(found)

    def forms(self, reach: Reach, path: str) -> str:
        """Return what may be done on a page by who asks for it, as HTML."""
        session = self._session()
        if session is None:
            return invitation(path)
        said, session.said = session.said, ""
        return forms(reach, session.proof, said, time.time_ns() // 1_000_000)

    def form(self) -> HTTPResponse:
        return self._login("", 200)

    def login(self) -> HTTPResponse:
        """Let in who shows the token."""
        try:
            held = self._sessions.begin(_field("token"), where())
        except NotLetIn as error:
            return self._login(str(error), 429 if "many" in str(error) else 403)
        found = go_to(_own_path(_field("to")))
        encrypted = request.get_header("X-Forwarded-Proto", "") == "https"
        found.set_cookie(self._cookie, held, path="/", httponly=True, samesite="strict", secure=encrypted)
        return found

    def logout(self) -> HTTPResponse:
        session = self._session()
        if session is None or not is_proven(session, _field("proof")):
            return answer(403, TEXT, "That was not asked for by this page.\n")
        self._sessions.end(request.get_cookie(self._cookie) or "")
        found = go_to("/")
        found.delete_cookie(self._cookie, path="/")
        return found

    def act(self, name: str) -> HTTPResponse:
        """Do one thing, and go back to the page that it was asked on."""
        session = self._session()
        if session is None or request.content_type.partition(";")[0] != OWN_FORM:
            return answer(403, TEXT, "Sign in first.\n")
        if not is_proven(session, _field("proof")):
            return answer(403, TEXT, "That was not asked for by this page.\n")
        fields = {field: _field(field) for field in request.forms}
        try:
            session.said = self._deeds.do(name, fields, f"page, {where()}")
        except NotDone as error:
            session.said = str(error)
        except KeyError:
            return answer(404, TEXT, "There is no such deed.\n")
        self._source.kept.clear()
        page = f"/check/{fields['check']}" if fields.get("check") else "/"
        return go_to(f"{_own_path(page)}#said")

    def _session(self) -> Session | None:
        return self._sessions.of(request.get_cookie(self._cookie) or "")

    def _login(self, said: str, status: int) -> HTTPResponse:
        path = _own_path(_field("to") or request.query.getunicode("to", ""))
        return answer(status, HTML, html.whole(login(path, said), self._source.host(), ""), True)


def _field(name: str) -> str:
    return str(request.forms.getunicode(name, ""))


def _own_path(path: str) -> str:
    """Return a path of our own pages: nobody is led elsewhere."""
    return path if path.startswith("/check/") and path.isascii() and path.isprintable() else "/"
