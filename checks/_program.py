"""A program of the host that answers a question: run under the deadline of the run. Shared by check types."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Sequence

from agent.api import CheckError, Context, duration_text, weak_spot


def ask(ctx: Context, argv: Sequence[str], needs: str) -> str:
    """Return what the program prints; CheckError where it fails, hangs or is not there (`needs`: what would be)."""
    code, out, err = run_program(ctx, argv, needs)
    if code:
        complaint = err.strip().partition("\n")[0] or f"ended with {code}"
        raise CheckError(f"{os.path.basename(argv[0])}: {complaint}")  # noqa: PTH119 - no path is opened
    return out


def refuse_weak(program: str) -> None:
    """As root, CheckError where others could change the program that is found under this name.

    PATH is of who started the agent, or typed the command, which may have been another user before `su`.
    """
    if os.geteuid() == 0 and (file := shutil.which(program)) and (weak := weak_spot(file)):
        raise CheckError(f"refused to run {file}: {weak}")


def run_program(ctx: Context, argv: Sequence[str], needs: str) -> tuple[int, str, str]:
    """Return exit code, standard output and standard error; a tenth of the time is kept back to word the result."""
    refuse_weak(argv[0])
    env = {**os.environ, "LC_ALL": "C", "TZ": "UTC", "SYSTEMD_COLORS": "0"}
    limit = ctx.remaining() - min(0.5, ctx.timeout / 10)
    name = os.path.basename(argv[0])  # noqa: PTH119 - as above
    try:
        with (
            subprocess.Popen(
                argv, env=env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE
            ) as process,
            ctx.interruptible(process.kill),
        ):
            try:
                out, err = process.communicate(timeout=max(0.0, limit))
            finally:
                process.kill()
    except subprocess.TimeoutExpired:
        raise CheckError(f"{name} did not answer within {duration_text(ctx.timeout)}") from None
    except OSError as error:
        raise CheckError(f"{argv[0]}: {error.strerror}; this check needs {needs}") from None
    return process.returncode, out.decode(errors="replace"), err.decode(errors="replace")
