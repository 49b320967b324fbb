"""Which file a command means, and why it cannot be started."""

from __future__ import annotations

import errno
import os
import re
import stat
from collections.abc import Mapping, Sequence
from pathlib import Path

from agent.api import CheckError, weak_spot
from checks._opening import open_regular


def command_line(command: str | Sequence[str], cwd: str, env: Mapping[str, str]) -> list[str]:
    """Return the argv whose first word is the file to start; CheckError when there is no such file or folder."""
    words = ["/bin/sh", "-c", command] if isinstance(command, str) else list(command)
    if cwd and not os.path.isdir(cwd):  # noqa: PTH112 - Path costs ten times as much, each run
        raise CheckError(f"cannot start in {cwd}: no such folder (setting `cwd`)")
    words[0] = _locate(words[0], cwd, env.get("PATH", ""))
    return words


def script_in(words: Sequence[str], cwd: str) -> int:
    """Return which word is the file that says what is done: the program, or the script an interpreter is given."""
    from checks.script.languages import code_arguments, language_of

    language = language_of(words[0].rpartition("/")[2])
    if language is None:
        return 0
    for one in code_arguments(words, language):
        if one.what == "script" and os.path.isfile(os.path.join(cwd, one.value)):  # noqa: PTH113, PTH118 - as above
            return one.at
    return 0


def refuse_weak(
    words: Sequence[str], cwd: str, env: Mapping[str, str], own: Mapping[str, str], uid: int, stdin: str = ""
) -> None:
    """CheckError when others than root and the user it runs as could change what is to run.

    To be asked by root only. Nobody else may write a file that is run, its `#!` program, or a folder on the way to
    them. `env` is the whole environment, `own` the part of it that the settings name; `stdin` is what it can read.
    """
    from checks.script.code import code_of

    for file in dict.fromkeys(code_of(words, cwd, env, own, stdin)):
        # Everybody may write into the empty device, and nothing of it is read again: `ssh -F /dev/null`.
        if file != os.devnull and (weak := weak_spot(file, uid) or _may_come(file)):
            raise CheckError(f"refused to run {file}: {weak}{_instead(words, weak)}")


def _instead(words: Sequence[str], weak: str) -> str:
    """Say what to write where the command itself gives up root's rights for those of the file's owner."""
    program, owner = words[0].rpartition("/")[2], re.search(r"belongs to (\S+),", weak)
    if owner is None or program not in _SWITCHERS or owner[1] not in words:
        return ""
    return f"; to run it as {owner[1]}, leave {program} out and write `user: {owner[1]}`"


_SWITCHERS = ("sudo", "doas", "su", "runuser", "setpriv", "gosu", "su-exec", "setuidgid", "chpst")


def _may_come(file: str) -> str:
    """Say that a file that is not there yet could be made by everybody; empty where not."""
    folder = file
    while folder and not os.path.lexists(folder):
        folder = folder.rpartition("/")[0]
    if folder in ("", file) or not os.stat(folder).st_mode & 0o002:  # noqa: PTH116 - each run
        return ""
    return f"it is not there, and everybody may put it into {folder}: keep it in a folder of root's"


def _locate(name: str, cwd: str, path: str) -> str:
    if "/" in name:
        return os.path.join(cwd, name)  # noqa: PTH118 - as above
    for folder in path.split(":"):
        file = f"{folder}/{name}"
        if os.path.isfile(file) and os.access(file, os.X_OK):  # noqa: PTH113 - as above
            return file
    raise CheckError(f"cannot start {name}: not found in PATH ({path}), write its full path")


def touch(file: str) -> None:
    """Open the file once: a dead network mount then holds this thread only.

    Who waits for it within the start of a program is a process already, with all that the agent has open.
    """
    try:
        os.close(open_to_read(file))
    except OSError as error:
        # A program need not be readable to be started.
        if error.errno != errno.EACCES:
            raise CheckError(why_not_started(file, error)) from error


def open_to_read(file: str) -> int:
    """Return a descriptor to read a file by; what is no file cannot be started either, and is not opened."""
    try:
        return open_regular(file)
    except OSError as error:
        if error.errno in (errno.EINVAL, errno.EISDIR):
            raise OSError(errno.EACCES, os.strerror(errno.EACCES), file) from None
        raise


def why_not_started(file: str, error: OSError) -> str:
    """Word what is wrong with the program and what to do about it."""
    return f"cannot start {file}: {_reason(Path(file), error)}"


def _reason(file: Path, error: OSError) -> str:
    match error.errno:
        case errno.ENOENT if file.is_file():
            return carriage_return(file) or f"its interpreter is missing ({_first_line(file)})"
        case errno.ENOENT | errno.ENOTDIR:
            first = str(file).split()[0]
            return "no such file" + (": write each word of its own" if Path(first).is_file() else "")
        case errno.ENOEXEC:
            return _no_program(file)
        case errno.EACCES:
            return _why_denied(file)
        case errno.E2BIG:
            return "command and environment are too long for the system"
        case errno.EAGAIN:
            return "the system allows no more processes (limits of the agent's user or service)"
        case errno.EMFILE | errno.ENFILE:
            return "too many open files"
    return os.strerror(error.errno or 0)


def carriage_return(file: Path) -> str:
    """Say that the `#!` line of a script has a line end of Windows, which becomes part of a name; empty where not."""
    try:
        with file.open("rb") as stream:
            line = stream.readline(256)
    except OSError:
        return ""
    name, mark, rest = line[2:].partition(b"\r")
    if not line.startswith(b"#!") or not mark:
        return ""
    text = ascii(name.decode("utf-8", "replace"))[1:-1] + "\\r"
    how = "CR LF" if rest == b"\n" else "CR"
    mend = "s/\\r$//" if rest in (b"\n", b"") else "s/\\r/\\n/g"
    return f"its first line ends in {how}, so that a carriage return belongs to it ({text}): sed -i '{mend}' {file}"


def _no_program(file: Path) -> str:
    """Say what keeps the system from taking it for a program."""
    try:
        with file.open("rb") as stream:
            head = stream.read(260)
    except OSError:
        head = b"?"
    if not head:
        return "it is empty"
    if head.startswith(b"\xef\xbb\xbf#!"):
        return f"a byte order mark stands before its #!: sed -i '1s/^\\xEF\\xBB\\xBF//' {file}"
    if head.startswith((b"\xff\xfe", b"\xfe\xff")):
        return "it is written in UTF-16: save it as UTF-8"
    if head.lstrip().startswith(b"#!") and not head.startswith(b"#!"):
        return "its #! must be the very first of it: remove what stands before"
    if head.startswith(b"#!") and b"\n" not in head[:256]:
        return "its first line is too long for the system"
    return "not a program for this machine, or a script without #! in its first line"


def _first_line(file: Path) -> str:
    try:
        with file.open("rb") as stream:
            line = stream.readline(128)
    except OSError as error:
        return os.strerror(error.errno or 0)
    return line.decode("utf-8", "backslashreplace").strip() if line.startswith(b"#!") else "of the program file"


def _why_denied(file: Path) -> str:
    try:
        mode = file.stat().st_mode
    except OSError:
        return "a folder above it may not be entered by the agent's user"
    if not stat.S_ISREG(mode):
        return "it is a folder" if stat.S_ISDIR(mode) else "not a regular file"
    if not os.access(file, os.X_OK):
        return f"not executable for the agent's user (chmod +x {file}?)"
    return f"permission denied (file system mounted noexec, or its interpreter is not executable: {_first_line(file)})"
