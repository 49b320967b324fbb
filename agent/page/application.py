"""The paths: what is asked for, and what answers it."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from bottle import Bottle, HTTPResponse

from agent.config.page_address import PageAddress
from agent.page.answers import error, files_of_page, guard
from agent.page.machines import machines
from agent.page.readiness import Readiness
from agent.page.showing import Showing
from agent.page.source import Source

Act = Callable[..., HTTPResponse]
if TYPE_CHECKING:
    from agent.page.acting import Acting


def application(source: Source, ready: Readiness, address: PageAddress, acting: Acting | None = None) -> Any:
    """Return the WSGI application; without `acting` it only shows. Its paths are called by the server's thread."""
    app = Bottle()
    app.config["catchall"] = False  # a bug of ours goes into our log, by waitress, and nowhere else
    showing = Showing(source, acting)
    reading: dict[str, Act] = {
        "/": showing.overview,
        r"/check/<name:re:[\s\S]+>": showing.check,
        **machines(source, ready),
        **files_of_page(),
    }
    doing: dict[str, Act] = {}
    if acting:
        reading["/login"] = acting.form
        doing = {"/login": acting.login, "/logout": acting.logout, r"/act/<name:re:[a-z]+>": acting.act}
    for method, paths in (("GET", reading), ("POST", doing)):
        for path, act in paths.items():
            app.route(path, method=method, callback=guard(act, address))
    for code in (400, 404, 405, 413, 500):
        app.error(code)(error)
    return app
