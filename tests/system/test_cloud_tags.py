"""Cloud tags: what each metadata service is asked, as its vendor documents it, and that nobody waits for an answer."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from agent.config.drop_ins import load
from agent.config.settings import AgentSettings, Config
from agent.config.types.catalog import Catalog
from agent.system.cloud_tags import CloudTags
from agent.system.clouds import CLOUDS, MOST_BYTES, cloud_tags, of_this_host
from agent.system.host_tags import HostTags
from tests.host import needs

TOKEN = "AQAEAL-a-token=="
Answer = tuple[int, str]
Rule = Callable[[str, str, dict[str, str]], Answer]
"""Method, path and headers (lower case) to the answer."""


class Service(BaseHTTPRequestHandler):
    """A metadata service on loopback that answers by a rule."""

    rule: Rule
    asked: list[str]

    def answer(self) -> None:
        headers = {name.lower(): value for name, value in self.headers.items()}
        self.asked.append(f"{self.command} {self.path}")
        code, text = type(self).rule(self.command, self.path, headers)
        self.send_response(code)
        if code in (301, 302):
            self.send_header("Location", text)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text.encode())

    do_GET = do_PUT = answer

    def log_message(self, *_: Any) -> None:
        pass


@contextmanager
def service(rule: Rule) -> Iterator[tuple[str, list[str]]]:
    """Serve; give its address and what it was asked."""
    handler = type("Handler", (Service,), {"rule": staticmethod(rule), "asked": []})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    try:
        yield f"127.0.0.1:{server.server_address[1]}", handler.asked  # type: ignore[attr-defined]
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def with_token(kind: str, pages: dict[str, str]) -> Rule:
    """Refuse whoever has no token, as an instance that requires it does."""

    def rule(method: str, path: str, headers: dict[str, str]) -> Answer:
        if path == "/latest/api/token":
            seconds = headers.get(f"x-{kind}-metadata-token-ttl-seconds", "")
            good = method == "PUT" and seconds.isdigit() and 1 <= int(seconds) <= 21600
            return (200, TOKEN) if good and "x-forwarded-for" not in headers else (400, "")
        if headers.get(f"x-{kind}-metadata-token") != TOKEN:
            return 401, ""
        return (200, pages[path]) if method == "GET" and path in pages else (404, "")

    return rule


def with_header(name: str, value: str, pages: dict[str, str]) -> Rule:
    def rule(method: str, path: str, headers: dict[str, str]) -> Answer:
        if name and headers.get(name) != value:
            return 403, ""
        return (200, pages[path]) if method == "GET" and path in pages else (404, "")

    return rule


DOCUMENT = {"instanceId": "i-0ab1", "instanceType": "t3.micro", "region": "eu-west-1", "availabilityZone": "eu-west-1a"}
COMPUTE = {"vmId": "02aab8a4", "vmSize": "Standard_B2s", "location": "westeurope", "zone": "2", "customData": "secret"}
OPENSTACK = {"uuid": "d9e02c31", "region_id": "cn-north-4", "availability_zone": "cn-north-4a", "random_seed": "secret"}
GOOGLE = "/computeMetadata/v1/instance"
META = "/latest/meta-data"
RULES: dict[str, tuple[Rule, dict[str, str]]] = {
    "aws": (
        with_token("aws-ec2", {"/latest/dynamic/instance-identity/document": json.dumps(DOCUMENT)}),
        {"id": "i-0ab1", "type": "t3.micro", "region": "eu-west-1", "zone": "eu-west-1a"},
    ),
    "gcp": (
        with_header(
            "metadata-flavor",
            "Google",
            {
                f"{GOOGLE}/id": "4520031799277581759",
                f"{GOOGLE}/zone": "projects/123456/zones/us-central1-a",
                f"{GOOGLE}/machine-type": "projects/123456/machineTypes/e2-small",
            },
        ),
        {"id": "4520031799277581759", "type": "e2-small", "region": "us-central1", "zone": "us-central1-a"},
    ),
    "azure": (
        with_header("metadata", "true", {"/metadata/instance/compute?api-version=2021-02-01": json.dumps(COMPUTE)}),
        {"id": "02aab8a4", "type": "Standard_B2s", "region": "westeurope", "zone": "westeurope-2"},
    ),
    "alibaba": (
        with_token(
            "aliyun-ecs",
            {
                f"{META}/instance-id": "i-bp1",
                f"{META}/instance/instance-type": "ecs.g7.large",
                f"{META}/region-id": "cn-hangzhou",
                f"{META}/zone-id": "cn-hangzhou-i",
            },
        ),
        {"id": "i-bp1", "type": "ecs.g7.large", "region": "cn-hangzhou", "zone": "cn-hangzhou-i"},
    ),
    "tencent": (
        with_header(
            "",
            "",
            {
                f"{META}/instance-id": "ins-3g445roi",
                f"{META}/placement/region": "ap-guangzhou",
                f"{META}/placement/zone": "ap-guangzhou-3",
            },
        ),
        {"id": "ins-3g445roi", "region": "ap-guangzhou", "zone": "ap-guangzhou-3"},
    ),
    "huawei": (
        with_header("", "", {"/openstack/latest/meta_data.json": json.dumps(OPENSTACK)}),
        {"id": "d9e02c31", "region": "cn-north-4", "zone": "cn-north-4a"},
    ),
}
NAMES = {"id": "cloud_instance_id", "type": "cloud_instance_type", "region": "cloud_region", "zone": "cloud_zone"}


def test_each_cloud_of_the_setting_is_tried_here() -> None:
    assert RULES.keys() == CLOUDS.keys()


@pytest.mark.parametrize("cloud", RULES)
def test_a_service_that_is_strict_about_the_documented_form_answers(cloud: str) -> None:
    rule, told = RULES[cloud]
    with service(rule) as (address, _):
        assert cloud_tags(cloud, address) == {"cloud": cloud, **{NAMES[name]: value for name, value in told.items()}}


@pytest.mark.parametrize("cloud", RULES)
def test_no_proxy_is_taken_and_nothing_is_followed(cloud: str, monkeypatch: pytest.MonkeyPatch) -> None:
    rule, _ = RULES[cloud]
    with service(rule) as (elsewhere, asked), service(lambda *_: (302, f"http://{elsewhere}/")) as (address, _):
        for name in ("http_proxy", "HTTP_PROXY", "all_proxy"):
            monkeypatch.setenv(name, f"http://{elsewhere}")
        with pytest.raises(OSError, match="is answered by 302"):
            cloud_tags(cloud, address)
        assert asked == []


LOGIN = "<!DOCTYPE html>\n<html><body>Log in</body></html>"


@pytest.mark.parametrize(
    "text",
    [
        *("", "[]", "null", "{", '"x"', "\x00", "x" * (MOST_BYTES + 1), '{"instanceId": 5}', LOGIN, "[" * 60_000),
        *("i-1\nx: y", "i-\x1b[31m1", "x" * 5_000, '{"instanceId": "\\ud800", "vmId": "a\\nb", "uuid": "\\u202e"}'),
    ],
)
@pytest.mark.parametrize("cloud", RULES)
def test_whatever_it_answers_is_tags_of_plain_words_or_no_answer(cloud: str, text: str) -> None:
    with service(lambda *_: (200, text)) as (address, _):
        try:
            tags = cloud_tags(cloud, address)
        except OSError as error:
            assert f"the metadata service of {cloud} ({address})" in str(error)
        else:
            assert tags.pop("cloud") == cloud
            assert tags.keys() <= set(NAMES.values())
            assert all(isinstance(value, str) and 0 < len(value) < 200 for value in tags.values())
            assert all(value.isprintable() and not set(value) & set("<>{}[]") for value in tags.values())
            assert "cloud_instance_id" in tags


def test_a_service_that_never_answers_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("agent.system.clouds.SECONDS", 0.1)
    silent = threading.Event()
    with service(lambda *_: (200, str(silent.wait(10)))) as (address, _):
        with pytest.raises(OSError, match="timed out"):
            cloud_tags("tencent", address)
        silent.set()


@pytest.mark.parametrize(
    ("files", "cloud"),
    [
        ({"sys_vendor": "Amazon EC2\n"}, "aws"),
        ({"sys_vendor": "Xen\n", "bios_version": "4.11.amazon\n"}, "aws"),
        ({"sys_vendor": "Google\n", "product_name": "Google Compute Engine\n"}, "gcp"),
        ({"sys_vendor": "Microsoft Corporation\n", "chassis_asset_tag": "7783-7084-3265-9085-8269-3286-77\n"}, "azure"),
        ({"sys_vendor": "Microsoft Corporation\n", "chassis_asset_tag": "None\n"}, ""),
        ({"sys_vendor": "Alibaba Cloud\n"}, "alibaba"),
        ({"sys_vendor": "Tencent Cloud\n"}, "tencent"),
        ({"sys_vendor": "OpenStack Foundation\n", "chassis_asset_tag": "HUAWEICLOUD\n"}, "huawei"),
        ({"sys_vendor": "Dell Inc.\n"}, ""),
        ({}, ""),
    ],
)
def test_auto_goes_by_what_the_hardware_says(
    files: dict[str, str], cloud: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "class/dmi/id"
    folder.mkdir(parents=True)
    for name, text in files.items():
        (folder / name).write_text(text)
    monkeypatch.setenv("HOST_SYS", str(tmp_path))
    assert of_this_host() == cloud
    if not cloud:
        assert cloud_tags("auto", "127.0.0.1:1") == {}, "nobody is asked"


def until(true: Callable[[], bool]) -> None:
    end = time.monotonic() + 60
    while not true():
        assert time.monotonic() < end
        time.sleep(0.005)


def settings(cloud: str) -> Config:
    return Config(AgentSettings(cloud_tags=cloud))  # type: ignore[arg-type]


def test_nobody_waits_for_it_and_what_is_known_is_asked_once() -> None:
    answered, asked = threading.Event(), []

    def ask(cloud: str) -> dict[str, str]:
        asked.append(cloud)
        answered.wait(10)
        return {"cloud": cloud, "cloud_region": "x"}

    cloud = CloudTags(ask)
    tags = HostTags(cloud=cloud)
    assert "cloud" not in tags(), "off unless somebody wants it"
    cloud.apply(Config(), settings("aws"))
    until(lambda: asked == ["aws"])
    assert "cloud" not in tags(), "an event goes out without them"
    answered.set()
    until(lambda: "cloud" in tags())
    assert tags()["cloud_region"] == "x"
    cloud.apply(settings("aws"), settings("aws"))
    assert asked == ["aws"]
    cloud.apply(settings("aws"), settings("none"))
    assert "cloud" not in tags()


def test_a_service_that_fails_is_said_once_and_asked_again(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("agent.system.cloud_tags.FIRST_PAUSE", 0.001)
    answers: list[dict[str, str] | Exception] = [OSError("no"), OSError("no"), {"cloud": "gcp"}]

    def ask(_: str) -> dict[str, str]:
        answer = answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    cloud = CloudTags(ask)
    cloud.apply(Config(), settings("gcp"))
    until(lambda: cloud() == {"cloud": "gcp"})
    assert len([one for one in caplog.messages if "agent.cloud_tags: no" in one]) == 1


def test_an_answer_that_comes_after_the_choice_has_changed_is_nobodys() -> None:
    late = threading.Event()
    cloud = CloudTags(lambda name: {"cloud": name} if name == "gcp" or late.wait(10) else {})
    cloud.apply(Config(), settings("aws"))
    cloud.apply(settings("aws"), settings("gcp"))
    until(lambda: cloud() == {"cloud": "gcp"})
    late.set()
    time.sleep(0.05)
    assert cloud() == {"cloud": "gcp"}


def test_another_word_is_named_at_its_place(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text("agent: {cloud_tags: amazon}\nchecks: {load: {type: load}}\n")
    [problem] = load(tmp_path, Catalog(), {}).problems
    assert "a.yaml:1:" in str(problem)
    assert "agent.cloud_tags" in str(problem)


IN_A_NAMESPACE = """
import json, sys
from tests.system.test_cloud_tags import RULES, ThreadingHTTPServer, Service
from agent.system.clouds import cloud_tags
import threading
name, address = sys.argv[1:]
handler = type("Handler", (Service,), {"rule": staticmethod(RULES[name][0]), "asked": []})
threading.Thread(target=ThreadingHTTPServer((address, 80), handler).serve_forever, daemon=True).start()
print(json.dumps(cloud_tags(name)))
"""


@pytest.mark.parametrize("cloud", RULES)
def test_it_is_asked_at_the_address_and_port_where_it_is(cloud: str) -> None:
    needs.command("ip", "iproute2")
    address = CLOUDS[cloud].address
    line = f'ip link set lo up && ip addr add {address}/32 dev lo && exec "$0" -c "$1" {cloud} {address}'
    words = [*needs.unshare("--net"), "sh", "-c", line, sys.executable, IN_A_NAMESPACE]
    root = Path(__file__).parents[2]
    environment = {**os.environ, "PYTHONPATH": str(root), "http_proxy": "http://192.0.2.1:9"}
    done = subprocess.run(words, capture_output=True, text=True, timeout=60, check=False, cwd=root, env=environment)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["cloud"] == cloud
