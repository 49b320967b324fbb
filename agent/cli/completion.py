"""hostvigil completion SHELL: what a shell needs to complete commands, options and the names of checks."""

from __future__ import annotations

import argparse
import itertools
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from agent.cli.options import COMMANDS, actions_of
from agent.cli.places import default_config
from agent.cli.words import STATUSES

if TYPE_CHECKING:
    from agent.config.settings import Config

SCRIPTS = {
    "bash": """\
# hostvigil completion bash > /etc/bash_completion.d/hostvigil
_hostvigil() {
    mapfile -t COMPREPLY < <(printf '%s\\n' "${COMP_WORDS[@]:1:COMP_CWORD}" | hostvigil completion words 2>/dev/null)
}
complete -o default -F _hostvigil hostvigil
""",
    "zsh": """\
#compdef hostvigil
# hostvigil completion zsh > /usr/share/zsh/vendor-completions/_hostvigil
_hostvigil() {
    local -a found
    found=("${(@f)$(printf '%s\\n' "${(@)words[2,CURRENT]}" | hostvigil completion words 2>/dev/null)}")
    if [[ -n "$found" ]]; then compadd -a found; else _files; fi
}
if [[ "$funcstack[1]" == _hostvigil ]]; then _hostvigil "$@"; else compdef _hostvigil hostvigil; fi
""",
    "fish": """\
# hostvigil completion fish > /etc/fish/completions/hostvigil.fish
function __hostvigil_words
    begin
        commandline -opc
        echo (commandline -ct)
    end | tail -n +2 | hostvigil completion words 2>/dev/null
end
complete -c hostvigil -a '(__hostvigil_words)'
""",
}


def main(options: argparse.Namespace) -> int:
    """Print a shell's script; or, as these scripts ask, what may follow the words that come in, a line each."""
    if options.shell != "words":
        print(SCRIPTS[options.shell], end="")
        return 0
    words = sys.stdin.read().split("\n")[:-1]
    if words:
        print("\n".join(candidates(words, _name_sources(words))))
    return 0


def candidates(words: Sequence[str], sources: Mapping[str, Callable[[], Iterable[str]]]) -> list[str]:
    """Return what the last of the words may become; `sources` give the names of checks, types and so on, by metavar."""
    *before, prefix = words
    if not before:
        return [name for name in COMMANDS if name.startswith(prefix)]
    actions = actions_of(before[0])
    option = next((one for one in actions if before[-1] in one.option_strings and one.nargs != 0), None)
    if prefix.startswith("-"):
        texts: Iterable[str] = (text for one in actions for text in one.option_strings if text.startswith("--"))
    elif option:
        texts = _values(option, sources)
    else:
        texts = (text for one in actions if not one.option_strings for text in _values(one, sources))
    return [text for text in dict.fromkeys(texts) if text.startswith(prefix)]


def _values(action: argparse.Action, sources: Mapping[str, Callable[[], Iterable[str]]]) -> Iterable[str]:
    if action.choices:
        return [str(one) for one in action.choices]
    name = str(action.metavar or action.dest).upper()
    return sources[name]() if name in sources else ()


def _name_sources(words: Sequence[str]) -> dict[str, Callable[[], Iterable[str]]]:
    """Return the sources of names, by metavar. A source is called only when its names are needed."""

    def config() -> Config:
        from agent.view.reading import configuration

        where = [Path(value) for name, value in itertools.pairwise(words) if name == "--config"]
        return configuration(where[-1] if where else default_config())

    def checks() -> Iterable[str]:
        return config().checks

    def destinations() -> Iterable[str]:
        from agent.config.sections.destination import MAIN

        return (MAIN, *config().agent.destinations)

    def types() -> Iterable[str]:
        from agent.config.schema import working
        from agent.config.types.catalog import Catalog

        return working(Catalog())

    of_checks = dict.fromkeys(("NAME", "CHECK", "SELECTOR"), checks)
    own = {**of_checks, "DESTINATION": destinations, "TYPE": types, "STATUS": lambda: STATUSES}
    # A new type has a name of its own.
    return {} if words[0] == "new-check" else own
