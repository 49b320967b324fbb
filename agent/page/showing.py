"""The paths for people: the overview and each check's page, with what may be done there beside it."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import msgspec
from bottle import HTTPResponse, request

from agent.page import html
from agent.page.answers import HTML, TEXT, answer, check_path, is_browser
from agent.page.source import CheckPage, Overview, Source

if TYPE_CHECKING:
    from agent.page.acting import Acting
    from agent.page.forms import Reach


class PagePart(msgspec.Struct, frozen=True):
    """A page's main part, and what can be done there; not what it was made of, which is larger."""

    part: str
    reach: Reach | None


class Showing:
    """The server's thread calls it."""

    def __init__(self, source: Source, acting: Acting | None) -> None:
        """Without `acting` the page only shows."""
        self._source = source
        self._acting = acting

    def overview(self) -> HTTPResponse:
        return self._answer("/", self._overview)

    def check(self, name: str) -> HTTPResponse:
        return self._answer(check_path(name), lambda: self._check(name))

    def _overview(self) -> PagePart:
        page = self._source.overview()
        return PagePart(html.overview(page, self._source.host()), self._reach(page))

    def _check(self, name: str) -> PagePart | None:
        page = self._source.check(name)
        return PagePart(html.check(page, self._source.host()), self._reach(page)) if page else None

    def _reach(self, page: Overview | CheckPage) -> Reach | None:
        return self._acting.reach(page) if self._acting else None

    def _missing(self) -> HTTPResponse:
        """Lead a person back; what asks by itself has no use for that."""
        if request.query.get("part") == "main":
            return answer(404, HTML, html.missing())
        if not is_browser():
            return answer(404, TEXT, "There is no such check.\n")
        return answer(404, HTML, html.whole(html.missing(), self._source.host(), ""))

    def _answer(self, path: str, make: Callable[[], PagePart | None]) -> HTTPResponse:
        page: PagePart | None = self._source.cache.get(path, make)
        if page is None:
            return self._missing()
        if request.query.get("part") == "main":
            return answer(200, HTML, page.part)
        acting = self._acting
        forms = acting.forms(page.reach, path) if acting and page.reach else html.how_to_act()
        return answer(200, HTML, html.whole(page.part, self._source.host(), forms), acts=acting is not None)
