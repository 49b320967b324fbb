"""hostvigil setup as a person meets it: on a terminal, where it asks."""

from __future__ import annotations

import signal
import sys
from pathlib import Path

import pexpect
import pytest

from tests.stand_ins.api import ApiStandIn

SECONDS = 30


def setup_on_a_terminal(*words: str) -> pexpect.spawn:
    return pexpect.spawn(
        sys.executable,
        ["-m", "agent.cli", "setup", *words],
        encoding="utf-8",
        timeout=SECONDS,
        # Who starts the tests in the background has them ignore Ctrl-C.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )


@pytest.mark.slow
def test_it_asks_for_what_is_missing_and_never_shows_the_key(tmp_path: Path) -> None:
    conf = tmp_path / "conf.d"
    conf.mkdir()
    (conf / "load.yaml").write_text("checks: {load: {type: load}}\n")
    with ApiStandIn() as api:
        child = setup_on_a_terminal("--config", str(conf), "--state", str(tmp_path / "state"))
        child.expect("An address, or a region: us1")
        child.expect("Endpoint .*: ")
        child.sendline(api.url)
        child.expect("not the secret")
        child.waitnoecho(SECONDS)
        child.sendline(api.key)
        child.expect("took the event")
        child.expect(r"\[Y/n\] ")
        child.sendline("n")
        child.expect("not started")
        child.expect(pexpect.EOF)
        child.close()
    assert child.exitstatus == 0
    assert (tmp_path / "api_key").read_text() == f"{api.key}\n"


@pytest.mark.slow
def test_who_ends_it_has_started_nothing_and_sees_no_traceback(tmp_path: Path) -> None:
    conf = tmp_path / "conf.d"
    conf.mkdir()
    for end in ("\x03", "\x04"):
        child = setup_on_a_terminal("--config", str(conf))
        child.expect("Endpoint .*: ")
        child.send(end)
        child.expect(pexpect.EOF)
        assert "Traceback" not in str(child.before)
        child.close()
        assert child.exitstatus == 1
    assert list(conf.iterdir()) == []


@pytest.mark.slow
def test_who_has_no_workspace_needs_no_key(tmp_path: Path) -> None:
    conf = tmp_path / "conf.d"
    conf.mkdir()
    (conf / "found-load.yaml").write_text("checks: {load: {type: load}}\n")
    child = setup_on_a_terminal("--config", str(conf))
    child.expect("Endpoint .*: ")
    child.sendline("")
    child.expect("events go to the journal")
    child.expect("not started")
    child.expect(pexpect.EOF)
    child.close()
    assert child.exitstatus == 0
    assert [file.name for file in conf.iterdir()] == ["found-load.yaml"]
