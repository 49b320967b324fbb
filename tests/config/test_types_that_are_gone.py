"""An own type that was changed: its former class is forgotten, so that a thousand reloads take no memory."""

from __future__ import annotations

import gc
from pathlib import Path

from agent.api import Check
from agent.config.drop_ins import load
from agent.config.types.catalog import Catalog

TYPE = """
from agent.api import Check, ok

class Counted(Check):
    "Says a number."
    number_{n}: int = {n}

    def run(self, ctx):
        yield ok("{n}")
"""


def test_of_the_former_classes_of_an_own_type_not_all_are_kept(tmp_path: Path) -> None:
    drop_ins, own = tmp_path / "conf.d", tmp_path / "checks.d"
    drop_ins.mkdir()
    own.mkdir()
    for n in range(250):
        (own / "counted.py").write_text(TYPE.format(n=n))
        (drop_ins / "a.yaml").write_text(f"checks: {{one: {{type: counted, number_{n}: 5}}}}\n")
        assert not load(drop_ins, Catalog(), {}).problems
    gc.collect()
    kept = [one for one in Check.__subclasses__() if one.__name__ == "Counted"]
    assert 1 <= len(kept) <= 150
