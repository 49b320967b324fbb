"""Which files a program in another language than a shell's runs or loads, as far as its text says so."""

from __future__ import annotations

import functools
import os
import re
from collections.abc import Iterator

from checks.script.place import Place, can_run

_READ_ORDERS = r"psql|mysql|mariadb|sqlite3|ex|ed|at|batch|lftp|gdb|dc|crontab|smbclient|mongo|mongosh|sqlplus|gnuplot"
"""Programs that run commands which stand in what they read, beside the languages."""
_TAKE_ORDERS = (
    rf"{_READ_ORDERS}|r?n?vim?|view|vimdiff|emacs(?:client)?|nginx|tshark|wireshark|rpm|wget|exim4?|java[a-z]*"
)
"""Programs that run commands which stand in their words."""

_LOADS = re.compile(
    r"(?:\b(?:do|import|require|require_once|include|include_once|source|dofile|loadfile|execfile|run_path|run|py3?file|(?:rtp|runtimepath|packpath)\+?=|use\s+lib|so|"
    r"luafile|pyfile|use_askpass=|lua_script:)|(?<![\w.])load|(?:^|[\s\"'])[.](?:read|load)|\\i|\\[.]|^@|%|!|(?:^|[\s;])[.]\s)[\s(]*[\"']?(/[^\s\"'`;)]+)"
)
"""Words behind which a file that is run or loaded follows at once."""
_RUNS = re.compile(
    r"\b(?:system|exec(?!ute\()\w*|eval\w*|spawn\w*|popen\w*|Popen|subprocess|check_(?:output|call)|instance_eval|class_eval|"
    r"passthru|proc_open|shell_exec|loadlib|load_source|LoadLibrary|dyn[.]load|unserialize|readRDS|lib[.]loc|runIn\w*Context|"
    r"unsafe_load\w*|yaml[.](?:Unsafe)?Loader|Marshal|FFI|consult|startfile|fileConfig|os:cmd|qx|source_file|require_file|require_relative|Import-Module|"
    r"dofile|loadfile|CDLL|dlopen|sys\.path|addsitedir|spec_from_file_location|run_path|runpy|pickle|marshal|shelve|"
    r"load_module|load_extension|import\s*\(|source\s*\(|use\s+lib|shell|program)\b|@INC|\$:|\$LOAD_PATH|"
    r"\b(?:do|load|require|include)\b[\s(\"']*(?:\$?ARGV|\$argv|process\.argv)|package\.c?path|\bimport\s*\(|\|&?\s*(?:getline|[\"'](?=[\w/$]))|[\"']-\||\\!|^!|(?<![\w.])load[\s(]+[\"']|"
    r"`(?!\$\{)|%x\W|(?:^|\s)%\(|[\"']\|\s*[\w/$]|[^\"'|\s\\]\s*\|[\"']|(?:^|[;{])\s*&|\bdo\s+(?:shift\b|q)|"
    r"[\"']\s*[.]execute\("  # Groovy runs a text; a database is asked by `execute`, too
)
"""What runs or loads something that may be named anywhere in the text."""
_SUBSTITUTION = re.compile(r"(?<![a-zA-Z])s([^\w\s\\])(?:\\.|(?!\1).)*\1(?:\\.|(?!\1).)*\1(\w*)")
_CODE_NAME = re.compile(
    r".*[.](?:so(?:[.][0-9.]+)?|jar|war|class|kts?|java|sc|scala|groovy|gvy|clj|bsh|jsh|py[cowz]?|whl|egg|pl|pm|rb|gem|[cm]?js|tsx?|"
    r"phps?|phar|lua|tcl|exp|[rR]|jl|scm|ss|rkt|lisp|el|hs|ml|erl|exs?|escript|nim|cr|zig|dart|swift|go|(?:ba|z|k|fi|c)?sh|psm?1|csx|"
    r"fsx|dll|exe|ko|bt|stp|awk|sed|cmake|mk|gradle|vim|robot|ipynb)"
)
_NAME = re.compile(r"/[^\s'\"`(){};,|<>?*\\]+")


@functools.lru_cache(maxsize=256)
def reads_orders(name: str) -> bool:
    return bool(re.fullmatch(_READ_ORDERS, name))


@functools.lru_cache(maxsize=256)
def takes_orders(name: str) -> bool:
    return bool(re.fullmatch(_TAKE_ORDERS, name))


def is_code_name(name: str) -> bool:
    """Tell whether a file of this name is code by its ending: a program that nobody knows has no other use for it."""
    return bool(_CODE_NAME.fullmatch(name))


def names_in(text: str, place: Place) -> Iterator[str]:
    """Yield the files that are there of all that a text names."""
    yield from (name for name in _NAME.findall(text) if _there(name, place))


def runs(text: str) -> bool:
    return bool(_RUNS.search(text))


def sed_runs(text: str) -> bool:
    """Tell whether a program of sed has the command `e`, or an `s` with the mark `e`."""
    rest = re.sub(_SUBSTITUTION, lambda match: ";e " if "e" in match[2] else ";", text)
    return bool(re.search(r"(?:^|[;{}\n!\d$])\s*e(?=[\s/\d]|$)", re.sub(r"/(?:\\.|[^/])*/", "1", rest)))


def files_of(text: str, place: Place) -> Iterator[str]:
    """Yield the files that the text runs or loads, and rather one too many: programs, and all where it runs any."""
    yield from (name for name in _LOADS.findall(text) if not name.endswith(".json") and _there(name, place))
    runs_any = runs(text)
    for name in _NAME.findall(text):
        if can_run(name) or (runs_any and not name.endswith(".json") and _there(name, place)):
            yield name


def _there(name: str, place: Place) -> bool:
    return os.path.exists(place.full(name))  # noqa: PTH110 - each run
