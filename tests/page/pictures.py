"""python -m tests.page.pictures: take the pictures of the page in docs/pictures anew, in a real browser."""

from __future__ import annotations

import math
import random
import tempfile
import time
from pathlib import Path

import msgspec
from selenium.webdriver import Chrome, Keys
from selenium.webdriver.support.wait import WebDriverWait

from agent.config.drop_ins import load
from agent.config.types.catalog import Catalog
from agent.engine.state.transition import Transition
from agent.model import EventStatus, Metric, Report, Result, State, Status
from agent.view.history.file import Keep
from agent.view.history.writer import HistoryWriter, Record
from tests.page.browser import browser, look_like
from tests.page.pages import HOUR, Told, opened, put, served

PICTURES = Path(__file__).parents[2] / "docs/pictures"
TOKEN = "a-token-of-the-pictures-alone"
MINUTE = 60_000
NOW = time.time_ns() // 1_000_000 + 30 * HOUR
"""The agent of the pictures has been at work for a while."""
SHOTS = (
    ("page-light", "light", 1200, 860, ""),
    ("page-dark", "dark", 1200, 860, ""),
    ("page-phone", "dark", 390, 844, ""),
    ("page-check", "light", 1200, 1000, "check/database"),
)
CONFIG = """
agent: {hostname: shop-1, tags: {env: prod}}
checks:
  database: {type: tcp, address: "db-2.example.com:5432", interval: 30s, fail_after: 3, runbook: "https://wiki.example.com/db"}
  orders: {type: http, url: "https://shop.example.com/orders", depends_on: database}
  disks: {type: disk, mounts: all, warning: 80%, critical: 95%}
  shop: {type: http, url: "https://shop.example.com/"}
  backup: {type: pushed, ttl: 25h}
  load: {type: load}
  memory: {type: memory}
  sshd: {type: process, name: sshd}
"""
TOLD = (
    Told(
        "database",
        "",
        Status.CRITICAL,
        "db-2.example.com:5432: connection refused",
        "10.0.3.17: connection refused after 1ms\n10.0.3.18: connection refused after 1ms",
        (Metric("time", 0.0012, "s", "", "5"),),
        since=NOW - 2 * HOUR - 17 * MINUTE,
    ),
    Told(
        "orders",
        "",
        Status.CRITICAL,
        "HTTP 503 after 240ms",
        since=NOW - 2 * HOUR,
        suppressed_by="database is critical",
    ),
    Told(
        "disks", "/var", Status.WARNING, "/var 91.2% used, 4.1 GiB free", "", (Metric("used", 91.2, "%", "80", "95"),)
    ),
    Told("disks", "/", Status.OK, "/ 62% used, 18 GiB free"),
    Told("shop", "", Status.OK, "200 in 83ms", since=NOW - 400 * HOUR),
    Told("backup", "", Status.OK, "312 files, 4.2 GiB", since=NOW - 90 * HOUR),
    Told("load", "", Status.OK, "0.42 per core", since=NOW - 800 * HOUR),
    Told("memory", "", Status.OK, "71% used, no swap", since=NOW - 800 * HOUR),
    Told("sshd", "", Status.OK, "1 process", since=NOW - 800 * HOUR),
)


DAY_OF = {
    "database": ((-200 * 60, Status.OK), (-300, Status.OK), (-137, Status.CRITICAL)),
    "orders": ((-700, Status.OK), (-600, Status.WARNING), (-560, Status.OK), (-120, Status.CRITICAL)),
}
"""Minutes before now, and what it became then."""


def past(folder: Path) -> None:
    """Write a day in which the database became slow, and then refused."""
    now = [NOW - 30 * HOUR]
    writer = HistoryWriter(Record(folder, Keep(200, 9000, 2**28), lambda: now[0]))
    dice = random.Random(7)
    for minute in range(-1500, 0):
        at = NOW + minute * MINUTE
        slow = 8 if -300 < minute < -137 else 1
        if minute < -137:
            value = 0.02 * slow * (1 + dice.random()) + 0.01 * math.sin(minute / 200)
            writer.put(measured("database", at, value), True)
    for check, changes in DAY_OF.items():
        for minute, status in changes:
            writer.put(changed(check, NOW + minute * MINUTE, status), True)
    writer.take()
    now[0] = NOW
    writer.record.flush()


def measured(check: str, at: int, value: float) -> Transition:
    state = State(check, decided=Status.OK)
    return Transition(state, state, Result(Status.OK, "", metrics=(Metric("time", value, "s"),)), at)


def changed(check: str, at: int, status: Status) -> Transition:
    said = {Status.OK: "connected in 21ms", Status.WARNING: "slow"}.get(status, "connection refused")
    before, after = State(check), State(check, decided=status, decided_since=at)
    report = Report(EventStatus(status), None, "", 1, 0, 0) if status is not Status.OK else None
    return Transition(before, after, Result(status, said), at, report)


def act(driver: Chrome, page: str) -> None:
    """Take the picture of what can be done on a check's page."""
    look_like(driver, "light", 1200, 420)
    driver.get(page)
    driver.find_element("link text", "Sign in").click()
    driver.find_element("id", "token").send_keys(TOKEN, Keys.ENTER)
    WebDriverWait(driver, 30).until(lambda on: on.find_elements("id", "act"))
    driver.execute_script("document.getElementById('act').scrollIntoView()")
    driver.save_screenshot(str(PICTURES / "page-act.png"))


def main() -> None:
    PICTURES.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as name, tempfile.TemporaryDirectory() as profile:
        folder, drop_ins = Path(name) / "state", Path(name) / "conf.d"
        drop_ins.mkdir()
        token = Path(name) / "token"
        token.write_text(TOKEN)
        token.chmod(0o600)
        (drop_ins / "shop.yaml").write_text(CONFIG.replace("agent: {", f"agent: {{page_token: {token}, "))
        store = opened(folder, "events", "ops")
        put(store, *[msgspec.structs.replace(one, since=max(one.since, NOW - 800 * HOUR)) for one in TOLD], now=NOW)
        past(folder)
        config = load(drop_ins, Catalog(), {})
        assert not config.problems, config.problems
        with browser(Path(profile)) as driver, served(folder, config, "shop-1", NOW) as server:
            for picture, scheme, width, height, path in SHOTS:
                look_like(driver, scheme, width, height, mobile=width < 600)
                driver.get(f"http://127.0.0.1:{server.port}/{path}")
                driver.save_screenshot(str(PICTURES / f"{picture}.png"))
            act(driver, f"http://127.0.0.1:{server.port}/check/database")
        store.close()


if __name__ == "__main__":
    main()
