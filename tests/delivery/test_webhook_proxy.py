"""The proxy of a destination: what is none is a problem of its line, not of each delivery."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

import pytest

from agent.config.drop_ins import load
from agent.config.sections.destination import WebhookSettings
from agent.config.web_address import proxy_fault
from agent.delivery.sinks.webhook.webhook import Webhook
from tests.config.sample_types import sample_catalog
from tests.delivery.deliveries import critical
from tests.stand_ins.http_servers import serving


def problems(proxy: str, folder: Path) -> list[str]:
    text = f"agent: {{destinations: {{ops: {{type: webhook, url: 'http://x/', proxy: '{proxy}'}}}}}}\n"
    (folder / "0.yaml").write_text(text)
    return [str(one) for one in load(folder, sample_catalog(), {}).problems if one.agent]


@pytest.mark.parametrize("proxy", ["http://u:s3cret@h:99999", "http://", "ftp://h", "http://[::1", "http://a b"])
def test_what_is_no_proxy_is_a_problem_that_does_not_quote_it(proxy: str, tmp_path: Path) -> None:
    (found,) = problems(proxy, tmp_path)
    assert found.endswith(
        "1:70: agent.destinations.ops.proxy: is not an address, write for example http://proxy.example.com:3128"
    )


@pytest.mark.parametrize(
    "proxy", ["http://h:3128", "https://u:p@h", "h:3128", "u:p@h", "10.0.0.7:3128", "http://größe.example:1"]
)
def test_what_is_an_address_is_a_proxy(proxy: str, tmp_path: Path) -> None:
    assert problems(proxy, tmp_path) == []


@pytest.mark.parametrize("written", ["http://127.0.0.1", "127.0.0.1", "localhost", "u:s3cret@localhost"])
def test_a_proxy_is_asked_with_and_without_its_scheme_and_its_password_is_hidden(written: str) -> None:
    with serving(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 16\r\n\r\nnot for u:s3cret") as proxy:
        address = f"{written}:{proxy.url.strip('/').rpartition(':')[2]}"
        sink = Webhook(WebhookSettings(type="webhook", url="http://shop.invalid/", proxy=address))
        text = sink.post(sink.render(critical("web-1"))).text
    assert text.startswith("HTTP 403: not for ")
    assert ("s3cret" in text) == ("s3cret" not in written)


@pytest.mark.parametrize(("proxy", "good"), [("h:3128", True), ("u:p@h:3128", True), ("none", False), ("h:x", False)])
def test_the_proxy_of_events_may_lack_its_scheme_as_well(proxy: str, good: bool, tmp_path: Path) -> None:
    events = f"{{endpoint: 'https://a.example', api_key: k, proxy: '{proxy}'}}"
    (tmp_path / "0.yaml").write_text(f"agent: {{events: {events}}}\n")
    found = [str(one) for one in load(tmp_path, sample_catalog(), {}).problems if one.agent]
    assert bool(found) != good


def test_a_socks_proxy_needs_a_package_that_is_not_shipped() -> None:
    assert ("PySocks" in proxy_fault("socks5://h:1080")) == (find_spec("socks") is None)


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        (b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n", "the proxy gives no way: 403 Forbidden"),
        (b"HTTP/1.1 407 Login\r\nContent-Length: 0\r\n\r\n", "the proxy gives no way: 407 Login"),
        (b"\x05\xff\r\n\r\n", "what answers does not speak HTTP/1.1"),
    ],
)
def test_a_proxy_that_opens_no_tunnel_is_told_as_the_proxy(answer: bytes, says: str) -> None:
    with serving(answer) as proxy:
        sink = Webhook(WebhookSettings(type="webhook", url="https://shop.invalid/", proxy=proxy.url))
        assert sink.post(sink.render(critical("web-1"))).text == says
