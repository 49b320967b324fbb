"""Acting from the page, over HTTP: who may, what is done, and what nobody can have done by another."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from http.client import HTTPConnection, HTTPResponse
from pathlib import Path
from urllib.parse import quote, urlencode

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from agent.config.catalog import Catalog
from agent.config.drop_ins import load
from agent.config.files import Unreadable
from agent.config.page_token import problem, read
from agent.config.patience import Patience
from agent.config.selector import exactly, matches
from agent.config.settings import AgentSettings, Config
from agent.engine.suppression.silences import change
from agent.engine.suppression.silences import read as silences
from agent.model import Silence, Status
from agent.page.acting import _own_path
from agent.page.forms import Reach, forms, login
from agent.page.guard import is_own_page
from agent.page.server import PageServer
from agent.page.sessions import MOST_SESSIONS, SESSION_SECONDS, TRIES, WAIT_SECONDS, AccessDenied, Sessions, is_proven
from tests.page.pages import NOW, Steered, Told, opened, put, served
from tests.page.test_page_texts import OWN_TAGS, TEXTS
from tests.page.test_page_texts import read as read_html

TOKEN = "correct-horse-battery-staple"
HOUR = 3_600_000


def token_file(folder: Path, token: str = TOKEN, mode: int = 0o600) -> Path:
    path = folder / "page_token"
    path.write_text(token + "\n")
    path.chmod(mode)
    return path


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    store = opened(tmp_path / "state")
    put(store, Told("web", "", Status.CRITICAL, "HTTP 503"), Told("disk", "/a b", summary="9%"), Told("disk", "/"))
    store.close()
    return tmp_path / "state"


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


@pytest.fixture
def steered() -> Steered:
    return Steered()


@pytest.fixture
def browser(folder: Path, steered: Steered) -> Iterator[Browser]:
    with served(folder, config(folder), steering=steered) as server:
        yield Browser(server)


# --- the token's file


def test_the_token_is_a_file_for_its_owner_alone_and_a_mistake_has_its_place(tmp_path: Path) -> None:
    good, open_, folder = token_file(tmp_path), tmp_path / "open", tmp_path / "folder"
    open_.write_text(TOKEN)
    open_.chmod(0o640)
    folder.mkdir()
    for path, said in (
        (good, ""),
        (open_, f"may be used by others than its owner, write chmod 600 {open_}"),
        (tmp_path / "none", "install -m 600"),
        (folder, "is not a regular file"),
        (Path("page_token"), "is no whole path"),
    ):
        (tmp_path / "a.yaml").write_text(f"agent:\n  page_token: {path}\n")
        found = load(tmp_path, Catalog(), {})
        own = [str(one) for one in found.problems if "page_token" in str(one)]
        assert found.agent.page_token == ("" if "no whole path" in said else str(path))
        assert found.agent_readable == ("no whole path" not in said), "a destination means what it says all the same"
        assert [said in one and one.startswith(f"{tmp_path}/a.yaml:2:15: ") for one in own] == ([True] if said else [])


@pytest.mark.parametrize("token", ["", "short", "two words that are long enough", "é" * 30, "x" * 201, "a" * 20 + "\0"])
def test_a_token_that_could_be_guessed_or_mistyped_is_none(tmp_path: Path, token: str) -> None:
    path = token_file(tmp_path, token)
    assert problem(str(path), Patience()) == ""
    with pytest.raises(Unreadable):
        read(str(path))


# --- who is let in


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def test_wrong_tokens_are_bounded_and_a_right_one_is_not_tried_meanwhile(tmp_path: Path) -> None:
    clock, path = Clock(), str(token_file(tmp_path))
    sessions = Sessions(lambda: path, clock)
    for _ in range(TRIES):
        with pytest.raises(AccessDenied, match="not the token"):
            sessions.begin("wrong", "x")
    for token in ("wrong", TOKEN):
        with pytest.raises(AccessDenied, match="Try again in 10 seconds"):
            sessions.begin(token, "x")
    clock.now += WAIT_SECONDS
    assert sessions.of(sessions.begin(TOKEN, "x"))
    tried = 0
    for _ in range(600):  # an hour of trying twelve times a minute
        clock.now += 6
        try:
            sessions.begin("wrong", "x")
        except AccessDenied as error:
            tried += "not the token" in str(error)
    assert tried <= 3600 / WAIT_SECONDS + 1


def test_a_session_ends_by_time_by_another_token_without_one_and_by_too_many(tmp_path: Path) -> None:
    clock, path = Clock(), str(token_file(tmp_path))
    sessions = Sessions(lambda: path, clock)
    held = sessions.begin(TOKEN, "x")
    session = sessions.of(held)
    assert session
    assert is_proven(session, session.proof)
    assert not is_proven(session, session.proof[:-1])
    assert sessions.of("") is sessions.of(held[:-1]) is None
    clock.now += SESSION_SECONDS
    assert sessions.of(held) is None
    held = sessions.begin(TOKEN, "x")
    others = [sessions.begin(TOKEN, "x") for _ in range(MOST_SESSIONS)]
    assert sessions.of(held) is None
    assert all(sessions.of(one) for one in others)
    os.utime(path, (1, 1))
    assert not any(sessions.of(one) for one in others)
    held = sessions.begin(TOKEN, "x")
    Path(path).unlink()
    assert sessions.of(held) is None
    with pytest.raises(AccessDenied, match="cannot be used"):
        sessions.begin(TOKEN, "x")


def test_the_cookie_is_for_our_requests_only_and_encrypted_where_a_proxy_is(browser: Browser) -> None:
    answer, _ = browser.post("/login", {"token": TOKEN, "to": "/check/web"})
    assert answer.getheader("Location") == "/check/web"
    name, *words = str(answer.getheader("Set-Cookie")).split("; ")
    assert name.startswith("hostvigil-")
    assert sorted(word.lower() for word in words) == ["httponly", "path=/", "samesite=strict"]
    answer, _ = browser.post("/login", {"token": TOKEN}, **{"X-Forwarded-Proto": "https"})
    assert "secure" in str(answer.getheader("Set-Cookie")).lower().split("; ")


@pytest.mark.parametrize(
    "to", ["//evil.example", "https://evil.example", "/check/x\r\nA: b", "javascript:x", "/api", "é"]
)
def test_nobody_is_led_elsewhere(browser: Browser, to: str) -> None:
    assert browser.post("/login", {"token": TOKEN, "to": to})[0].getheader("Location") == "/"


def test_without_a_token_it_only_shows_and_says_how_to_act(folder: Path) -> None:
    with served(folder) as server:
        browser = Browser(server)
        for path in ("/", "/check/web"):
            said = browser.get(path)
            assert "<form" not in said
            assert "install -m 600" in said
        assert {browser.post(path, {"token": ""})[0].status for path in ("/login", "/act/run", "/logout")} == {404}


def test_only_a_session_with_the_proof_of_our_own_form_acts(browser: Browser, folder: Path, steered: Steered) -> None:
    wish = {"check": "web", "for": "1h"}
    assert browser.post("/act/silence", wish)[0].status == 403
    assert browser.post("/login", {"token": "wrong"})[0].status == 403
    assert "<form" not in browser.get("/check/web")
    proof = browser.sign_in()
    good = wish | {"proof": proof}
    other = {"Content-Type": "text/plain"}
    assert browser.post("/act/silence", wish)[0].status == 403
    assert browser.post("/act/silence", wish | {"proof": proof[:-1]})[0].status == 403
    assert browser.post("/act/silence", good, **other)[0].status == 403
    for site in ("cross-site", "same-site", "none"):
        assert browser.post("/act/silence", good, **{"Sec-Fetch-Site": site})[0].status == 403, site
    assert browser.post("/act/silence", good, Host="evil.example")[0].status == 421
    assert silences(folder) == ()
    assert browser.post("/act/silence", good)[0].status == 303
    assert [one.selector for one in silences(folder)] == ["web"]
    assert browser.post("/act/nothing", good)[0].status == 404
    assert browser.post("/logout", {})[0].status == 403
    held = browser.cookie
    assert browser.post("/logout", {"proof": proof})[0].status == 303
    browser.cookie = held
    assert browser.post("/act/silence", good)[0].status == 403
    assert steered.done == []


@pytest.mark.parametrize("name", ["%ff", "a%C3", "%ED%A0%80", "%00", "\ud800", "%"])
def test_names_of_any_bytes_are_answered(browser: Browser, name: str) -> None:
    proof = browser.sign_in()
    for deed in ("silence", "unsilence", "acknowledge", "run"):
        for fields in ({"check": name}, {"check": "web", "subject": f".{name}"}, {"silence": f"1 {name}"}):
            assert browser.post(f"/act/{deed}", {"for": "1h", **fields, "proof": proof})[0].status == 303


def test_a_page_elsewhere_has_another_site() -> None:
    assert [site for site in ("", "same-origin", "same-site", "cross-site", "none", "x") if is_own_page(site)] == [
        "",
        "same-origin",
    ]


# --- what is done


def test_each_deed_is_done_said_once_and_noted_with_from_where(
    browser: Browser, folder: Path, steered: Steered, caplog: pytest.LogCaptureFixture
) -> None:
    proof = browser.sign_in()

    def do(name: str, to: str = "/check/web", **fields: str) -> str:
        answer, _ = browser.post(
            f"/act/{name}", {"proof": proof, **fields}, **{"X-Forwarded-For": "1.1.1.1, 192.0.2.7"}
        )
        assert (answer.status, answer.getheader("Location")) == (303, f"{to}#said")
        said = re.search(r'id="said"[^>]*>([^<]+)', browser.get(to))
        assert 'id="said"' not in browser.get(to)
        return said[1] if said else ""

    who = "page, 192.0.2.7 by 127.0.0.1"
    assert do("run", check="web") == "web runs now; its result shows here in a moment."
    assert do("acknowledge", check="web", reason="on it") == "web: not repeated until it changes."
    assert do("acknowledge", check="web", undo="1") == "web: may be repeated again."
    assert do("acknowledge", "/check/disk", check="disk", subject="." + quote("/a b", safe="")).startswith("disk:")
    assert steered.done == [
        ("run", "web", who),
        ("acknowledge", "web", None, f"{who} (on it)", who),
        ("acknowledge", "web", None, "", who),
        ("acknowledge", "disk", "/a b", who, who),
    ]
    said = do("silence", "/check/disk", check="disk", subject=".%2Fa%20b", reason="new disk", **{"for": "2h"})
    assert said == "Silenced for 2h: disk:/a?b."
    assert do("silence", "/", selector="env=prod", **{"for": "30m"}) == "Silenced for 30m: env=prod."
    first, second = silences(folder)
    assert first == Silence("disk:/a?b", NOW, NOW + 2 * HOUR, "new disk", who)
    assert "new disk" in browser.get("/")
    assert do("unsilence", "/", silence=f"{second.since} env%3Dprod") == "The silence has ended: env=prod."
    assert [one.selector for one in silences(folder) if one.until > NOW] == ["disk:/a?b"]
    assert do("unsilence", "/", silence=f"{second.since} env%3Dprod") == "There is no such silence any more."
    steered.subjects = []
    assert do("acknowledge", check="web") == "Nothing is told as a problem of web now."
    assert f"by {who}: Silenced for 2h: disk:/a?b." in caplog.text


@pytest.mark.parametrize(
    ("name", "fields", "said"),
    [
        ("silence", {"selector": "", "for": "1h"}, "a selector is empty"),
        ("silence", {"selector": "env=", "for": "1h"}, "needs a tag and a value"),
        ("silence", {"selector": "*", "for": "soon"}, "Nothing is silenced"),
        ("silence", {"selector": "*", "for": "500d"}, "ends within a year"),
        ("silence", {"check": "gone", "for": "1h"}, "There is no such check any more."),
        ("run", {"check": "gone"}, "There is no such check any more."),
        ("run", {}, "There is no such check any more."),
        ("unsilence", {}, "There is no such silence any more."),
    ],
)
def test_what_cannot_be_done_is_said(
    browser: Browser, folder: Path, name: str, fields: dict[str, str], said: str
) -> None:
    proof = browser.sign_in()
    assert browser.post(f"/act/{name}", {"proof": proof, **fields})[0].status == 303
    assert said in browser.get("/")
    assert silences(folder) == ()


def test_a_broken_file_of_silences_is_said_and_stays(browser: Browser, folder: Path) -> None:
    proof = browser.sign_in()
    (folder / "silences.json").write_text("{broken")
    answer, said = browser.post("/act/silence", {"proof": proof, "selector": "*", "for": "1h"})
    assert (answer.status, "silences cannot be read" in said) == (503, True)
    assert (folder / "silences.json").read_text() == "{broken"


@given(check=st.from_regex(r"[a-z.-]{1,8}", fullmatch=True), subject=st.text(), other=st.text())
def test_a_silence_of_one_part_means_this_part(check: str, subject: str, other: str) -> None:
    assert matches(exactly(check, subject), check, {}, subject)
    alike = re.sub(r"\s", "?", subject) == re.sub(r"\s", "?", other)
    if subject and not alike and not any(letter.isspace() for letter in subject):
        assert not matches(exactly(check, subject), check, {}, other)


FIELDS = st.dictionaries(
    st.sampled_from(["check", "subject", "silence", "selector", "for", "reason", "undo", "token", "to"]),
    st.text(max_size=30) | st.sampled_from(["web", "1h", ".", ".%ff%ed%a0%80", "%", "1 %zz"]),
)


@given(fields=FIELDS, name=st.sampled_from(["silence", "unsilence", "acknowledge", "run"]))
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_no_field_breaks_it(browser: Browser, fields: dict[str, str], name: str) -> None:
    proof = browser.sign_in() if not browser.cookie else browser.proof()
    answer, _ = browser.post(f"/act/{name}", {**fields, "proof": proof})
    assert answer.status == 303
    assert "<h1" in browser.get("/")


@given(texts=st.lists(TEXTS | st.sampled_from(["\ud800", "\0", "\r\n"]), min_size=6, max_size=6))
def test_whatever_a_text_says_the_forms_have_only_our_own_tags(texts: list[str]) -> None:
    check, subject, other, selector, who, said = texts
    silence = Silence(selector, 1, NOW, who, who)
    reach = Reach(check, (subject, other), (subject,), True, True, (silence,))
    for text in (
        forms(reach, "proof", said, 0),
        forms(Reach(silences=(silence,)), "proof", said, 0),
        login(_own_path(check), said),
    ):
        text.encode()
        reader = read_html(text)
        for tag, attributes in reader.tags:
            assert tag in OWN_TAGS, tag
            assert not [name for name, _ in attributes if name.startswith("on") or name in ("formaction", "src")]
        assert {dict(a).get("action") for tag, a in reader.tags if tag == "form"} <= {
            "/act/run",
            "/act/acknowledge",
            "/act/silence",
            "/act/unsilence",
            "/logout",
            "/login",
        }
        assert {dict(a).get("method") for tag, a in reader.tags if tag == "form"} == {"post"}


def test_a_silence_that_is_about_another_check_is_not_offered_to_be_ended(browser: Browser, folder: Path) -> None:
    change(folder, lambda _: [Silence("web", 1, NOW + HOUR), Silence("disk:*", 2, NOW + HOUR)], NOW)
    browser.sign_in()
    offered = {
        path: re.findall(r'<option value="(\d+) ', browser.get(path)) for path in ("/", "/check/web", "/check/disk")
    }
    assert offered == {"/": ["1", "2"], "/check/web": ["1"], "/check/disk": ["2"]}
