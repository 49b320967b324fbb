"""A process of its own that looks at paths and says which answer. It stays until all have answered or nobody waits.

Started by `probe`, with nothing of ours: paths come in by standard input, the numbers of those that answer go out.
"""

import os
import stat
import sys
import threading
from contextlib import suppress

MOST_THREADS = 16
"""Paths that may hang side by side; behind them the others are asked no more."""
MOST_BYTES = 1024 * 1024
"""As much as a file of the configuration may have: the first block of a file may come out of a cache."""
LOOK_SECONDS = 0.5
"""Between looks whether the parent is still there."""


def look(path: bytes) -> None:
    """Do what a reader would do; what cannot be read has answered as well."""
    with suppress(OSError, ValueError):
        kind = os.stat(path).st_mode  # noqa: PTH116 - bytes
        if stat.S_ISDIR(kind):
            os.listdir(path)  # noqa: PTH208 - as above
        elif stat.S_ISREG(kind):
            file = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
            os.read(file, MOST_BYTES)
            os.close(file)


def main() -> None:
    """Look at the paths on standard input, and write the number of each that answers; end with the parent."""
    os.write(1, b"\n")
    todo = list(enumerate(sys.stdin.buffer.read().split(b"\0")))[::-1]
    parent = os.getppid()

    def work() -> None:
        with suppress(IndexError, OSError):
            while True:
                number, path = todo.pop()
                look(path)
                os.write(1, b"%d\n" % number)

    threads = [threading.Thread(target=work, daemon=True) for _ in range(min(len(todo), MOST_THREADS))]
    for thread in threads:
        thread.start()
    while os.getppid() == parent and (busy := [thread for thread in threads if thread.is_alive()]):
        busy[0].join(LOOK_SECONDS)
    os._exit(0)


if __name__ == "__main__":
    main()
