"""A token, its file, and a browser that is signed in."""

from __future__ import annotations

import re
from http.client import HTTPConnection, HTTPResponse
from pathlib import Path
from urllib.parse import urlencode

from agent.config.settings import AgentSettings, Config
from agent.page.server import PageServer

TOKEN = "correct-horse-battery-staple"
HOUR = 3_600_000


def token_file(folder: Path, token: str = TOKEN, mode: int = 0o600) -> Path:
    path = folder / "page_token"
    path.write_text(token + "\n")
    path.chmod(mode)
    return path


def config(folder: Path) -> Config:
    return Config(agent=AgentSettings(page_token=str(token_file(folder.parent))))


class Browser:
    """Asks as a browser does, and keeps its cookie."""

    def __init__(self, server: PageServer) -> None:
        self._server = server
        self.cookie = ""

    def get(self, path: str) -> str:
        return self._ask("GET", path, None, {})[1]

    def post(self, path: str, fields: dict[str, str], **headers: str) -> tuple[HTTPResponse, str]:
        own = {"Content-Type": "application/x-www-form-urlencoded", "Sec-Fetch-Site": "same-origin"}
        return self._ask("POST", path, urlencode(fields, errors="surrogatepass"), own | headers)

    def _ask(self, method: str, path: str, body: str | None, headers: dict[str, str]) -> tuple[HTTPResponse, str]:
        connection = HTTPConnection("127.0.0.1", self._server.port, timeout=30)
        try:
            connection.request(method, path, body, headers | ({"Cookie": self.cookie} if self.cookie else {}))
            answer = connection.getresponse()
            if new := answer.getheader("Set-Cookie"):
                self.cookie = new.partition(";")[0]
            return answer, answer.read().decode()
        finally:
            connection.close()

    def sign_in(self) -> str:
        """Return the proof that each form has."""
        assert self.post("/login", {"token": TOKEN})[0].status == 303
        return self.proof()

    def proof(self) -> str:
        found = re.search(r'name="proof" value="([^"]+)"', self.get("/"))
        assert found
        return found[1]
