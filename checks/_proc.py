"""What /proc shows. Shared by check types."""

from __future__ import annotations

from agent.api import CheckError, host_path


def require_whole_proc() -> None:
    """CheckError where /proc is missing or shows processes only: what is not there then, the kernel may well tell."""
    if not host_path("/proc/version").exists():
        words = "does the agent's unit say ProcSubset=pid? This check needs Linux and its /proc"
        raise CheckError(f"{host_path('/proc')} does not show the kernel: {words}")
