"""Drop-ins that a test writes, reads and spoils, and that a problem of one is said well."""

from __future__ import annotations

import random
import re
from pathlib import Path

from agent.config.drop_ins import load
from agent.config.settings import CheckConfig, Config, Place
from tests.config.sample_types import sample_catalog

CONFIGS = Path(__file__).parent / "files"
SHIPPED = Path(__file__).parents[2] / "conf.d"
GOOD = "checks:\n  good: {type: volume, path: /}\n"


def written(folder: Path, *texts: str | bytes, environ: dict[str, str] | None = None) -> Config:
    """Load files 0.yaml, 1.yaml, ... with these texts."""
    for number, text in enumerate(texts):
        (folder / f"{number}.yaml").write_bytes(text if isinstance(text, bytes) else text.encode())
    return load(folder, sample_catalog(), environ or {})


def problems(config: Config, folder: Path) -> list[str]:
    """Problems with the paths that a user in that folder would see."""
    here = f"{Path(__file__).parents[2]}/"
    shown = (str(problem).replace(f"{folder}/", "").replace(here, "") for problem in config.problems)
    return [text.replace(str(folder), ".") for text in shown]


SECRET = "s3cr(t\\va[lue"


def assert_in_its_file(place: Place) -> None:
    """The line is one that editors and `grep -n` count, the column is in it or right behind it."""
    file = Path(place.file)
    text = file.read_bytes().decode("utf-8", "replace").removeprefix("\ufeff") if file.is_file() else ""
    lines = re.split(r"\r\n?|\n", text)
    assert 1 <= place.line <= len(lines[:-1] if len(lines) > 1 and not lines[-1] else lines)
    assert 1 <= place.column <= len(lines[place.line - 1]) + 1


def assert_said_well(config: Config) -> None:
    for problem in config.problems:
        assert problem.text
        assert str(problem).isprintable()
        assert_in_its_file(problem.place)


SIGNS = ["no", "0755", "1:30", "null", "{}", "[]", "- ", ": ", "\n", "  ", "\t", "'", '"', "&a ", "*a", "<<: ", "!!x "]


SIGNS += ["\r", "\r\n", "\x85", "\u2028", "\u2029", "\ufeff", "{", "["]


SIGNS += ["${env:K}", "${", "%", "@", "1e99", "9" * 18 + "d", "-1", "|\n", "\0", "---\n", "(", "type", "#"]


def mutated(text: str, dice: random.Random) -> str:
    for _ in range(dice.choice((1, 1, 2, 4))):
        at, other = dice.randrange(len(text) + 1), dice.randrange(len(text) + 1)
        cut = at + dice.randrange(12) * dice.randrange(2)
        insert = dice.choice(("", dice.choice(SIGNS), text[other : other + dice.randrange(40)]))
        text = text[:at] + insert + text[cut:]
    return text


def check(folder: Path, settings_of_it: str) -> CheckConfig:
    config = written(folder, f"checks:\n  c: {{type: volume, path: /, {settings_of_it}}}\n")
    assert problems(config, folder) == []
    return config.checks["c"]
