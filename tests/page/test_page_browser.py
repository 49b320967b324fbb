"""The page in a real browser: nothing that a text says runs, everybody can read it, and it renews itself."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from agent.config.drop_ins import load
from agent.config.settings import Config
from agent.config.types.catalog import Catalog
from agent.model import Metric, Status
from agent.store import Store
from tests.examples import TIMES
from tests.page.browser import ENTER, TAB, assert_accessible, assert_unharmed, focused, look_like, press, wait_until
from tests.page.pages import HOUR, Told, opened, put, served
from tests.page.test_page_pictures import SINCE, changed, history

if TYPE_CHECKING:
    from selenium.webdriver import Chrome

RUN = "window.ran=(window.ran||0)+1"
PAYLOADS = (
    f"<script>{RUN}</script>",
    f"</title><script>{RUN}</script>",
    f"</style><script>{RUN}</script>",
    f"</textarea><script>{RUN}</script>",
    f"</noscript><script>{RUN}</script>",
    f"</pre></main></body><script>{RUN}</script>",
    f"--><script>{RUN}</script><!--",
    f"<!--><script>{RUN}</script>-->",
    f"]]><script>{RUN}</script>",
    f"<ScRiPt>{RUN}</sCrIpT>",
    f"<script/x>{RUN}</script>",
    f"<script\n>{RUN}</script\n>",
    f"<<script>{RUN}//<</script>",
    f"<scr<script>ipt>{RUN}</scr</script>ipt>",
    f"<script src=data:text/javascript,{RUN}></script>",
    "<script src=//127.0.0.1:1/x.js></script>",
    f"<img src=x onerror={RUN}>",
    f"<img src=x onerror='{RUN}'>",
    f'"><img src=x onerror="{RUN}">',
    f"'><img src=x onerror='{RUN}'>",
    f"`><img src=x onerror=`{RUN}`>",
    f"<img/src=x/onerror={RUN}>",
    f"<IMG SRC=x ONERROR={RUN}>",
    f'<img """><script>{RUN}</script>">',
    f"<svg onload={RUN}>",
    f"<svg/onload={RUN}>",
    f"<svg><script>{RUN}</script></svg>",
    f"<svg><animate onbegin={RUN} attributeName=x></svg>",
    f"<svg><a xlink:href=javascript:{RUN}><text y=9>x</text></a></svg>",
    f"<math><mtext><table><mglyph><style><img src=x onerror={RUN}>",
    f"<iframe src=javascript:{RUN}></iframe>",
    f"<iframe srcdoc='<script>parent.{RUN}</script>'></iframe>",
    f"<object data=javascript:{RUN}></object>",
    f"<embed src=javascript:{RUN}>",
    f"<body onload={RUN}>",
    f"<details open ontoggle={RUN}><summary>x",
    f"<video><source onerror={RUN}></video>",
    f"<audio src=x onerror={RUN}>",
    f"<input autofocus onfocus={RUN}>",
    f"<select autofocus onfocus={RUN}>",
    f"<marquee onstart={RUN}>x</marquee>",
    f"<meta http-equiv=refresh content='0;url=javascript:{RUN}'>",
    "<base href=//127.0.0.1:1/>",
    "<form action=//127.0.0.1:1/><input type=submit>",
    f"<link rel=stylesheet href=data:text/css,x onload={RUN}>",
    f"<style>@import 'x';</style><style onload={RUN}></style>",
    f'" autofocus onfocus="{RUN}" x="',
    f"' onmouseover='{RUN}' x='",
    f"javascript:{RUN}",
    f"{{{{!{RUN}}}}}{{{{{RUN}}}}}<% {RUN} %>${{{RUN}}}",
    f"&lt;script&gt;{RUN}&lt;/script&gt;",
    f"&#60;img src=x onerror={RUN}&#62;",
    f"\\u003cscript\\u003e{RUN}\\u003c/script\\u003e",
    f"+ADw-script+AD4-{RUN}+ADw-/script+AD4-",
    f"\u2028<script>{RUN}</script>\u202e",
    f"<scr\x00ipt>{RUN}</scr\x00ipt>",
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    store = opened(tmp_path / "state")
    store.close()
    return tmp_path / "state"


def written(folder: Path, *told: Told) -> None:
    store = Store.beside(folder)
    put(store, *told)
    store.close()


def configured(folder: Path, texts: Sequence[str]) -> Config:
    """Return a configuration in which these texts stand where they are wrong, and where they are right."""
    quoted = ["'" + text.replace("'", "''") + "'" for text in texts if text.isprintable()]
    lines = [f"    {text}: 1" for text in quoted]
    command = ", ".join(text for text in quoted if "${" not in text)
    right = f"  web: {{type: script, command: [/bin/echo, {command}], description: {quoted[0]}, runbook: {quoted[1]}}}"
    whole = ["checks:", right, "  odd:", "    type: script", "    command: x", *lines, ""]
    (folder.parent / "a.yaml").write_text("\n".join(whole))
    return load(folder.parent, Catalog(), {})


def test_no_text_of_any_field_runs_or_makes_an_element(driver: Chrome, folder: Path) -> None:
    assert len(PAYLOADS) >= 50
    everything = [
        Told(f"web-{n}{text}", text, Status.CRITICAL, text, f"{text}\n{text}", (Metric(text, 1, text[:20], text),))
        for n, text in enumerate(PAYLOADS)
    ]
    put_at_once = [Told("web", text, Status.NODATA, text, text, (Metric(text, n),)) for n, text in enumerate(PAYLOADS)]
    written(folder, *everything, *put_at_once)
    with served(folder, host="".join(PAYLOADS)[:900]) as server:
        start = f"http://127.0.0.1:{server.port}"
        driver.get(start)
        links = driver.execute_script("return [...document.querySelectorAll('main th a')].map((one) => one.href)")
        assert len(set(links)) == len(PAYLOADS) + 1
        unharmed(driver)
        driver.get(f"{start}/check/web")
        unharmed(driver)
        # Each text stands on the first two pages; on one of its own every eighth, in `make torture` each.
        for link in list(dict.fromkeys(links))[:: 1 if TIMES > 1 else 8]:
            driver.get(link)
            unharmed(driver)
            assert driver.execute_script("return document.querySelectorAll('section.one').length"), link


def test_no_text_of_the_configuration_runs(driver: Chrome, folder: Path) -> None:
    written(folder, Told("web", "", Status.OK, "fine"))
    config = configured(folder, PAYLOADS)
    assert len(config.problems) > 45
    assert "web" in config.checks
    with served(folder, config) as server:
        for path in ("", "check/odd", "check/web"):
            driver.get(f"http://127.0.0.1:{server.port}/{path}")
            unharmed(driver)


def unharmed(driver: Chrome) -> None:
    strange = "img, svg script, iframe, object, embed, form, input, video, audio, base, style, math, [autofocus]"
    assert_unharmed(driver, strange)


SOME = (
    Told("database", "replica-2", Status.CRITICAL, "no answer within 10s", "connect: refused\nretry: refused"),
    Told("disk", "/var", Status.WARNING, "91% used", "", (Metric("used", 91, "%", "80", "95"),)),
    *(Told(f"web-{n}", "", Status.OK, "200 in 12ms") for n in range(12)),
)


@pytest.mark.parametrize("path", ["", "check/database", "check/disk", "check/web", "check/odd"])
def test_axe_finds_nothing_that_keeps_somebody_out(driver: Chrome, folder: Path, path: str) -> None:
    written(folder, *SOME)
    history(folder, *(changed(SINCE + hour * HOUR, [*Status][hour % 4], hour) for hour in range(20)))
    config = configured(folder, ["one", "two"])
    with served(folder, config, "shop-1") as server:
        driver.get(f"http://127.0.0.1:{server.port}/{path}")
        driver.execute_script("for (const one of document.querySelectorAll('details')) one.open = true")
        assert_accessible(driver, path)


def test_it_renews_itself_and_keeps_what_the_reader_did(driver: Chrome, folder: Path) -> None:
    written(folder, *SOME, *(Told(f"mail-{n}", "", Status.OK, "folded away") for n in range(28)))
    look_like(driver, "light", 1280, 800)
    with served(folder) as server:
        driver.get(f"http://127.0.0.1:{server.port}/")
        driver.execute_script("window.same = true; document.getElementById('well').open = true")
        driver.execute_script("document.querySelector('main a').focus()")
        written(folder, Told("database", "replica-2", Status.OK, "answers again"), Told("new", "", Status.NODATA, "?"))
        wait_until(driver, lambda on: "1 nodata" in on.title)
        assert driver.execute_script("return window.same") is True
        assert driver.execute_script("return document.getElementById('well').open") is True
        assert driver.execute_script("return document.activeElement.getAttribute('href')") == "/check/database"
        assert driver.find_element("css selector", "[role=status]").text.startswith("1 warning, 1 nodata")
        assert driver.find_element("id", "live").text == "live"
        server.stop()
        wait_until(driver, lambda on: on.find_element("id", "live").text == "no answer from the agent")


def test_a_keyboard_comes_first_to_the_content_and_then_to_each_check(driver: Chrome, folder: Path) -> None:
    written(folder, *SOME)
    with served(folder) as server:
        driver.get(f"http://127.0.0.1:{server.port}/")
        press(driver, TAB)
        assert focused(driver, "textContent") == "Skip to the content"
        press(driver, ENTER, TAB)
        assert focused(driver, "textContent") == "database"
        press(driver, ENTER)
        wait_until(driver, lambda on: on.current_url.endswith("/check/database"))
