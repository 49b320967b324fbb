"""Thin pools of LVM: disks on them tell free space that the pool may not have. Only root may ask, by `dmsetup`."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import msgspec

from agent.api import Context, PercentAbove, Result, critical, judge, nodata, ok
from checks._lvm import ask_status, readable
from checks.disk.mountinfo import Mount
from checks.disk.usage import Levels, Usage, assess

BLOCK = "/sys/block"
SECTOR = 512
"""Bytes: the device mapper counts in these, whatever the sectors of the disk are."""


class Pool(msgspec.Struct, frozen=True):
    """One pool as the kernel tells of it; the numbers are blocks of the pool's own size."""

    name: str
    """As device-mapper calls it: vg0-pool0-tpool."""
    size: int = 0
    """Bytes."""
    data: tuple[int, int] = (0, 0)
    """Used and all; likewise `metadata`."""
    metadata: tuple[int, int] = (0, 0)
    mode: str = ""
    """rw, ro or out_of_data_space; Fail or Error where the kernel gave it up; empty where it is not told."""
    needs_check: bool = False

    @property
    def subject(self) -> str:
        """`vg--a-pool0-tpool` -> `vg-a/pool0`."""
        return readable(self.name.removesuffix("-tpool"))

    @property
    def as_mount(self) -> Mount:
        """Let `include` and `exclude` choose it: by its name, its device, or the type thin-pool."""
        return Mount(
            id=0,
            parent=0,
            device_number="",
            root="/",
            point=self.subject,
            type="thin-pool",
            device=f"/dev/mapper/{self.name}",
        )


def names(block: Path) -> list[str]:
    """Return the thin pools of this host, by a look that anybody may take and that costs nothing without them."""
    pool_names = []
    for uuid in sorted(block.glob("dm-*/dm/uuid")):
        with suppress(OSError):  # it has just gone
            if re.fullmatch(r"LVM-\w+-tpool", uuid.read_text(errors="replace").strip()):
                pool_names.append((uuid.parent / "name").read_text(errors="replace").strip())
    return pool_names


def pools(ctx: Context, pool_names: list[str]) -> list[Pool]:
    """Ask for these; none where nobody may ask, one of no size where it is not told of."""
    out = ask_status(ctx, "thin-pool") if pool_names else None
    if out is None:
        return []
    by_name = {pool.name: pool for pool in parse(out)}
    return [by_name.get(name, Pool(name)) for name in pool_names]


def parse(text: str) -> Iterator[Pool]:
    """Read `dmsetup status --target thin-pool`. Source: the kernel's thin-provisioning.rst."""
    for line in text.splitlines():
        name, _, rest = line.partition(": ")
        match = re.match(r"\d+ (\d+) thin-pool (?:\d+ (\d+)/(\d+) (\d+)/(\d+) \S+ (\S+)(.*)|(Fail|Error)\b)", rest)
        if match is None:
            continue
        size, meta, metas, data, datas, mode, more, failure = match.groups()
        if failure:
            yield Pool(name, int(size) * SECTOR, mode=failure)
            continue
        numbers = (int(data), int(datas)), (int(meta), int(metas))
        yield Pool(name, int(size) * SECTOR, *numbers, mode, "needs_check" in more)


def assess_pool(pool: Pool, levels: Levels) -> list[Result]:
    """Say what there is to say of one pool: its state, its data and its metadata."""
    subject = pool.subject
    if not pool.mode or (pool.mode not in ("Fail", "Error") and not pool.data[1]):
        return [nodata("dmsetup does not tell how full this thin pool is", subject)]
    if pool.mode in ("Fail", "Error"):
        return [critical(f"the thin pool is out of order: {pool.mode}", subject)]
    used = pool.size * pool.data[0] // pool.data[1]
    state = [ok("thin pool", subject)]
    if pool.mode != "rw" or pool.needs_check:
        state = [critical(f"the thin pool is {pool.mode}{' and needs a check' * pool.needs_check}", subject)]
    usage = Usage(pool.size, used, pool.size - used)
    return [*state, *assess(usage, levels, subject), _metadata(pool, levels.warning, levels.critical)]


def _metadata(pool: Pool, warning: PercentAbove | None, critical: PercentAbove | None) -> Result:
    """Judge the pool's own book-keeping: full, it stops all writing as well."""
    used, total = pool.metadata
    percent = 100 * used / total if total else 0.0
    words = f"metadata {percent:.1f}% used"
    limits = {"minimum": 0.0, "maximum": 100.0}
    return judge(
        "metadata_percent", percent, warning, critical, unit="%", subject=pool.subject, summary=words, **limits
    )
