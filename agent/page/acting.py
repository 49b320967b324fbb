"""The paths that change something: signing in and out, and each deed, with a session and the proof of our own form."""

from __future__ import annotations

import hashlib

from bottle import HTTPResponse, request

from agent.page import html
from agent.page.answers import HTML, TEXT, answer, go_to, where
from agent.page.deeds import DeedError, Deeds
from agent.page.forms import Reach, forms, invitation, login, reach_of
from agent.page.sessions import AccessDenied, Session, Sessions, is_proven
from agent.page.source import CheckPage, Overview, Source
from agent.plugin.clock import wall_clock

OWN_FORM = "application/x-www-form-urlencoded"


class Acting:
    """The server's threads call it."""

    def __init__(self, sessions: Sessions, deeds: Deeds, source: Source) -> None:
        self._sessions = sessions
        self._deeds = deeds
        self._source = source
        # Cookies know no ports: the agents of two hosts, each through a tunnel, must not have the same.
        self._cookie = "hostvigil-" + hashlib.sha256(source.host().encode(errors="replace")).hexdigest()[:8]

    def reach(self, page: Overview | CheckPage) -> Reach:
        """Return what can be done on a page."""
        return reach_of(page)

    def forms(self, reach: Reach, path: str) -> str:
        """Return what may be done on a page by who asks for it, as HTML."""
        session = self._session()
        if session is None:
            return invitation(path)
        message, session.message = session.message, ""
        return forms(reach, session.proof, message, wall_clock())

    def form(self) -> HTTPResponse:
        return self._login("", 200)

    def login(self) -> HTTPResponse:
        """Let in who shows the token."""
        try:
            cookie = self._sessions.begin(_field("token"), where())
        except AccessDenied as error:
            return self._login(str(error), 429 if "many" in str(error) else 403)
        response = go_to(_own_path(_field("to")))
        is_https = request.get_header("X-Forwarded-Proto", "") == "https"
        response.set_cookie(self._cookie, cookie, path="/", httponly=True, samesite="strict", secure=is_https)
        return response

    def logout(self) -> HTTPResponse:
        session = self._session()
        if session is None or not is_proven(session, _field("proof")):
            return answer(403, TEXT, "That was not asked for by this page.\n")
        self._sessions.end(request.get_cookie(self._cookie) or "")
        response = go_to("/")
        response.delete_cookie(self._cookie, path="/")
        return response

    def act(self, name: str) -> HTTPResponse:
        """Do one thing, and go back to the page that it was asked on."""
        session = self._session()
        if session is None or request.content_type.partition(";")[0] != OWN_FORM:
            return answer(403, TEXT, "Sign in first.\n")
        if not is_proven(session, _field("proof")):
            return answer(403, TEXT, "That was not asked for by this page.\n")
        fields = {field: _field(field) for field in request.forms}
        try:
            session.message = self._deeds.do(name, fields, f"page, {where()}")
        except DeedError as error:
            session.message = str(error)
        except KeyError:
            return answer(404, TEXT, "There is no such deed.\n")
        self._source.cache.clear()
        page = f"/check/{fields['check']}" if fields.get("check") else "/"
        return go_to(f"{_own_path(page)}#said")

    def _session(self) -> Session | None:
        return self._sessions.of(request.get_cookie(self._cookie) or "")

    def _login(self, message: str, status: int) -> HTTPResponse:
        path = _own_path(_field("to") or request.query.getunicode("to", ""))
        return answer(status, HTML, html.whole(login(path, message), self._source.host(), ""), acts=True)


def _field(name: str) -> str:
    return str(request.forms.getunicode(name, ""))


def _own_path(path: str) -> str:
    """Return a path of our own pages: nobody is led elsewhere."""
    return path if path.startswith("/check/") and path.isascii() and path.isprintable() else "/"
