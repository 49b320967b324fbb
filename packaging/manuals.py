"""The manual pages, hostvigil(1) and hostvigil.conf(5), made from the code: its commands, options and settings."""

from __future__ import annotations

import argparse
import inspect
import re
from collections.abc import Iterator

import msgspec


def command() -> str:
    """Write hostvigil(1)."""
    from agent.cli.options import COMMANDS
    from agent.cli.places import DEFAULT_CONFIG, ROOT_STATE

    return "".join(
        (
            _head("HOSTVIGIL", 1, "User Commands", "hostvigil", "monitoring agent for servers"),
            ".SH SYNOPSIS\n.B hostvigil\n.I COMMAND\n[options]\n.SH DESCRIPTION\n"
            "Runs checks and tells every change of their status as an event.\n.SH COMMANDS\n",
            *(_command(name, text) for name, text in COMMANDS.items()),
            ".SH FILES\n",
            _item(f".I {roff(DEFAULT_CONFIG)}", "the configuration, see hostvigil.conf(5)"),
            _item(f".I {roff(ROOT_STATE)}", "what is believed, and what is still to be told"),
            _item(".I /usr/share/hostvigil/samples", "drop-ins to copy from"),
            ".SH SEE ALSO\n.BR hostvigil.conf (5),\n.I /usr/share/doc/hostvigil\n",
        )
    )


def configuration() -> str:
    """Write hostvigil.conf(5)."""
    from agent.cli.places import DEFAULT_CONFIG
    from agent.config.schema import working
    from agent.config.sections.agent import SECTIONS, AgentSection
    from agent.config.sections.check import CheckSection
    from agent.config.types.catalog import Catalog

    return "".join(
        (
            _head("HOSTVIGIL.CONF", 5, "File Formats", "hostvigil.conf", "drop-in files of the agent hostvigil"),
            f".SH SYNOPSIS\n.I {roff(DEFAULT_CONFIG)}/*.yaml\n.SH DESCRIPTION\n",
            "The configuration is a directory of YAML files. All of them are read, in the order of their names.\n"
            ".B hostvigil validate\nnames every mistake at its place,\n.B hostvigil reload\ntakes changed files over.\n"
            "Time spans are written 500ms, 30s, 5m, 2h, 1d; sizes 10GB or 5GiB; percentages 80%. Any text may hold\n"
            '.BR ${file:PATH} " or " ${env:NAME} .\n.SH SECTIONS\n',
            *(_item(f".B {roff(name)}:", text) for name, text in SECTIONS.items()),
            ".SH EXAMPLE\n.nf\n",
            roff(EXAMPLE),
            ".fi\n.SH SETTINGS OF EVERY CHECK\n",
            *_settings(CheckSection),
            ".SH SETTINGS OF THE AGENT\nThey stand under\n.BR agent: .\n",
            *_settings(AgentSection),
            ".SH TYPES OF CHECKS\n",
            *(_type(name, kind) for name, kind in working(Catalog()).items()),
            ".SH SEE ALSO\n.BR hostvigil (1),\n.I /usr/share/doc/hostvigil\n",
        )
    )


EXAMPLE = """\
agent:
  tags: {env: prod}
checks:
  root-disk: {type: disk, path: /, warning: 80%, critical: 90%}
  sshd: {type: process, name: sshd}
"""


def roff(text: str) -> str:
    """Write a text as roff shows it, letter by letter; of our markdown, `code` and **strong** become bold."""
    text = text.replace("\\|", "|").replace("\\", "\\e").replace("-", "\\-")
    text = re.sub(r"`([^`]+)`|\*\*([^*]+)\*\*", lambda match: f"\\fB{match[1] or match[2]}\\fR", text)
    return re.sub(r"(?m)^([.'])", r"\\&\1", text)


def _head(title: str, section: int, book: str, name: str, about: str) -> str:
    return f'.TH {title} {section} "" "hostvigil" "{book}"\n.SH NAME\n{roff(name)} \\- {roff(about)}\n'


def _item(tag: str, text: str) -> str:
    return f".TP\n{tag}\n{roff(text)}\n"


def _command(name: str, text: str) -> str:
    from agent.cli.options import parser

    commands = next(one for one in parser()._actions if isinstance(one, argparse._SubParsersAction))
    options = [_option(one) for one in commands.choices[name]._actions if one.help not in (None, argparse.SUPPRESS)]
    return f".SS hostvigil {roff(name)}\n{roff(text)}\n{''.join(options)}"


def _option(action: argparse.Action) -> str:
    if action.dest in ("help", "config", "state"):
        return ""
    value = (
        ""
        if action.nargs == 0
        else str(action.metavar or (action.choices and "|".join(action.choices)) or action.dest.upper())
    )
    tag = " ".join([*action.option_strings, value]).strip()
    text = (action.help or "").replace("%(default)s", str(action.default))
    return _item(f".B {roff(tag)}", text)


def _type(name: str, kind: type[msgspec.Struct]) -> str:
    text = inspect.cleandoc(kind.__doc__ or "").partition("\n\n")[0]
    return f".SS type: {roff(name)}\n{roff(text)}\n{''.join(_settings(kind))}"


def _settings(section: type[msgspec.Struct]) -> Iterator[str]:
    from agent.config.schema import rows

    for name, kind, default, meaning in rows(section):
        shown = {"": "", "required": "; required"}.get(default, f"; default {default}")
        yield _item(f'.BR {roff(name.strip("`"))} " ({roff(kind + shown)})"', meaning)
