"""ZFS pools: the state that the kernel module tells (since OpenZFS 0.8), and what `zpool status -x` adds."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec

from agent.api import CheckError, Result, critical, nodata, ok, warning
from checks.raid.finding import Finding, read

NO_DATA_ERRORS = "No known data errors"
WELL, NONE = "all pools are healthy", "no pools available"


class Trouble(msgspec.Struct, frozen=True):
    """What `zpool status -x` says of a pool that is not well."""

    status: str = ""
    data: str = ""
    """Of its data; empty where none is known to be lost."""
    errors: int = 0
    """Sum of what its devices failed to read, to write, and read wrongly."""


def states(folder: Path) -> dict[str, str]:
    return {path.parent.name: read(path).strip() for path in sorted(folder.glob("*/state"))}


def find_pools(folder: Path, ask: Callable[[], str | None]) -> Iterator[Finding]:
    """Judge each pool once; `ask` returns the text of `zpool status -x`, None where there is no such program.

    A pool may be ONLINE and have lost data: only zpool tells.
    """
    pools = states(folder)
    if not pools:
        return
    text = None
    try:
        text = ask()
        troubles = {} if text is None else parse(text)
        silent = "" if text is None or troubles or WELL in text else _why_silent(text)
    except CheckError as error:
        troubles, silent = {}, str(error)
    unnamed = None if silent or text is None else 0
    """Errors of a pool that `-x` does not name: it has made none."""
    for name, state in pools.items():
        trouble = troubles.get(name)
        errors = trouble.errors if trouble else unnamed
        yield Finding(_assess(name, state, trouble, silent), "zfs", "", errors)


def _why_silent(text: str) -> str:
    if NONE in text:
        return "zpool knows of no pool: it looks at another host, or the pool comes or goes just now"
    return "zpool status -x answers in a form that is not known here"


def _assess(name: str, state: str, trouble: Trouble | None, silent: str) -> Result:
    about = f"{name} (zfs) is {state or 'in a state that the kernel does not tell'}"
    if state != "ONLINE":
        return critical(about, name) if state else nodata(about, name)
    if silent:
        return nodata(f"{about}, but {silent}", name)
    if trouble is None:
        return ok(about, name)
    if trouble.data:
        return critical(f"{about}, but {trouble.data}", name, trouble.status)
    return warning(f"{about}, but {trouble.status or 'zpool status -x names it'}", name)


def parse(text: str) -> dict[str, Trouble]:
    """Read `zpool status -x`: the pools that are not well."""
    return {
        block.partition("\n")[0].strip(): _trouble(block)
        for block in re.split(r"^ *pool: ", text, flags=re.MULTILINE)[1:]
    }


def _trouble(block: str) -> Trouble:
    fields: dict[str, str] = {}
    for name, value in re.findall(r"^ *(status|errors): (.*(?:\n\t.*)*)", block, re.MULTILINE):
        fields[name] = " ".join(value.split())
    data = fields.get("errors", "")
    rows = re.findall(r"^\t *\S+ +[A-Z]+ +(\S+) +(\S+) +(\S+)", block, re.MULTILINE)
    return Trouble(
        fields.get("status", "").partition(". ")[0].rstrip("."),
        "" if data in ("", NO_DATA_ERRORS) else data[:200],
        sum(_number(cell) for row in rows for cell in row),
    )


def _number(cell: str) -> int:
    """Read `0`, `12` or `3.5K`; what is no number is none."""
    match = re.fullmatch(r"(\d+(?:\.\d+)?)([KMGT]?)", cell)
    return round(float(match[1]) * 1000 ** " KMGT".index(match[2] or " ")) if match else 0
