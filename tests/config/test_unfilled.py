"""What a shell, a template or a date was to fill in: it is said where it stands, and not taken as letters."""

from __future__ import annotations

from pathlib import Path

import pytest

from agent.config.drop_ins import load
from agent.config.types.catalog import Catalog
from agent.config.words.unfilled import is_unfilled
from checks._wildcards import find_problem

REAL = Catalog()
UNFILLED = (
    "$ENV",
    "$env",
    "web-$ENV",
    "$ENV.example.com",
    "$env:COMPUTERNAME",
    "$HOSTNAME$",
    "$(hostname)",
    "`hostname`",
    "%COMPUTERNAME%",
    "{{ env }}",
    "web-{{ env }}",
    "{% if a %}",
    "<%= env %>",
    "<your host>",
    "@ENV@",
    "__ENV__",
    "{HOST.NAME}",
    "#{env}",
    "%{env}",
    "%(env)s",
    "[[ env ]]",
    "ENC[env]",
)


@pytest.mark.parametrize("text", UNFILLED)
def test_a_tag_and_a_hostname_that_nobody_filled_in_are_refused(text: str, tmp_path: Path) -> None:
    load_check = "checks: {a: {type: load, tags: {env: '" + text + "'}}}\n"
    (tmp_path / "a.yaml").write_text("agent: {hostname: '" + text.replace(" ", "") + "'}\n" + load_check)
    name, tag = (str(one).removeprefix(f"{tmp_path}/a.yaml:") for one in load(tmp_path, REAL, {}).problems)
    assert name.startswith("1:19: agent.hostname: ")
    assert "leave the line out for the host's own name" in name
    assert tag.startswith("2:38: a: tags.env: ")
    assert tag.endswith("is not filled in here: write what is meant, or ${env:NAME} for a variable of the agent")


@pytest.mark.parametrize(
    "text",
    [
        "$5",
        "50%",
        "costs $ENV",
        "a{b}",
        "(x)",
        "%d",
        "web-1",
        "",
        "Foo$Bar",
        "a-$5",
        "<none>",
        "a<b>",
        "[a]",
        "__init__",
        "me@x",
    ],
)
def test_what_only_has_such_letters_is_as_it_is_written(text: str) -> None:
    assert not is_unfilled(text)


PATHS = {
    "/home/$USER/x": "write it out, `*` or `[$]`",
    "/b/db-$(date +%F).sql": "write it out, `*` or `[$]`",
    "/b/`date`.sql": "write it out, `*` or `[$]`",
    "/var/log/{{ app }}.log": "a template was not filled in",
    "/var/log/app-%Y-%m-%d.log": "a date is not put in here",
    "/var/log/app-%m%d.log": "a date is not put in here",
}


@pytest.mark.parametrize("path", PATHS)
def test_a_path_that_nobody_filled_in_would_be_absent_for_ever_and_is_refused(path: str, tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text(f"checks:\n  a: {{type: file, expect: absent, path: '{path}'}}\n")
    (problem,) = load(tmp_path, REAL, {}).problems
    assert PATHS[path] in problem.text


@pytest.mark.parametrize(
    "path", ["/srv/print$/x", "/x/Foo$Bar.class", "/x/50%done", "/x/[$]RECYCLE.BIN", "/x/core.%e.%p"]
)
def test_a_path_with_such_letters_of_its_own_is_taken(path: str) -> None:
    assert find_problem(path) == ""
