"""The list of what a package is made of (SBOM, CycloneDX 1.6), from the lock file alone: the same for the same lock."""

from __future__ import annotations

import json
import re
import uuid

FORM = "1.6"
OWN = "hostvigil"


def bill(lock: str, version: str, when: str) -> str:
    """Return the SBOM as JSON. `lock` is the text of a lock file, `when` the time of the commit in ISO 8601."""
    packages = re.split(r"^(?=[a-z])", lock, flags=re.M)[1:]
    own = _reference(OWN, version)
    about = {
        "bomFormat": "CycloneDX",
        "specVersion": FORM,
        "version": 1,
        "metadata": {
            "timestamp": when,
            "component": {
                "type": "application",
                "bom-ref": own,
                "name": OWN,
                "version": version,
                "purl": own,
                "licenses": [{"license": {"id": "Apache-2.0"}}],
            },
        },
        "components": [_component(text) for text in packages],
        "dependencies": _dependencies(packages, own),
    }
    # A serial number by what the list says: another only where something else stands in it.
    serial = uuid.uuid5(uuid.NAMESPACE_OID, json.dumps(about, sort_keys=True))
    return json.dumps({**about, "serialNumber": f"urn:uuid:{serial}"}, indent=1, sort_keys=True) + "\n"


def _dependencies(packages: list[str], own: str) -> list[dict[str, object]]:
    """Return what each package needs, and `own` is the agent, by their references. A lock file names who needs what."""
    references = {_name(text): _reference(_name(text), _version(text)) for text in packages} | {OWN: own}
    needs: dict[str, set[str]] = {reference: set() for reference in references.values()}
    for text in packages:
        for user in _users(text):
            needs[references[user]].add(references[_name(text)])
    return [{"ref": reference, "dependsOn": sorted(needed)} for reference, needed in sorted(needs.items())]


def _reference(name: str, version: str) -> str:
    return f"pkg:pypi/{name}@{version}"


def _name(text: str) -> str:
    return re.split(r"==", text)[0].partition("[")[0]


def _version(text: str) -> str:
    return re.split(r"==|\s", text)[1]


def _component(text: str) -> dict[str, object]:
    """Read one package of a lock file. Its checksums are those of its files, of which an environment has one."""
    reference = _reference(_name(text), _version(text))
    hashes = re.findall(r"--hash=sha256:([0-9a-f]{64})", text)
    return {
        "type": "library",
        "bom-ref": reference,
        "name": _name(text),
        "version": _version(text),
        "purl": reference,
        "hashes": [{"alg": "SHA-256", "content": content} for content in sorted(hashes)],
    }


def _users(text: str) -> list[str]:
    """Return the names of the packages that need it: the lines after `# via`."""
    notes = [
        line.strip().lstrip("# ").removeprefix("via").strip() for line in text.splitlines() if line.lstrip()[:1] == "#"
    ]
    words = (line.split(" ")[0] for line in notes if line and not line.startswith("-c "))
    return sorted({word.partition("[")[0] for word in words})
