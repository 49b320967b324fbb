"""Which files a configuration was read from are others by now."""

from __future__ import annotations

from pathlib import Path

from agent.config.drop_ins import load
from agent.config.files.changed import name_changes
from agent.config.settings import Config
from agent.config.types.catalog import Catalog


def test_what_was_written_added_and_removed_is_named_and_nothing_else(tmp_path: Path) -> None:
    for name in ("a", "b", "c"):
        (tmp_path / f"{name}.yaml").write_text(f"checks: {{{name}: {{type: load}}}}\n")
    config = load(tmp_path, Catalog(), {})
    assert name_changes(config) == ()
    (tmp_path / ".a.yaml.swp").touch()
    (tmp_path / "notes.txt").touch()
    assert name_changes(config) == ()
    (tmp_path / "a.yaml").write_text("checks: {a: {type: load, interval: 5m}}\n")
    (tmp_path / "b.yaml").unlink()
    (tmp_path / "d.yaml").touch()
    assert name_changes(config) == tuple(f"{tmp_path / name}.yaml" for name in "abd")


def test_a_secret_that_was_exchanged_is_named(tmp_path: Path) -> None:
    (tmp_path / "token").write_text("geheimnis")
    (tmp_path / "a.yaml").write_text("checks: {a: {type: http, url: 'http://a/', bearer_token: '${file:token}'}}\n")
    config = load(tmp_path, Catalog(), {})
    assert name_changes(config) == ()
    (tmp_path / "token").write_text("another-one")
    assert name_changes(config) == (f"{tmp_path}/token",)


def test_a_configuration_that_was_read_from_nothing_has_no_changes() -> None:
    assert name_changes(Config()) == ()
