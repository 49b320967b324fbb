"""The manual pages: made from the code, whole, and sound for who shows them."""

from __future__ import annotations

import argparse
import re
import subprocess
import sys
from functools import cache
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.cli.options import COMMANDS, parser
from agent.config.schema import rows, working
from agent.config.sections.agent import AgentSection
from agent.config.sections.check import CheckSection
from agent.config.types.catalog import Catalog
from tests.host import needs

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT / "packaging"))

import manuals  # noqa: E402 - of the packages, no part of the agent

PAGES = ("hostvigil.1", "hostvigil.conf.5")


@cache
def page(name: str) -> str:
    return str(manuals.command() if name == PAGES[0] else manuals.configuration())


def shown(text: str, *options: str) -> subprocess.CompletedProcess[str]:
    """Have the page set as `man` does."""
    groff = needs.command("groff", "groff-base")
    return subprocess.run(
        [groff, "-Tutf8", "-man", "-rLL=200n", "-P-c", *options],
        input=text,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.mark.parametrize("name", PAGES)
def test_a_page_is_set_without_a_warning(name: str) -> None:
    done = shown(page(name), "-ww", "-z")
    assert (done.returncode, done.stderr) == (0, "")


def test_the_page_of_the_command_has_each_command_with_each_option() -> None:
    text = re.sub(r".\x08", "", shown(page("hostvigil.1")).stdout)
    commands = next(one for one in parser()._actions if isinstance(one, argparse._SubParsersAction))
    for name, meaning in COMMANDS.items():
        part = re.split(r"hostvigil [a-z-]+\n", text.partition(f"   hostvigil {name}\n")[2])[0]
        assert meaning.split(":", maxsplit=1)[0] in " ".join(part.split()), name
        for option in commands.choices[name]._actions:
            if option.dest not in ("help", "config", "state"):
                assert all(word in part for word in option.option_strings), (name, option.dest)


def test_the_page_of_the_configuration_has_each_setting_of_agent_checks_and_types() -> None:
    text = re.sub(r".\x08", "", shown(page("hostvigil.conf.5")).stdout)
    types = working(Catalog())
    for name in types:
        assert f"   type: {name}\n" in text
    sections: list[type[msgspec.Struct]] = [CheckSection, AgentSection, *types.values()]
    for section in sections:
        for name, *_ in rows(section):
            assert f"       {name.strip('`')} (" in text


@given(text=st.text(st.sampled_from("ab .'\\-`*|\n\""), max_size=30))
def test_any_text_is_shown_letter_by_letter(text: str) -> None:
    """What roff obeys begins with a dot, an apostrophe or a backslash; ours begins with a backslash and is known."""
    found = manuals.roff(text)
    assert not re.search(r"(?m)^[.']", found)
    assert set(re.findall(r"\\(fB|fR|e|-|&|.)", found)) <= {"fB", "fR", "e", "-", "&"}
