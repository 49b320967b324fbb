"""Debian's monitoring-plugins, run for real through the script check: nothing that they say is lost or made up."""

from __future__ import annotations

import contextlib
import getpass
import os
import re
import shlex
import socket
import subprocess
import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

import nagiosplugin
import pytest

from agent.api import Context, Metric, Range, Result, Status
from tests.checks.looks import found, script_of
from tests.checks.script.plugin_runs import CANNOT, FOLDER, NOT_HERE, OWN_ADDRESS, PACKAGES, RUNS, Run, write_files
from tests.host import needs
from tests.stand_ins.plugin_servers import dns, ntp, servers, udp

STATUSES = {0: Status.OK, 1: Status.WARNING, 2: Status.CRITICAL}
# Hands on what the plugin prints and its exit code, and keeps both.
KEEPING = '"$@" >"$0"; code=$?; echo "$code" >"$0.code"; cat "$0"; exit "$code"'
FACTORS = {"ms": 0.001, "us": 1e-6, "KB": 1e3, "MB": 1e6, "GB": 1e9}
BASE = {"ms": "s", "us": "s", "KB": "B", "MB": "B", "GB": "B"}


class Seen(NamedTuple):
    """What the script check says of a plugin, and what the plugin itself said."""

    result: Result
    printed: str
    exit_code: int


class Item(NamedTuple):
    """An item of performance data as it is written."""

    label: str
    value: float
    unit: str
    limits: list[str]


CASES = [(plugin, run) for plugin, runs in RUNS.items() for run in runs]


def name_of(case: tuple[str, Run]) -> str:
    plugin, (status, arguments, _) = case
    return f"{plugin} {arguments} is {status}"


@pytest.fixture(scope="module")
def seen(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Future[Seen]]]:
    """Run them all, several at once: most of their time they wait."""
    for package in PACKAGES:
        needs.file(f"/usr/share/doc/{package}", package)
    folder = tmp_path_factory.mktemp("plugins")
    write_files(folder)
    with (
        servers() as ports,
        own_ports(),
        sshd(folder) as ssh,
        ThreadPoolExecutor(8) as pool,
    ):
        subprocess.run(["apt-get", "-qq", "-c", folder / "apt/apt.conf", "update"], check=True, capture_output=True)
        places = {name: f"-H 127.0.0.1 -p {port}" for name, port in ports.items()}

        def fill(arguments: str) -> str:
            return arguments.format(port=ports, files=folder, ssh=ssh, **places)

        yield {
            name_of(case): pool.submit(look, case[0], fill(case[1][1]), folder / f"printed-{number}")
            for number, case in enumerate(CASES)
        }


@contextlib.contextmanager
def own_ports() -> Iterator[None]:
    """Serve those who know no port but the protocol's own; only root may."""
    if os.geteuid() != 0:
        yield
        return
    with contextlib.ExitStack() as stack:
        for port, answer in ((53, dns), (123, ntp(0.01))):
            try:
                stack.enter_context(udp(answer, (OWN_ADDRESS, port)))
            except OSError as error:
                needs.missing(f"port {port} of {OWN_ADDRESS} ({error.strerror})")
        yield


@contextlib.contextmanager
def sshd(folder: Path) -> Iterator[str]:
    """Start a real one that lets our own user in; gives the options that reach it."""
    server = needs.command("sshd", "openssh-server")
    if os.geteuid() == 0:
        Path("/run/sshd").mkdir(exist_ok=True)  # without it root's sshd does not start; Debian's service makes it
    for key in ("host_key", "user_key"):
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", folder / key], check=True)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    settings = {
        "ListenAddress": f"127.0.0.1:{port}",
        "HostKey": folder / "host_key",
        "AuthorizedKeysFile": folder / "user_key.pub",
        "StrictModes": "no",
        "UsePAM": "yes",  # without it an account without password counts as locked
        "PidFile": "none",
    }
    (folder / "sshd_config").write_text("".join(f"{name} {value}\n" for name, value in settings.items()))
    with (folder / "sshd.log").open("wb") as log:
        process = subprocess.Popen([server, "-D", "-e", "-f", folder / "sshd_config"], stderr=log)
    try:
        wait_for_port(port)
        no_memory = "-F /dev/null -q -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null"
        yield f"-H 127.0.0.1 -p {port} -l {getpass.getuser()} -i {folder}/user_key {no_memory}"
    finally:
        process.terminate()
        process.wait(10)


def wait_for_port(port: int) -> None:
    until = time.monotonic() + 60
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
        except OSError:
            assert time.monotonic() < until
            time.sleep(0.02)
        else:
            return


def look(plugin: str, arguments: str, keep: Path) -> Seen:
    words = shlex.split(arguments)
    env = {"PATH": f"{FOLDER}:/usr/bin:/bin"}
    while words and re.match(r"[A-Z_]+=", words[0]):
        name, _, value = words.pop(0).partition("=")
        env[name] = value
    command = ["/bin/sh", "-c", KEEPING, str(keep), f"{FOLDER}/{plugin}", *words]
    (result,) = found(script_of(*command, env=env).run(Context(timeout=20)))
    code = int(keep.with_name(f"{keep.name}.code").read_text())
    return Seen(result, keep.read_bytes().replace(b"\r", b"").decode(), code)


@pytest.mark.parametrize("case", CASES, ids=name_of)
def test_what_a_plugin_says_is_what_is_understood(case: tuple[str, Run], seen: dict[str, Future[Seen]]) -> None:
    _, (status, arguments, begin) = case
    if OWN_ADDRESS in arguments:
        needs.root()
    result, printed, exit_code = seen[name_of(case)].result(60)
    summary, details, items = reference(printed)
    assert result.status == STATUSES.get(exit_code, Status.NODATA) == status, printed
    assert result.summary.startswith(begin)
    if exit_code <= 3:
        assert result.summary == (summary.strip() or f"no output (exit {exit_code})")
    assert result.details.startswith(details)
    assert len(result.metrics) == len(items), printed
    for metric, item in zip(result.metrics, items, strict=True):
        assert_is(metric, item)


def reference(printed: str) -> tuple[str, str, list[Item]]:
    """Read as the guidelines say, word by word: what follows a pipe and is no item, is text."""
    first, _, rest = printed.strip().partition("\n")
    summary, items = text_and_items(first)
    details, more = text_and_items(rest)
    return summary, details.rstrip(), items + more


def text_and_items(text: str) -> tuple[str, list[Item]]:
    before, pipe, behind = text.partition("|")
    try:
        return before, [item(word) for word in shlex.split(behind.replace("|", " "))]
    except ValueError:
        more, items = text_and_items(behind)
        return before + pipe + more, items


def item(word: str) -> Item:
    label, _, written = word.rpartition("=")
    value, *limits = written.split(";")
    digits = re.match(r"[-+.0-9]+", value)
    if not label or not digits:
        raise ValueError(word)
    return Item(label, float(digits[0]), value[digits.end() :], limits)


def assert_is(metric: Metric, item: Item) -> None:
    factor = FACTORS.get(item.unit, 1)
    assert metric.name == item.label
    assert metric.value == pytest.approx(item.value * factor)
    assert metric.unit == BASE.get(item.unit, item.unit)
    warning, critical, minimum, maximum, *_ = [*item.limits, "", "", "", ""]
    for ours, written in ((metric.warning, warning), (metric.critical, critical)):
        assert bool(ours) == bool(written)
        if written:
            range_, theirs = Range.parse(ours), nagiosplugin.Range(written)
            assert (range_.start, range_.end) == pytest.approx((theirs.start * factor, theirs.end * factor))
            assert range_.inside == theirs.invert
    for bound, written in ((metric.minimum, minimum), (metric.maximum, maximum)):
        assert bound == (pytest.approx(float(written) * factor) if written else None)


def test_a_plugin_is_shown_in_each_status_or_the_reason_is_written_down() -> None:
    for plugin, runs in RUNS.items():
        shown = {status for status, _, _ in runs}
        missing, reason = CANNOT.get(plugin, (set(), "none"))
        assert reason, plugin
        assert shown | missing == set(Status), plugin
        assert not shown & missing, plugin


def test_every_plugin_of_debian_is_in_a_table() -> None:
    for package in PACKAGES:
        needs.file(f"/usr/share/doc/{package}", package)
    listed = subprocess.run(["dpkg", "-L", *PACKAGES], check=True, capture_output=True, text=True).stdout.split()
    installed = {Path(file).name for file in listed if Path(file).parent == Path(FOLDER)} - {"utils.pm", "utils.sh"}
    assert installed == (RUNS.keys() | NOT_HERE.keys()) - {"negate", "urlize"}
    assert not RUNS.keys() & NOT_HERE.keys()


@pytest.mark.parametrize("plugin", sorted(NOT_HERE))
def test_a_plugin_that_lacks_what_it_needs_is_never_ok_and_says_something(plugin: str) -> None:
    path = needs.file(f"{FOLDER}/{plugin}", PACKAGES[1])
    (result,) = found(script_of(str(path), "--no-such-option").run(Context(timeout=20)))
    assert result.status is not Status.OK
    assert result.summary


def test_check_load_goes_bad_with_the_load() -> None:
    path = needs.file(f"{FOLDER}/check_load", PACKAGES[0])
    until = time.monotonic() + 20
    while not os.getloadavg()[0]:  # the kernel looks every five seconds, and what it sees is this loop
        assert time.monotonic() < until
    for critical, status in (("99999,99999,99999", Status.WARNING), ("0,99999,99999", Status.CRITICAL)):
        (result,) = found(script_of(str(path), "-w", "0,99999,99999", "-c", critical).run(Context()))
        assert result.status is status
        assert [metric.name for metric in result.metrics] == ["load1", "load5", "load15"]
