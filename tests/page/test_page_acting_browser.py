"""Acting from the page in a real browser: by keyboard, with names for screen readers, and no text runs in a form."""

from __future__ import annotations

import socket
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from agent.config.settings import AgentSettings, Config
from agent.engine.suppression.silences import change
from agent.engine.suppression.silences import read as silences
from agent.model import Silence, Status
from agent.page.templates import plain
from tests.examples import TIMES
from tests.page.browser import ENTER, TAB, assert_accessible, assert_unharmed, focused, look_like, press, wait_until
from tests.page.pages import NOW, Steered, Told, opened, put, served
from tests.page.signed_in import HOUR, TOKEN, token_file
from tests.page.test_page_browser import PAYLOADS
from tests.processes.agent_process import agent_process

if TYPE_CHECKING:
    from selenium.webdriver import Chrome


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    opened(tmp_path / "state").close()
    return tmp_path / "state"


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as found:
        return int(found.getsockname()[1])


def written(folder: Path, *told: Told) -> Config:
    store = opened(folder)
    put(store, *told)
    store.close()
    return Config(agent=AgentSettings(page_token=str(token_file(folder.parent))))


def sign_in(driver: Chrome, start: str, path: str) -> None:
    driver.delete_all_cookies()
    driver.get(start + path)
    driver.find_element("link text", "Sign in").click()
    driver.find_element("id", "token").send_keys(TOKEN, ENTER)
    wait_until(driver, lambda on: on.find_elements("id", "act"))
    assert driver.current_url == start + path


SOME = (
    Told("database", "replica-2", Status.CRITICAL, "no answer within 10s"),
    Told("database", "replica-1", Status.WARNING, "slow"),
    *(Told(f"web-{n}", "", Status.OK, "200 in 12ms") for n in range(12)),
)


def test_axe_finds_nothing_in_the_forms_and_they_fit(driver: Chrome, folder: Path) -> None:
    config = written(folder, *SOME)
    change(folder, lambda _: [Silence("database", 1, NOW + HOUR, "new disk", "ann")], NOW)
    with served(folder, config, "shop-1") as server:
        start = f"http://127.0.0.1:{server.port}"
        for path in ("/", "/check/database", "/login"):
            if path == "/login":
                driver.get(start + path)
                driver.find_element("id", "token").send_keys("wrong", ENTER)
                wait_until(driver, lambda on: on.find_elements("css selector", "[role=alert]"))
            else:
                sign_in(driver, start, path)
            assert_accessible(driver, path)
        logs = [one["message"] for one in driver.get_log("browser") if "403" not in one["message"]]
        assert logs == []


def test_a_keyboard_silences_and_what_came_of_it_is_read_out(driver: Chrome, folder: Path) -> None:
    config = written(folder, *SOME)
    look_like(driver, "light", 1280, 800)
    with served(folder, config) as server:
        start = f"http://127.0.0.1:{server.port}"
        sign_in(driver, start, "/check/database")
        for _ in range(40):
            press(driver, TAB)
            if focused(driver, "id") == "silence-subject":
                break
        keys = ("replica-2", TAB, "2h", TAB, "new disk", ENTER)
        press(driver, *keys)
        wait_until(driver, lambda on: focused(on, "role") == "status")
        assert focused(driver, "innerText") == "Silenced for 2h: database:replica-2."
        (silence,) = silences(folder)
        assert (silence.selector, silence.reason, silence.who) == (
            "database:replica-2",
            "new disk",
            "page, 127.0.0.1",
        )
        fields = "#act input:not([type=hidden]), #act select, #act button"
        names = {one.accessible_name for one in driver.find_elements("css selector", fields)}
        what = {"Which part", "Reason", "For how long", "Which silence"}
        assert names == what | {"Acknowledge", "Silence", "End it", "Sign out"}


def test_what_is_being_typed_stays_while_the_page_renews_itself(driver: Chrome, folder: Path) -> None:
    config = written(folder, *SOME)
    with served(folder, config) as server:
        sign_in(driver, f"http://127.0.0.1:{server.port}", "/check/database")
        reason = driver.find_element("id", "silence-reason")
        reason.send_keys("half a sen")
        written(folder, Told("database", "replica-2", Status.OK, "answers again"))
        wait_for(driver, "answers again")
        press(driver, "tence")
        assert reason.get_attribute("value") == "half a sentence"


def test_no_text_of_any_field_runs_in_the_forms(driver: Chrome, folder: Path) -> None:
    assert len(PAYLOADS) >= 50
    config = written(folder, *[Told("web", text, Status.CRITICAL, text) for text in PAYLOADS])
    own = [Silence("*", n, NOW + HOUR, text, text) for n, text in enumerate(PAYLOADS)]
    odd = [Silence("web " + text, 100 + n, NOW + HOUR) for n, text in enumerate(PAYLOADS) if text.isprintable()]
    change(folder, lambda _: [*own, *odd], NOW)
    steered = Steered(folder)
    with served(folder, config, steering=steered) as server:
        start = f"http://127.0.0.1:{server.port}"
        for path in ("/check/web", "/"):
            sign_in(driver, start, path)
            unharmed(driver)
        printable = [text for text in PAYLOADS if text.isprintable()]
        # All stand in the forms; written into one is a quarter of them, in `make torture` each.
        for first in range(0, len(printable) if TIMES > 1 else 14, 14):
            driver.get(start)
            selector = driver.find_element("id", "silence-selector")
            driver.execute_script(
                "arguments[0].value = arguments[1]", selector, " ".join(printable[first : first + 14])
            )
            driver.find_element("id", "silence-reason").send_keys(ENTER)
            wait_until(driver, said)
            unharmed(driver)
        driver.get(f"{start}/check/web")
        for text in (PAYLOADS[0], PAYLOADS[16]):
            driver.find_element("id", "ack-reason").send_keys(text)
            choose = "document.getElementById('ack-subject').value = arguments[0]"
            driver.execute_script(choose, "." + plain(text))
            driver.execute_script("document.getElementById('said')?.remove()")
            driver.find_element("id", "ack-reason").send_keys(ENTER)
            wait_until(driver, said)
            unharmed(driver)
        assert [one[2] for one in steered.done] == [PAYLOADS[0], PAYLOADS[16]]


def unharmed(driver: Chrome) -> None:
    strange = "img, svg script, iframe, object, embed, video, audio, base, style, math, [autofocus], [formaction]"
    assert_unharmed(driver, strange)


def test_a_real_agent_is_steered_from_the_page(driver: Chrome, tmp_path: Path) -> None:
    flag, port, token = tmp_path / "flag", free_port(), token_file(tmp_path)
    flag.touch()
    with agent_process(tmp_path) as agent:
        agent.write(
            "a.yaml",
            f"agent: {{page: '127.0.0.1:{port}', page_token: {token}}}\n"
            f"checks: {{flag: {{type: file, path: {flag}, expect: absent, interval: 1h}}}}\n",
        )
        agent.start()
        agent.wait_until(lambda: "critical" in str(agent.status()["checks"]), "the problem")
        sign_in(driver, f"http://127.0.0.1:{port}", "/check/flag")
        driver.find_element("id", "ack-reason").send_keys("on it", ENTER)
        wait_until(driver, lambda on: "not repeated until it changes" in said(on))
        wait_for(driver, "acknowledged by page, 127.0.0.1 (on it)")
        flag.unlink()
        driver.find_element("css selector", "form[action='/act/run'] button").click()
        wait_until(driver, lambda on: "runs now" in said(on))
        wait_for(driver, "ok The check itself")
        driver.find_element("id", "silence-reason").send_keys("a test", ENTER)
        wait_until(driver, lambda on: "Silenced for 1h" in said(on))
        assert "by page, 127.0.0.1" in agent.call("silence").stdout
        driver.find_element("css selector", "form[action='/act/unsilence'] button").click()
        wait_until(driver, lambda on: "The silence has ended" in said(on))
        assert agent.stop() == 0
        told = agent.call("history", "flag").stdout
    for text in (
        "acknowledged by page, 127.0.0.1 (on it)",
        "run asked for by page, 127.0.0.1",
        "silenced by page, 127.0.0.1",
        "silence ended by page, 127.0.0.1",
    ):
        assert text in told, told


def wait_for(driver: Chrome, text: str) -> None:
    """Wait until the part that renews itself says so; it is asked at once, for elements are exchanged meanwhile."""
    script = "return document.getElementById('part').innerText.replace(/\\s+/g, ' ')"
    wait_until(driver, lambda on: text in on.execute_script(script))


def said(driver: Chrome) -> str:
    return str(driver.execute_script("return document.getElementById('said')?.innerText ?? ''"))
