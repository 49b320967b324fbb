"""hostvigil bundle: one archive with all that helps, and no secret that is known."""

from __future__ import annotations

import json
import stat
import tarfile
from pathlib import Path

from tests.processes.agent_process import agent_process

SECRETS = ("tkn_made_up_0123456789", "from-a-file-98765", "hook-path-secret-4711")
CONFIG = """
agent:
  # the key before this one: an-old-key-of-2024
  events: {{endpoint: "http://127.0.0.1:1", api_key: {0}}}
  destinations:
    ops: {{type: webhook, url: "http://127.0.0.1:1/${{file:{folder}/hook}}", headers: {{Authorization: {2}}}}}
checks:
  web: {{type: script, command: [/bin/echo, "OK {1}"], env: {{DB_PASSWORD: "${{file:{folder}/secret}}"}}}}
"""


def read(path: Path) -> dict[str, str]:
    with tarfile.open(path) as archive:
        found = {one.name: archive.extractfile(one) for one in archive.getmembers()}
        return {name.removeprefix("hostvigil/"): file.read().decode() for name, file in found.items() if file}


def test_what_helps_is_in_it_and_no_secret(tmp_path: Path) -> None:
    target = tmp_path / "bundle.tar.gz"
    (tmp_path / "secret").write_text(SECRETS[1])
    (tmp_path / "hook").write_text("another-hook-secret-0815")
    with agent_process(tmp_path) as agent:
        agent.write("a.yaml", CONFIG.format(*SECRETS, folder=tmp_path))
        agent.start()
        agent.wait_until(lambda: agent.status()["checks"], "a result")
        done = agent.call("bundle", "--output", str(target))
        assert done.returncode == 0, done.stderr
        again = agent.call("bundle", "--output", str(target))
        assert (again.returncode, "exists" in again.stderr) == (2, True)
    assert stat.S_IMODE(target.stat().st_mode) == 0o600
    found = read(target)
    assert {"README.txt", "system.txt", "doctor.txt", "status.json", "events.json", "conf.d/a.yaml"} <= found.keys()
    assert "web" in [one["check"] for one in json.loads(found["status.json"])["checks"]]
    assert "api_key: ***" in found["conf.d/a.yaml"]
    for name, text in found.items():
        for secret in (*SECRETS, "another-hook-secret-0815", "an-old-key-of-2024"):
            assert secret not in text, name


def test_of_files_that_are_not_understood_nothing_is_in_it_and_the_rest_is(tmp_path: Path) -> None:
    target = tmp_path / "bundle.tar.gz"
    with agent_process(tmp_path) as agent:
        agent.write("a.yaml", "agent: {events: {api_key: tkn_made_up_0123456789\n")
        assert agent.call("bundle", "--output", str(target)).returncode == 0
    found = read(target)
    assert "left out" in found["conf.d/README.txt"]
    assert "cannot be had: StoreError" in found["status.json"]
    assert not [name for name, text in found.items() if "tkn_made_up" in text]
