"""A real browser for a test: Chromium without a screen, with a profile of its own, driven by selenium."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.examples import TIMES
from tests.host import needs

if TYPE_CHECKING:  # selenium is imported where a browser is: each worker collects these tests, one runs them
    from selenium.webdriver import Chrome

TAB, ENTER = "\ue004", "\ue007"
"""As selenium's Keys have them."""

FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--incognito",
    "--disable-extensions",
    "--disable-back-forward-cache",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
    "--hide-scrollbars",
)


@contextmanager
def browser(folder: Path) -> Iterator[Chrome]:
    """Yield a browser; `folder` is empty and holds its profile."""
    from selenium.webdriver import Chrome, ChromeOptions
    from selenium.webdriver.chrome.service import Service

    options = ChromeOptions()
    options.binary_location = needs.command("chromium", "chromium")
    for flag in (*FLAGS, f"--user-data-dir={folder}"):
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    driver = Chrome(options, Service(needs.command("chromedriver", "chromium-driver")))
    driver.set_page_load_timeout(60)
    driver.set_script_timeout(60)
    try:
        yield driver
    finally:
        driver.quit()


COLOURS = {"runOnly": {"type": "rule", "values": ["color-contrast"]}}
"""What night has to do with; all rules are held to the same page by day, and in `make torture` by night, too."""

LOOK = """
const [strange, done] = arguments;
const look = () => ({
  ran: window.ran ?? null,
  scripts: [...document.scripts].map((one) => one.getAttribute("src")),
  strange: [...document.querySelectorAll(strange)].map((one) => one.outerHTML),
  handlers: [...document.querySelectorAll("*")].flatMap((one) => one.getAttributeNames()).filter((a) => /^on/.test(a)),
  forms: [...document.forms].filter((one) => new URL(one.action).origin !== origin).length,
});
const before = look();
renew().then(() => done([before, look()]));
"""
UNHARMED = {"ran": None, "scripts": ["/page.js"], "strange": [], "handlers": [], "forms": 0}


def assert_unharmed(driver: Chrome, strange: str) -> None:
    """Nothing ran, nothing was blocked, and there are no elements but ours; also after the page renewed itself.

    `strange` selects elements that the page has none of. All is asked at once: each question takes the browser 10 ms.
    """
    assert driver.execute_async_script(LOOK, strange) == [UNHARMED, UNHARMED]
    assert [entry["message"] for entry in driver.get_log("browser")] == []


def assert_accessible(driver: Chrome, page: str) -> None:
    """axe finds nothing that keeps somebody out, by day and by night, at a desk and on a telephone, and all fits."""
    from axe_core_python.selenium import Axe

    for scheme, rules in (("light", None), ("dark", COLOURS if TIMES == 1 else None)):
        for width in (1280, 360):
            look_like(driver, scheme, width, 800)
            found = Axe().run(driver, options=rules)
            doubted = [*found["violations"], *found["incomplete"]]
            wrong = [(one["id"], one["nodes"][0]["html"]) for one in doubted]
            assert not wrong, (page, scheme, width, wrong)
            assert driver.execute_script("return document.documentElement.scrollWidth") <= width, (page, width)


def press(driver: Chrome, *keys: str) -> None:
    from selenium.webdriver import ActionChains

    ActionChains(driver).send_keys(*keys).perform()


def wait_until(driver: Chrome, true: Callable[[Chrome], Any]) -> None:
    from selenium.webdriver.support.wait import WebDriverWait

    WebDriverWait(driver, 30).until(true)


def focused(driver: Chrome, what: str) -> str:
    """Return a property of the element that has the focus, asked at once: elements are exchanged meanwhile."""
    return str(driver.execute_script(f"return document.activeElement.{what} ?? ''"))


def look_like(driver: Chrome, scheme: str, width: int, height: int, mobile: bool = False) -> None:
    """Have pages shown in a colour scheme, at a size."""
    driver.execute_cdp_cmd(
        "Emulation.setEmulatedMedia", {"features": [{"name": "prefers-color-scheme", "value": scheme}]}
    )
    driver.execute_cdp_cmd(
        "Emulation.setDeviceMetricsOverride",
        {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": mobile},
    )
