"""The paths for people: the overview and each check's page, with what may be done there beside it."""

from __future__ import annotations

from collections.abc import Callable

import msgspec
from bottle import HTTPResponse, request

from agent.page import html
from agent.page.acting import Acting
from agent.page.asked import HTML, TEXT, answer, check_path
from agent.page.forms import Reach, of_check, of_overview
from agent.page.source import Source


class Shown(msgspec.Struct, frozen=True):
    """A page's main part, and what can be done on it."""

    part: str
    reach: Reach


class Showing:
    """The server's threads call it."""

    def __init__(self, source: Source, acting: Acting) -> None:
        self._source = source
        self._acting = acting

    def overview(self) -> HTTPResponse:
        return self._answer("/", self._overview)

    def check(self, name: str) -> HTTPResponse:
        return self._answer(check_path(name), lambda: self._check(name))

    def _overview(self) -> Shown:
        found = self._source.overview()
        return Shown(html.overview(found, self._source.host()), of_overview(found.seen))

    def _check(self, name: str) -> Shown | None:
        found = self._source.check(name)
        return Shown(html.check(found, self._source.host()), of_check(found)) if found else None

    def _answer(self, path: str, make: Callable[[], Shown | None]) -> HTTPResponse:
        shown: Shown | None = self._source.kept.get(path, make)
        if shown is None:
            return answer(404, TEXT, "There is no such check.\n")
        if request.query.get("part") == "main":
            return answer(200, HTML, shown.part)
        forms = self._acting.forms(shown.reach, path)
        return answer(200, HTML, html.whole(shown.part, self._source.host(), forms), self._acting.possible)
