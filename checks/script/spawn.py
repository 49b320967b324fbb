"""posix_spawn as the C library has it: while the program is read from its disk, the agent's other threads go on.

Python's own keeps the interpreter's one lock until the program has begun, and with it, where that lies on a mount that
hangs, the whole agent.
"""

from __future__ import annotations

import ctypes
import functools
import os
import signal
import sys
from collections.abc import Mapping, Sequence
from typing import Any

# Whoever started the agent may have had some of these ignored; Python itself ignores SIGPIPE and SIGXFSZ.
_DEFAULTS = tuple(
    getattr(signal, f"SIG{name}")
    for name in ("HUP", "INT", "QUIT", "PIPE", "ALRM", "TERM", "USR1", "USR2", "CHLD", "TSTP", "TTIN", "TTOU", "XFSZ")
)
_FLAGS = 0x04 | 0x08 | 0x80
"""POSIX_SPAWN_SETSIGDEF, SETSIGMASK and SETSID of <spawn.h>, the same in glibc and musl."""
_ENCODING, _ERRORS = sys.getfilesystemencoding(), sys.getfilesystemencodeerrors()
_Room = ctypes.c_uint64 * 128
"""More than any of the C library's own structures needs: in glibc 80 to 336 bytes, in musl as many."""

Descriptors = Sequence[tuple[int, int]]
"""Which descriptor becomes which; one that becomes itself stays open."""


def spawn(argv: Sequence[str], env: Mapping[str, str], descriptors: Descriptors) -> int:
    """Start a program in a session of its own; return its pid. OSError where it cannot be started.

    Without a descriptor for its standard input it reads nothing.
    """
    start = _by_library if sys.platform == "linux" else _by_python
    return start(argv, env, descriptors)


def _by_python(argv: Sequence[str], env: Mapping[str, str], descriptors: Descriptors) -> int:
    nothing = (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0)
    actions: list[tuple[Any, ...]] = [] if _has_input(descriptors) else [nothing]
    actions += [(os.POSIX_SPAWN_DUP2, *pair) for pair in descriptors]
    options: dict[str, Any] = {"setsid": True, "setsigmask": (), "setsigdef": _DEFAULTS}
    return os.posix_spawn(argv[0], list(argv), env, file_actions=actions, **options)


def _by_library(argv: Sequence[str], env: Mapping[str, str], descriptors: Descriptors) -> int:
    library, pid = _library(), ctypes.c_int()
    words, actions = _texts(argv), _actions(tuple(descriptors))
    error = library.posix_spawn(
        ctypes.byref(pid), words[0], actions.structure, _attributes(), words, _environment(tuple(env.items()))
    )
    _raise_for_error(error, argv[0])
    return pid.value


class _Actions:
    """What becomes of the descriptors, as the C library has it; only read once it is made."""

    def __init__(self, descriptors: Descriptors) -> None:
        library, self.structure = _library(), _Room()
        _raise_for_error(library.posix_spawn_file_actions_init(self.structure))
        if not _has_input(descriptors):
            _raise_for_error(
                library.posix_spawn_file_actions_addopen(self.structure, 0, os.devnull.encode(), os.O_RDONLY, 0)
            )
        for pair in descriptors:
            _raise_for_error(library.posix_spawn_file_actions_adddup2(self.structure, *pair))

    def __del__(self) -> None:
        _library().posix_spawn_file_actions_destroy(self.structure)


_actions = functools.lru_cache(maxsize=64)(_Actions)
"""Programs get the same few numbers again and again."""


def _has_input(descriptors: Descriptors) -> bool:
    return any(becomes == 0 for _, becomes in descriptors)


def _texts(texts: Sequence[str]) -> ctypes.Array[ctypes.c_char_p]:
    encoded_texts = [text.encode(_ENCODING, _ERRORS) for text in texts]
    if b"\0" in b"".join(encoded_texts):
        raise ValueError("embedded null byte")
    return (ctypes.c_char_p * (len(encoded_texts) + 1))(*encoded_texts)


@functools.lru_cache(maxsize=64)
def _environment(env: tuple[tuple[str, str], ...]) -> ctypes.Array[ctypes.c_char_p]:
    """Return an environment as the C library has it; most scripts have the same one."""
    return _texts([f"{name}={value}" for name, value in env])


def _raise_for_error(error: int, path: str | None = None) -> None:
    if error:
        raise OSError(error, os.strerror(error), path)


@functools.cache
def _library() -> ctypes.CDLL:
    return ctypes.CDLL(None)


@functools.cache
def _attributes() -> ctypes.Array[ctypes.c_uint64]:
    """Return what each program is started with; made once, and only read."""
    library, attributes, none, defaults = _library(), _Room(), _Room(), _Room()
    library.sigemptyset(none)
    # All of them: of each other one, glibc asks first what it is and sets it then, in each program that starts.
    library.sigfillset(defaults)
    _raise_for_error(library.posix_spawnattr_init(attributes))
    _raise_for_error(library.posix_spawnattr_setsigmask(attributes, none))
    _raise_for_error(library.posix_spawnattr_setsigdefault(attributes, defaults))
    _raise_for_error(library.posix_spawnattr_setflags(attributes, ctypes.c_short(_FLAGS)))
    return attributes
