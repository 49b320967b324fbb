"""hostvigil setup: endpoint, key, test event, checks, start; said, safe to run again, and of no use to a spy."""

from __future__ import annotations

import io
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from agent.cli import setup
from agent.cli.options import parser
from tests.stand_ins.api import ApiStandIn

KEY = "ak_stand_in_0123456789"


@pytest.fixture
def api() -> Iterator[ApiStandIn]:
    with ApiStandIn(KEY) as server:
        yield server


@pytest.fixture
def conf(tmp_path: Path) -> Path:
    folder = tmp_path / "etc/conf.d"
    folder.mkdir(parents=True)
    (folder / "found-nothing.yaml").write_text("checks: {load: {type: load}}\n")  # nobody looks at this host
    return folder


class Systemd:
    """Says that the unit runs or not, and notes what was asked of it."""

    def __init__(self, active: bool = False, starts: bool = True) -> None:
        self.active, self.starts = active, starts
        self.asked: list[str] = []

    def __call__(self, words: list[str], **options: Any) -> subprocess.CompletedProcess[str]:
        assert options["timeout"] > 0
        verb = words[2]
        self.asked.append(verb)
        if verb == "enable":
            self.active = self.starts
        return subprocess.CompletedProcess(words, 0 if self.active else 3)


def run(conf: Path, *words: str, systemd: Systemd | None = None, key: str | None = KEY) -> int:
    key_file = conf.parent / "key"
    key_file.write_text(f"{key}\n")
    given = ["--key-file", str(key_file)] if key else []
    options = parser().parse_args(["setup", "--config", str(conf), "--yes", *given, *words])
    return setup.main(options, systemd or Systemd(), conf if systemd else conf / "none")


def state(conf: Path) -> dict[str, tuple[int, str]]:
    return {file.name: (file.stat().st_ino, file.read_text()) for file in conf.parent.rglob("*") if file.is_file()}


def test_a_new_host_gets_endpoint_and_key_and_its_test_event(conf: Path, api: ApiStandIn) -> None:
    assert run(conf, "--endpoint", api.url) == 0
    assert (conf.parent / "api_key").read_text() == f"{KEY}\n"
    assert [event["status"] for event in api.accepted] == ["info"]


def test_the_key_is_for_the_group_of_the_drop_ins_and_for_nobody_else(conf: Path, api: ApiStandIn) -> None:
    if os.geteuid() == 0:
        os.chown(conf, 0, 4)
    run(conf, "--endpoint", api.url)
    for file in (conf.parent / "api_key", conf / "00-agent.yaml"):
        assert file.stat().st_mode & 0o777 == 0o640
        assert file.stat().st_gid == conf.stat().st_gid
    assert KEY not in (conf / "00-agent.yaml").read_text()


def test_a_second_run_changes_nothing_and_says_so(
    conf: Path, api: ApiStandIn, capsys: pytest.CaptureFixture[str]
) -> None:
    run(conf, "--endpoint", api.url)
    before = state(conf)
    capsys.readouterr()
    assert run(conf, "--endpoint", api.url) == 0
    assert state(conf).keys() == before.keys()
    assert {name: text for name, (_, text) in state(conf).items()} == {name: text for name, (_, text) in before.items()}
    assert "as they were" in capsys.readouterr().out


def test_what_is_configured_needs_no_options(conf: Path, api: ApiStandIn) -> None:
    run(conf, "--endpoint", api.url)
    assert run(conf, key=None) == 0


@pytest.mark.parametrize("answer", ["bad_key", "404", "html_200", "500"])
def test_what_the_api_does_not_take_starts_nothing(
    conf: Path, api: ApiStandIn, answer: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(setup, "DEFAULT_CONFIG", str(conf))
    systemd = Systemd()
    api.fail_next(answer)
    assert run(conf, "--endpoint", api.url, systemd=systemd) == 1
    assert "enable" not in systemd.asked
    assert "nothing was started" in capsys.readouterr().err
    assert run(conf, "--endpoint", api.url, systemd=systemd) == 0, "the next run mends it"
    assert "enable" in systemd.asked


def test_a_wrong_key_is_replaced_by_the_right_one(conf: Path, api: ApiStandIn) -> None:
    assert run(conf, "--endpoint", api.url, key="ak_wrong") == 1
    assert run(conf, "--endpoint", api.url) == 0


def test_a_wrong_endpoint_is_replaced_where_setup_wrote_it_and_never_elsewhere(conf: Path, api: ApiStandIn) -> None:
    assert run(conf, "--endpoint", "http://127.0.0.1:9") == 1
    assert run(conf, "--endpoint", api.url) == 0
    file = conf / "00-agent.yaml"
    file.write_text(file.read_text() + "  tags: {env: prod}\n")
    before = file.read_text()
    assert run(conf, "--endpoint", "http://127.0.0.1:9") == 1
    assert file.read_text() == before


@pytest.mark.parametrize(
    ("endpoint", "key", "said"),
    [
        (
            "us9",
            KEY,
            "'us9' is not an address, write for example https://us1-openapi.truewatch.com, or a region: us1, eu1",
        ),
        ("https://us1-console.truewatch.com", KEY, "is not the address of the API"),
        ("http://api.example.com", KEY, "would send the key unencrypted"),
        ("us1", "YOUR_API_KEY", "what was given as the key is a placeholder"),
    ],
)
def test_what_cannot_be_right_is_told_before_anything_is_written(
    endpoint: str, key: str, said: str, conf: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(conf, "--endpoint", endpoint, key=key) == 1
    assert said in capsys.readouterr().err
    assert not (conf / "00-agent.yaml").exists()
    assert not (conf.parent / "api_key").exists()


def test_a_busy_api_is_no_reason_not_to_start(conf: Path, api: ApiStandIn) -> None:
    api.fail_next("throttle")
    assert run(conf, "--endpoint", api.url) == 0


def test_problems_of_the_configuration_start_nothing(
    conf: Path, api: ApiStandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(setup, "DEFAULT_CONFIG", str(conf))
    (conf / "wrong.yaml").write_text("checks: {x: {type: dsk}}\n")
    systemd = Systemd()
    assert run(conf, "--endpoint", api.url, systemd=systemd) == 1
    assert "enable" not in systemd.asked


@pytest.mark.parametrize(("words", "starts", "code", "asked"), [((), True, 0, True), (("--no-start",), True, 0, False)])
def test_the_service_is_started_unless_that_is_not_wanted(
    conf: Path,
    api: ApiStandIn,
    monkeypatch: pytest.MonkeyPatch,
    words: tuple[str, ...],
    starts: bool,
    code: int,
    asked: bool,
) -> None:
    monkeypatch.setattr(setup, "DEFAULT_CONFIG", str(conf))
    systemd = Systemd(starts=starts)
    assert run(conf, "--endpoint", api.url, *words, systemd=systemd) == code
    assert ("enable" in systemd.asked) is asked


def test_a_service_that_does_not_start_is_a_failure_with_the_place_to_look(
    conf: Path, api: ApiStandIn, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(setup, "DEFAULT_CONFIG", str(conf))
    assert run(conf, "--endpoint", api.url, systemd=Systemd(starts=False)) == 1
    assert "journalctl -u hostvigil" in capsys.readouterr().err


def test_without_a_terminal_nothing_is_asked(conf: Path) -> None:
    command = [sys.executable, "-m", "agent.cli", "setup", "--config", str(conf)]
    for words in ([], ["--yes"], ["--yes", "--endpoint", "us1"]):
        done = subprocess.run([*command, *words], stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=30)
        assert done.returncode == 1
        assert "give --" in done.stderr
    assert not (conf / "00-agent.yaml").exists()


@pytest.mark.parametrize("said", ["", "\n", "two words\n", "tab\tin\n", "ключ\n"])
def test_what_is_no_key_is_refused_before_anything_is_written(
    conf: Path, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO(said))
    before = state(conf)
    options = parser().parse_args(["setup", "--config", str(conf), "--yes", "--endpoint", "us1", "--key-file", "-"])
    assert setup.main(options, systemd=conf / "none") == 1
    assert state(conf) == before


def test_regions_are_addresses_of_the_api() -> None:
    assert all(url.startswith("https://") and "openapi." in url for url in setup.REGIONS.values())
    assert len(set(setup.REGIONS.values())) == len(setup.REGIONS)


def test_a_key_file_that_is_not_there_is_named(conf: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(conf, "--endpoint", "us1", "--key-file", str(conf / "none"), key=None) == 1
    assert str(conf / "none") in capsys.readouterr().err


def test_a_key_comes_out_of_a_pipe_and_what_never_ends_or_never_comes_is_no_key(conf: Path) -> None:
    os.mkfifo(conf / "pipe")
    with pytest.raises(setup.NotDone, match="says nothing within"):
        setup.read_key(conf / "pipe", 0.1)
    with subprocess.Popen(["sh", "-c", f"sleep 0.2; echo {KEY} > '{conf}/pipe'"]):
        assert setup.read_key(conf / "pipe", 30) == f"{KEY}\n"
    assert run(conf, "--endpoint", "us1", "--key-file", "/dev/zero", key=None) == 1
    assert not (conf / "00-agent.yaml").exists()


def test_other_destinations_need_no_endpoint(conf: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (conf / "ops.yaml").write_text('agent: {destinations: {ops: {type: webhook, url: "http://127.0.0.1:9/"}}}\n')
    assert run(conf, key=None) == 0
    assert "events go to ops" in capsys.readouterr().out
