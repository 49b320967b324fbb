"""What is done on the page is done once, said, and noted with from where it came."""

from __future__ import annotations

import re
from pathlib import Path
from urllib.parse import quote

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from agent.config.selector import exactly, matches
from agent.engine.suppression.silences import change
from agent.engine.suppression.silences import read as silences
from agent.model import Silence
from agent.page.acting import _own_path
from agent.page.forms import Reach, forms, login
from tests.page.pages import NOW, Steered, with_two_disks
from tests.page.signed_in import HOUR, Browser
from tests.page.test_page_texts import OWN_TAGS, TEXTS
from tests.page.test_page_texts import read as read_html


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return with_two_disks(tmp_path / "state")


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
        ("silence", {"selector": "*", "for": "500d"}, "a year at most"),
        ("silence", {"selector": "*", "for": "0s"}, "lasts some time"),
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
