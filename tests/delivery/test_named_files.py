"""Files that a destination's settings name: whatever they are, the destination says why and holds up nobody."""

from __future__ import annotations

import asyncio
import os
import socket
import threading
from pathlib import Path
from typing import Any

import pytest

from agent.config.sections.destination import WebhookSettings
from agent.config.settings import EventsSettings
from agent.delivery.answer import Verdict
from agent.delivery.named_files import MOST_BYTES, NamedFiles, require_readable
from agent.delivery.sinks.truewatch.api import Api
from agent.delivery.sinks.webhook.webhook import Webhook
from agent.delivery.sinks.wire import Client, NoAnswer, Way
from tests.delivery.deliveries import critical


def pipe(path: Path) -> None:
    os.mkfifo(path)


def unix_socket(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))


def device(path: Path) -> None:
    path.symlink_to("/dev/zero")


def large(path: Path) -> None:
    path.touch()
    os.truncate(path, MOST_BYTES + 1)


def circle(path: Path) -> None:
    path.symlink_to(path)


def absent(path: Path) -> None:
    path.unlink(missing_ok=True)


KINDS = [
    (pipe, "is not a regular file"),
    (unix_socket, "is not a regular file"),
    (device, "is not a regular file"),
    (large, "is larger than 16 MiB"),
    (circle, "cannot be read: Too many levels of symbolic links"),
    (absent, "cannot be read: No such file or directory"),
]


@pytest.fixture(params=KINDS, ids=lambda kind: kind[0].__name__)
def odd(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[str, str]:
    """A path, and what is wrong with it."""
    make, wrong = request.param
    make(tmp_path / "file")
    return str(tmp_path / "file"), f"{tmp_path / 'file'} {wrong}"


def test_what_is_no_file_is_said_and_not_waited_for(odd: tuple[str, str]) -> None:
    path, wrong = odd
    with pytest.raises(OSError) as said:
        require_readable("ca_file", path)
    assert str(said.value) == f"ca_file {wrong}"


def test_a_file_of_the_greatest_size_and_a_folder_are_read(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    os.truncate(tmp_path / "file", MOST_BYTES)
    require_readable("ca_file", str(tmp_path / "file"))
    require_readable("ca_file", str(tmp_path))


def test_a_path_that_none_can_be_has_words_too() -> None:
    with pytest.raises(OSError) as said:
        require_readable("ca_file", "a\0b")
    assert str(said.value) == "ca_file a\0b cannot be read: no file's name has a NUL in it"


@pytest.mark.parametrize("setting", ["ca_file", "client_cert", "client_key"])
def test_each_destination_says_which_of_its_files_is_none(setting: str, odd: tuple[str, str]) -> None:
    path, wrong = odd
    url = "https://127.0.0.1:1"
    file: dict[str, Any] = {setting: path}
    settings = EventsSettings(endpoint=url, api_key="key-123456", **file)
    answer = Api(settings).post(b"{}")
    assert (answer.verdict, answer.text) == (Verdict.UNAVAILABLE, f"{setting} {wrong}")
    if setting == "ca_file":
        webhook = Webhook(WebhookSettings(type="webhook", url=url, ca_file=path))
        found = webhook.post(webhook.render(critical("web-1")))
        assert (found.verdict, found.text) == (Verdict.UNAVAILABLE, f"ca_file {wrong}")


@pytest.mark.parametrize("setting", ["ca_file", "client_cert", "client_key", "credentials"])
def test_a_broker_s_files_hold_up_no_loop(setting: str, odd: tuple[str, str]) -> None:
    pytest.importorskip("nats")
    from agent.delivery.handover.connection import Way as BrokerWay

    path, wrong = odd
    files = {"credentials": "", "ca_file": "", "client_cert": "", "client_key": ""} | {setting: path}
    with pytest.raises(OSError) as said:
        asyncio.run(BrokerWay("nats://127.0.0.1:1", **files).connect(60.0, "_INBOX.x"))
    assert str(said.value) == f"{setting} {wrong}"


@pytest.mark.parametrize("in_loop", [False, True])
def test_a_file_that_hangs_is_waited_for_and_not_read_again_until_it_has_come_back(in_loop: bool) -> None:
    def result(reading: NamedFiles[int], seconds: float) -> int:
        return asyncio.run(reading.result_in_loop(seconds)) if in_loop else reading.result(seconds)

    begun: list[int] = []
    free = threading.Event()

    def make() -> int:
        begun.append(len(begun))
        free.wait(60)
        return begun[-1]

    reading = NamedFiles({"ca_file": "/", "client_cert": "", "client_key": "/"}, make)
    for _ in range(20):
        with pytest.raises(
            OSError, match=r"^ca_file / or client_key / cannot be read within 0\.01s: does its disk or mount hang\?$"
        ):
            result(reading, 0.01)
    assert begun == [0]
    free.set()
    assert [result(reading, 60), result(reading, 60)] == [0, 1]


def test_a_destination_whose_file_hangs_has_one_thread_and_says_why(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    free, real = threading.Event(), require_readable
    hanging: list[int] = []

    def as_on_a_dead_mount(name: str, path: str) -> None:
        hanging.append(threading.get_ident())
        free.wait(60)
        real(name, path)

    monkeypatch.setattr("agent.delivery.named_files.require_readable", as_on_a_dead_mount)
    client = Client(Way(0.05, ca_file=str(tmp_path / "ca.pem")))
    for _ in range(20):
        with pytest.raises(NoAnswer, match="cannot be read within"):
            client.ask("GET", "https://127.0.0.1:1", {}, None)
    assert len(hanging) == 1
    free.set()
