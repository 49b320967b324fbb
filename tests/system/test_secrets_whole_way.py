"""A whole run of a real agent with secrets in every place: they come out nowhere."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.processes.agent_process import AgentProcess, agent_process
from tests.stand_ins.api import ApiStandIn

SECRETS = {
    "header": "hdr-4a1f0c9d77",
    "password": 'pw%d/6b2e "x" 91',
    "bearer": "eyJhbGciOi.Jiu7zz_Q.99abcdef01",
    "env": "env-5c3d22e8a0",
    "stdin": "std-6d4e33f9b1",
    "description": "dsc-7e5f44a0c2",
    "runbook": "rbk-8f6055b1d3",
    "tag": "tag-906166c2e4",
    "pushed": "psh-a17277d3f5",
    "raised": "rsd-b28388e406",
    "died": "thr-c39499f517",
    "cut": "cut-d4a5aa0628" * 6,
    "key": "-----BEGIN KEY-----\nMIIEvQIBADANBg111\nAQEFAASCBKcwgg222\n-----END KEY-----",
    "memory": "mem-e5b6bb1739",
    "isolated": "iso-f6c7cc284a",
}

CONFIGURATION = """
checks:
  described:
    type: script
    command: [sh, -c, 'echo down; exit 2']
    description: "call with ${file:../description}"
    runbook: "https://wiki/?t=${file:../runbook}"
    tags: {token: "${file:../tag}", dc: "${env:DC}"}
    interval: 1s
  env:
    type: script
    command: [sh, -c, 'cat; echo "with $T" >&2; echo "failed with $T | $T=1;2;3"; echo "and $T"; exit 2']
    stdin: "input ${file:../stdin}"
    env: {T: "${file:../env}"}
    interval: 1s
  cut:
    type: script
    command: [sh, -c, 'printf "%065500d" 0; printf "%s" "$T"; printf "%s\n" "$T$T"; exit 2']
    env: {T: "${file:../cut}"}
    interval: 1s
  short-cut:
    type: script
    command: [sh, -c, 'printf "%0390d" 0; echo "$T"; exit 2']
    env: {T: "${file:../cut}"}
    interval: 1s
  key:
    type: script
    command: [sh, -c, 'echo broken; echo "$T" | sed "s/^/line: /"; exit 2']
    env: {T: "${file:../key}"}
    interval: 1s
  web:
    type: http
    url: "@URL@/?q=${file:../password}"
    headers: {X-Key: "${file:../header}"}
    user: bob
    password: "${file:../password}"
    contains: "nothing of it"
    interval: 1s
  api:
    type: http
    url: "@URL@"
    headers: {X-Key: "${file:../header}"}
    bearer_token: "${file:../bearer}"
    contains: "nothing of it"
    interval: 1s
  backup: {type: pushed, ttl: 1h, description: "${file:../pushed}"}
  raising: {type: leaking, how: raise, token: "${file:../raised}", interval: 1s}
  dying: {type: leaking, how: thread, token: "${file:../died}", interval: 1s}
  remembering: {type: leaking, how: memory, token: "${file:../memory}", interval: 1s}
  isolated: {type: leaking_alone, how: result, token: "${file:../isolated}", interval: 1s}
"""

LEAKING = """
import base64, logging, sys, threading
from agent.api import Check, critical, ok, Metric, Result, Status


class Leaking(Check):
    '''Says what it must not.'''
    how: str
    token: str

    def run(self, ctx):
        print("printed", self.token)
        print("printed", end=" ", file=sys.stderr)
        print(self.token, file=sys.stderr, flush=True)
        logging.getLogger(f"own.{self.token}").error("logged %s", self.token)
        if self.how == "raise":
            raise ValueError(f"invalid header value: Bearer {self.token}")
        if self.how == "thread":
            def die():
                raise RuntimeError(self.token)
            thread = threading.Thread(target=die)
            thread.start()
            thread.join()
        if self.how == "memory":
            ctx.memory["last"] = {"said": self.token}
        basic = base64.b64encode(f"u:{self.token}".encode()).decode()
        yield critical(f"bad {self.token!r}", details=f"Authorization: Basic {basic}")
        yield critical("part", subject=f"part {self.token}")
        yield Metric(f"m {self.token}", 1.0, unit=self.token, warning=self.token, subject=f"part {self.token}")
"""

COMMANDS = (
    ("status",),
    ("status", "--json"),
    ("events", "--limit", "500"),
    ("events", "--json", "--limit", "500"),
    ("events", "--pending"),
    *(("explain", name) for name in ("described", "env", "web", "api", "raising", "key", "backup")),
    *(("explain", name, "--json") for name in ("described", "env", "web")),
    *(("check", name) for name in ("described", "env", "cut", "short-cut", "key", "web", "raising", "dying")),
    *(("check", name, "--json") for name in ("env", "remembering")),
    ("validate",),
    ("silence", "--json"),
)


@pytest.fixture
def agent(tmp_path: Path) -> AgentProcess:
    (tmp_path / "checks.d").mkdir()
    (tmp_path / "checks.d" / "leaking.py").write_text(LEAKING)
    alone = LEAKING.replace("class Leaking", "class LeakingAlone").replace(
        "how: str", "isolation = 'process'\n    how: str"
    )
    (tmp_path / "checks.d" / "leaking_alone.py").write_text(alone)
    for name, secret in SECRETS.items():
        (tmp_path / name).write_text(secret)
    return AgentProcess(tmp_path, {"DC": "dc-frankfurt-7"})


def traces(secret: str) -> list[str]:
    """Return what must not be found of a secret: its lines, its first and its last ten characters."""
    lines = [line for line in secret.splitlines() if "----" not in line]
    return [part for line in lines for part in (line, line[:10], line[-10:])]


def test_no_secret_comes_out_anywhere(agent: AgentProcess, tmp_path: Path) -> None:
    outputs: dict[str, str] = {}
    with ApiStandIn() as api, agent_process(tmp_path, {"DC": "dc-frankfurt-7"}) as running:
        agent.write(
            "00-agent.yaml",
            f"agent:\n  events: {{endpoint: '{api.url}', api_key: {api.key}, rate_limit: 600/min, digest_above: 99}}\n",
        )
        agent.write("a.yaml", CONFIGURATION.replace("@URL@", api.url))
        running.start("--verbose")
        running.wait_for_socket("agent.sock")
        pushed = ("report", "backup", "critical", f"login with {SECRETS['pushed']} failed")
        assert running.call(*pushed, "--metric", f"{SECRETS['pushed']}=1").returncode == 0
        running.call("wrap", "backup", "--", "sh", "-c", f"echo 'used {SECRETS['pushed']}'; exit 3")
        seen: Callable[[], bool] = lambda: len({line["check"] for line in running.status()["checks"]}) >= 13  # noqa: E731
        running.wait_until(seen, "a result of each check", 40)
        api.wait_until(
            lambda: all(name in b"".join(api.requests) for name in (b"raising", b"dc-frankfurt-7")), 20, "the events"
        )
        outputs |= {" ".join(command): said(running.call(*command)) for command in COMMANDS}
        outputs["database"] = content(running.state)
        running.stop()
        outputs["log"] = running.output()
        outputs["api"] = b"".join(api.requests).decode()
        outputs["database after the end"] = content(running.state)
    found = {
        f"{place}: {name}: {text[max(0, text.find(trace) - 60) : text.find(trace) + 60]!r}"
        for place, text in outputs.items()
        for name, secret in SECRETS.items()
        for trace in traces(secret)
        if trace in text
    }
    assert not found, "\n".join(sorted(found))
    assert "dc-frankfurt-7" in outputs["api"], "a tag from the environment is meant to be seen"
    assert "RuntimeError: ***" in outputs["log"]
    assert "\nprinted ***\n" in outputs["log"]
    assert "invalid header value: Bearer ***" in outputs["log"]
    assert "call with ***" in outputs["api"]


def test_a_run_that_began_before_a_secret_was_exchanged_shows_neither(tmp_path: Path) -> None:
    (tmp_path / "token").write_text("old-secret-123")
    go = tmp_path / "go"
    text = f"""
checks:
  slow:
    type: script
    command: [sh, -c, 'while [ ! -e {go} ]; do sleep 0.1; done; echo "login with $T failed"; exit 2']
    env: {{T: "${{file:../token}}"}}
    timeout: 20s
"""
    with agent_process(tmp_path) as agent:
        agent.write("a.yaml", text)
        agent.start()
        agent.wait_for_socket("control.sock")
        agent.wait_until(lambda: agent.call("reload").returncode == 0, "an answer")
        (tmp_path / "token").write_text("new-secret-456")
        assert agent.call("reload").returncode == 0
        go.touch()
        agent.wait_until(lambda: "CRITICAL slow" in agent.output(), "the event")
        assert "login with *** failed" in agent.output()
        assert "secret-" not in agent.output() + content(agent.state) + agent.call("status").stdout


def said(done: object) -> str:
    return f"{getattr(done, 'stdout', '')}{getattr(done, 'stderr', '')}"


def content(state: Path) -> str:
    """Return every byte of the state directory's files, those that SQLite has not carried over yet included."""
    assert sqlite3.connect(state / "hostvigil.db").execute("PRAGMA integrity_check").fetchone() == ("ok",)
    files = [file for file in state.rglob("*") if file.is_file()]
    return "\n".join(file.read_bytes().decode("utf-8", "replace") for file in files)
