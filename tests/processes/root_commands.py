"""Runs commands of ours as root, one fork each: reads lines of JSON, answers exit code, output and seconds.

A process of its own, for a test runner that has threads cannot fork.
"""

from __future__ import annotations

import gc
import json
import os
import sys
import time
from importlib import import_module
from pathlib import Path

COMMANDS = ("ack", "doctor", "events", "explain", "history", "metrics", "reload", "report", "silence", "status", "wrap")
LOADED = (*(f"agent.cli.{name}" for name in (*COMMANDS, "unsilence")), "checks.load", "checks.pushed")
"""Loaded once, for all forks."""


def run(words: list[str], output: str) -> tuple[int, str, float]:
    """Run `hostvigil` with these words; the code is -1 when it had to be killed after 15 s."""
    from agent.cli.main import main

    begun = time.monotonic()
    child = os.fork()
    if not child:
        out = os.open(output, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        os.dup2(out, 1)
        os.dup2(out, 2)
        try:
            code = main(words)
        except SystemExit as end:
            code = int(end.code or 0)
        except BaseException:  # noqa: BLE001 - what a user would see as a traceback
            import traceback

            traceback.print_exc()
            code = 99
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)
    while time.monotonic() - begun < 15:
        ended, status = os.waitpid(child, os.WNOHANG)
        if ended:
            return os.waitstatus_to_exitcode(status), Path(output).read_text(errors="replace"), time.monotonic() - begun
        time.sleep(0.005)
    os.kill(child, 9)
    os.waitpid(child, 0)
    return -1, Path(output).read_text(errors="replace"), time.monotonic() - begun


def main() -> None:
    for name in LOADED:
        import_module(name)
    gc.collect()
    gc.freeze()  # a fork copies what is touched, and the collector touches all
    for line in sys.stdin:
        asked = json.loads(line)
        print(json.dumps(run(asked["words"], asked["output"])), flush=True)


if __name__ == "__main__":
    main()
