"""Container and Kubernetes: what the files copy is there, nothing runs as root, and the drop-ins are right."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import yaml

from agent.config.drop_ins import load
from agent.config.types.catalog import Catalog

ROOT = Path(__file__).parents[2]
DOCKERFILE = (ROOT / "packaging/container/Dockerfile").read_text()
MANIFESTS = ROOT / "packaging/kubernetes"


def pod() -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load((MANIFESTS / "daemonset.yaml").read_text())["spec"]["template"]["spec"]
    return found


def test_what_the_image_is_made_of_is_there_and_reaches_the_build() -> None:
    sources = [word for line in re.findall(r"^COPY (?!--from)(.*)$", DOCKERFILE, re.M) for word in line.split()[:-1]]
    sent = {line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")}
    assert sources
    for source in sources:
        assert list(ROOT.glob(source)), source
        assert source in sent or source.split("/", maxsplit=1)[0] in sent, f"{source} is kept back by .dockerignore"


def test_the_image_does_not_run_as_root_and_reaps_what_scripts_leave_behind() -> None:
    last = DOCKERFILE[DOCKERFILE.rindex("FROM ") :]
    assert re.findall(r"^USER (\d+):(\d+)$", last, re.M) == [("10001", "10001")]
    assert '"/usr/bin/tini"' in last
    assert "--require-hashes" in DOCKERFILE


def test_the_drop_ins_of_the_config_map_are_right(tmp_path: Path) -> None:
    files = yaml.safe_load((MANIFESTS / "configmap.yaml").read_text())["data"]
    for name, text in files.items():
        (tmp_path / name).write_text(text.replace("/etc/hostvigil/key", str(tmp_path)))
    (tmp_path / "api_key").write_text("ak_of_a_test\n")
    config = load(tmp_path, Catalog(), {"NODE_NAME": "node-1"})
    assert [str(problem) for problem in config.problems] == []
    assert config.agent.hostname == "node-1"
    assert {"disks", "load", "memory"} <= config.checks.keys()


def test_the_pod_has_no_more_rights_than_it_needs() -> None:
    spec = pod()
    [agent] = spec["containers"]
    assert spec["automountServiceAccountToken"] is False
    assert agent["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    assert {mount["name"]: mount.get("readOnly", False) for mount in agent["volumeMounts"]} == {
        "configuration": True,
        "key": True,
        "node": True,
        "state": False,
        "tmp": False,
    }
