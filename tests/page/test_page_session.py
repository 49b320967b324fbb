"""Who is let in to act on the page: the token, its file and the session."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from agent.config.drop_ins import load
from agent.config.files.content import Unreadable
from agent.config.files.patience import Patience
from agent.config.page_token import problem, read
from agent.config.types.catalog import Catalog
from agent.engine.suppression.silences import read as silences
from agent.page.guard import is_own_page
from agent.page.sessions import MOST_SESSIONS, SESSION_SECONDS, TRIES, WAIT_SECONDS, AccessDenied, Sessions, is_proven
from tests.page.pages import Steered, served, with_two_disks
from tests.page.signed_in import TOKEN, Browser, token_file


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return with_two_disks(tmp_path / "state")


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
