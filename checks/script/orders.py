"""Programs that are no languages, and run or load all the same what files tell them: where those are named."""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator, Sequence

_ORDERS = (
    ("psql", "-f --file"),
    ("r?n?vim?|view|ex|vimdiff", "-S -u -U"),
    ("emacs", "-l --load --script"),
    ("nmap", "--script --datadir --servicedb"),
    ("redis-cli", "--eval"),
    ("kubectl|helm|oc", "--kubeconfig"),
    ("git", "--git-dir --exec-path --config-env"),
    ("at|batch", "-f"),
    ("ant|mvn|gradle|ninja|cmake|rake|tox|npm|npx|scons|meson", "-f --file -buildfile --prefix -P -C -p --project-dir"),
    ("supervisord|uwsgi|gunicorn|celery", "-c --config --ini"),
    ("openssl", "-engine -provider-path -config"),
    ("mysql|mariadb", "--plugin-dir"),
    ("ssh|sftp|scp", "-F -I"),
    ("sort", "--compress-program"),
    ("wget", "--use-askpass"),
    ("ncat", "--lua-exec"),
    ("screen|tmux", "-c -f"),
    ("lftp", "-f"),
    ("scp|sftp", "-S"),
    ("erl|iex|elixir", "-pa -pz -r"),
)
"""Options of other programs whose value is a file of orders, or a folder of code: what it says they run or load."""
_READ_ORDERS = r"psql|mysql|mariadb|sqlite3|ex|ed|at|batch|lftp|gdb|dc|crontab"
"""Programs that run commands which stand in what they read, beside the languages."""


LOGIN = (".profile", ".bash_profile", ".bash_login", ".bashrc", ".zshenv", ".zprofile", ".zshrc")
_HOME_FILES = {
    "psql": (".psqlrc",),
    "sqlite3": (".sqliterc",),
    "mysql": (".my.cnf",),
    "mariadb": (".my.cnf",),
    "git": (".gitconfig", ".config/git/config"),
    "curl": (".curlrc", ".config/curlrc"),
    "wget": (".wgetrc",),
    "gdb": (".gdbinit", ".config/gdb/gdbinit"),
    "vim": (".vimrc", ".vim"),
    "emacs": (".emacs", ".emacs.d"),
    "npm": (".npmrc",),
    "R": (".Rprofile",),
    "Rscript": (".Rprofile",),
    "kubectl": (".kube/config",),
    "docker": (".docker/config.json", ".docker/cli-plugins"),
    "ansible": (".ansible.cfg", ".ansible"),
    "ansible-playbook": (".ansible.cfg", ".ansible"),
}
"""What programs run or load from their user's home without a word."""


def home_files(name: str) -> tuple[str, ...]:
    return _HOME_FILES.get(name, ())


@functools.lru_cache(maxsize=256)
def _order_options(name: str) -> frozenset[str]:
    found = [options for names, options in _ORDERS if re.fullmatch(rf"(?:{names})[-0-9.]*", name)]
    return frozenset(" ".join(found).split())


def orders(words: Sequence[str]) -> Iterator[str]:
    """Yield the files of orders that a program is told to obey."""
    options = _order_options(words[0].rpartition("/")[2])
    for at, word in enumerate(words[1:], 1) if options else ():
        name, equals, value = word.partition("=")
        if word in options:
            yield from words[at + 1 : at + 2]
        elif equals and name in options:
            yield value
        elif word[:1] == "-" and word[1:2] != "-" and (short := _short(word, options)) is not None:
            yield short or "".join(words[at + 1 : at + 2])
    if reads_orders(words[0].rpartition("/")[2]):
        yield from (file for word in words[1:] for file in named_in(word))


def named_in(text: str) -> list[str]:
    """Return the files that a program in another language than a shell's loads, where the name follows at once."""
    return _LOADS.findall(text)


_LOADS = re.compile(
    r"(?:(?:\b(?:do|require|require_once|include|include_once|load|source|dofile|loadfile|execfile|run_path|run|use\s+lib)|"
    r"[.](?:read|load)|\\i|\\[.])[\s(]*[\"']?|\bexec\(\s*open\(\s*[\"'])(/[^\s\"'`;)]+)"
)


def _short(word: str, options: frozenset[str]) -> str | None:
    """Return what follows an option of one letter in its word: `-Fx`, `-1Xf`; None where there is none."""
    return next((word[at + 1 :] for at in range(1, len(word)) if f"-{word[at]}" in options), None)


@functools.lru_cache(maxsize=256)
def reads_orders(name: str) -> bool:
    return bool(re.fullmatch(_READ_ORDERS, name))


def loaded(words: Sequence[str]) -> Iterator[str]:
    """Yield what an interpreter is told to load by a setting within an option: `-Mlib=/x`, `-javaagent:/x`."""
    java = words[0].rpartition("/")[2].startswith("java")
    for word in words[1:]:
        if match := _SETTING.match(word):
            yield from (part for part in re.split("[:,=]", match[1]) if part.startswith("/"))
        elif java and re.match("@/|/.*[.]java$", word):
            yield word.lstrip("@")


_SETTING = re.compile(
    r"(?:-[Mm]lib=|-javaagent:|-agentpath:|-Xbootclasspath(?:/[ap])?:|-XX:(?:Flags|VMOptionsFile|OnError|OnOutOfMemoryError)=|"
    r"(?:-X)?pycache_prefix=|(?:-d)?(?:auto_(?:ap|pre)pend_file|(?:zend_)?extension|extension_dir|include_path)=)(.*)"
)
