"""Rights in the broker: each host has its own key, and may hand over under its own name only."""

from __future__ import annotations

import json
import os
from pathlib import Path

import msgspec

from agent.delivery.handover.message import ALIVE, FACTS, MEMORY, RECEIPTS, token
from agent.delivery.handover.seed import Seed

ACCOUNTS = "nats-accounts.conf"
KEYS = "keys.json"
RELAY = ""
"""The relay's own name among the hosts' words, none of which is empty."""
_STREAM_EXPORT = f'{{ stream: "{RECEIPTS}.*", accounts: [HOSTS] }}'
_STREAM_IMPORT = f'{{ stream: {{ account: FLEET, subject: "{RECEIPTS}.*" }} }}'


class EnrolmentError(Exception):
    """The host cannot be enrolled. Its text says why."""


class EnrolmentFiles(msgspec.Struct, frozen=True):
    """The files that an enrolment wrote: the host's key, and what the broker reads."""

    seed: Path
    accounts: Path


def enrol(host: str, state: Path) -> EnrolmentFiles:
    """Make a host's key, or a new one in place of its old one, and the broker's accounts."""
    if not host.isprintable() or " " in host or len(host) > 255:
        raise EnrolmentError("a host's name is one word of at most 255 characters")
    folder = state / "enrolled"
    try:
        for directory in (state, folder):
            directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        keys = _read_keys(folder)
        if RELAY not in keys:
            keys[RELAY] = _new_key(folder / "relay.nk")
        seed = folder / f"host-{token(host)}.nk"
        keys[token(host)] = _new_key(seed)
        _write(folder / KEYS, json.dumps(keys, indent=1, sort_keys=True))
        _write(folder / ACCOUNTS, accounts(keys))
    except OSError as error:
        raise EnrolmentError(f"{error.filename}: {error.strerror}") from None
    return EnrolmentFiles(seed, folder / ACCOUNTS)


def accounts(keys: dict[str, str]) -> str:
    """Return the part of nats-server.conf that says who may do what; `keys`: public keys by the hosts' words.

    The streams are in an account of their own. The broker acknowledges to whatever subject a message asks for, with
    its own rights: in one account a host could have that acknowledgement purge the stream.
    """
    relay = f'{{ nkey: {keys[RELAY]}, permissions: {{ publish: ">", subscribe: ">" }} }}'
    hosts = "".join(f"      {_host(key, word)}\n" for word, key in sorted(keys.items()) if word != RELAY)
    services = (f"{FACTS}.*", f"{ALIVE}.*", MEMORY)
    exports = [*(f'{{ service: "{one}", accounts: [HOSTS] }}' for one in services), _STREAM_EXPORT]
    imports = [*(f'{{ service: {{ account: FLEET, subject: "{one}" }} }}' for one in services), _STREAM_IMPORT]
    return (
        "accounts {\n"
        f"  FLEET {{\n    jetstream: enabled\n    users: [ {relay} ]\n    exports: [ {', '.join(exports)} ]\n  }}\n"
        f"  HOSTS {{\n    users: [\n{hosts}    ]\n    imports: [ {', '.join(imports)} ]\n  }}\n"
        "}\n"
    )


def _host(key: str, word: str) -> str:
    publish = json.dumps([f"{FACTS}.{word}", f"{ALIVE}.{word}", MEMORY])
    subscribe = json.dumps([f"{RECEIPTS}.{word}", f"_INBOX.{word}.>"])
    return f"{{ nkey: {key}, permissions: {{ publish: {publish}, subscribe: {subscribe} }} }}"


def _read_keys(folder: Path) -> dict[str, str]:
    try:
        return msgspec.json.decode((folder / KEYS).read_bytes(), type=dict[str, str])
    except FileNotFoundError:
        return {}
    except (msgspec.MsgspecError, UnicodeDecodeError):
        raise EnrolmentError(f"{folder / KEYS} cannot be read: bring it back from a copy") from None


def _new_key(path: Path) -> str:
    """Write a new seed, and return its public key."""
    seed = Seed.new()
    _write(path, seed.text())
    return seed.public()


def _write(path: Path, text: str) -> None:
    """Replace a file as a whole, for its owner only."""
    part = path.with_name(f".{path.name}.new")
    part.unlink(missing_ok=True)
    with os.fdopen(os.open(part, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "w") as file:
        file.write(text)
    part.replace(path)
