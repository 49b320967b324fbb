"""LVM as the device mapper knows it: its names, and what `dmsetup` tells root of one target. Shared by check types."""

from __future__ import annotations

import re
import shutil

from agent.api import CheckError, Context
from checks._program import run_program


def readable(name: str) -> str:
    """`vg--a-root` -> `vg-a/root`: a hyphen of LVM's names is doubled there."""
    return "/".join(part.replace("--", "-") for part in re.split(r"(?<!-)-(?!-)", name))


def ask_status(ctx: Context, target: str) -> str | None:
    """Return what `dmsetup status` prints of a target; None where it is not there, or only root may ask it."""
    if shutil.which("dmsetup") is None:
        return None
    # Without --noflush the kernel writes a thin pool's metadata for each look.
    code, out, err = run_program(ctx, ("dmsetup", "status", "--noflush", "--target", target), "dmsetup")
    if code and "permission denied" in err.lower():
        return None
    if code:
        raise CheckError(f"dmsetup: {err.strip().partition(chr(10))[0] or f'ended with {code}'}")
    return out
