"""Whatever changes on the way to what the configuration was read from is noticed: folder, file, secret, each link."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

from agent.config.drop_ins import load, load_agent
from agent.config.files.watch import Watch
from agent.config.files.ways import ANY, MOST_LINKS, way
from agent.config.settings import Config
from tests.config.sample_types import sample_catalog

SECONDS = 15.0
WITH_SECRET = (
    "agent: {watch: true}\nchecks: {a: {type: web, url: 'https://a.example', headers: {k: '${file:../key}'}}}\n"
)
OTHER = WITH_SECRET.replace("a.example", "b.example")

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="inotify")


class Place:
    """A conf.d with its secret, in one of the ways in which people lay it out."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.conf = folder / "conf.d"
        self.key = folder / "key"

    def plain(self) -> None:
        self.conf.mkdir()
        (self.conf / "a.yaml").write_text(WITH_SECRET)
        self.key.write_text("hunter22")

    def typed(self) -> None:
        """With own types, one of which is a link, and code that they share."""
        self.plain()
        (self.folder / "checks.d/_shared").mkdir(parents=True)
        (self.folder / "checks.d/_shared/words.py").write_text("WORD = 'a'\n")
        (self.folder / "checks.d/own.py").write_text("from agent.api import Check\n")
        (self.folder / "linked").write_text("from agent.api import Check\n")
        (self.folder / "checks.d/linked.py").symlink_to("../linked")

    def linked(self) -> None:
        """Each on its own through two links."""
        for name in ("shelf", "store"):
            (self.folder / name).mkdir()
        (self.folder / "store/conf").mkdir()
        # Through a linked folder `..` is beside its target, so the whole way is written.
        (self.folder / "store/a").write_text(WITH_SECRET.replace("../key", str(self.key)))
        (self.folder / "store/key").write_text("hunter22")
        for name, target in (("conf.d", "shelf/conf"), ("shelf/conf", "../store/conf"), ("key", "shelf/key")):
            (self.folder / name).symlink_to(target)
        (self.folder / "shelf/key").symlink_to(self.folder / "store/key")
        (self.folder / "shelf/a").symlink_to("../store/a")
        (self.folder / "store/conf/a.yaml").symlink_to("../../shelf/a")

    def mounted(self) -> None:
        """As a ConfigMap and a Secret of Kubernetes: names link into ..data, which links to a folder with a date."""
        for mount, name, text in (("conf.d", "a.yaml", WITH_SECRET), ("secret", "key", "hunter22")):
            at = self.folder / mount
            (at / "..2024").mkdir(parents=True)
            (at / "..2024" / name).write_text(text)
            (at / "..data").symlink_to("..2024")
            (at / name).symlink_to(f"..data/{name}")
        self.key.symlink_to("secret/key")

    def swap(self, mount: str, name: str, text: str) -> None:
        at = self.folder / mount
        (at / "..2025").mkdir()
        (at / "..2025" / name).write_text(text)
        (at / "..data_tmp").symlink_to("..2025")
        (at / "..data_tmp").rename(at / "..data")


def replaced(path: Path, text: str) -> None:
    """Write it beside and move it there, as editors and configuration management do."""
    fresh = path.with_name("fresh")
    fresh.write_text(text)
    fresh.rename(path)


def link_moved(path: Path, target: Path) -> None:
    fresh = path.with_name("link")
    fresh.symlink_to(target)
    fresh.rename(path)


def other_folder(place: Place, path: Path) -> None:
    fresh = place.folder / "fresh"
    fresh.mkdir()
    (fresh / "a.yaml").write_text(OTHER)
    if path.is_symlink():
        link_moved(path, fresh)
    else:
        path.rename(place.folder / "old")
        fresh.rename(path)


CHANGES: dict[str, tuple[Callable[[Place], None], Callable[[Place], object]]] = {
    "a drop-in rewritten": (Place.plain, lambda p: (p.conf / "a.yaml").write_text(OTHER)),
    "a drop-in replaced": (Place.plain, lambda p: replaced(p.conf / "a.yaml", OTHER)),
    "a drop-in added": (Place.plain, lambda p: (p.conf / "b.yaml").write_text("agent: {}\n")),
    "a drop-in removed": (Place.plain, lambda p: (p.conf / "a.yaml").unlink()),
    "a folder replaced": (Place.plain, lambda p: other_folder(p, p.conf)),
    "a secret rewritten": (Place.plain, lambda p: p.key.write_text("hunter33")),
    "a secret replaced": (Place.plain, lambda p: replaced(p.key, "hunter33")),
    "a secret removed": (Place.plain, lambda p: p.key.unlink()),
    "rights of a secret": (Place.plain, lambda p: p.key.chmod(0o640)),
    "the target of a linked drop-in": (Place.linked, lambda p: (p.folder / "store/a").write_text(OTHER)),
    "the target replaced": (Place.linked, lambda p: replaced(p.folder / "store/a", OTHER)),
    "the first link": (Place.linked, lambda p: link_moved(p.folder / "store/conf/a.yaml", p.folder / "gone")),
    "the second link": (Place.linked, lambda p: link_moved(p.folder / "shelf/a", p.folder / "gone")),
    "the first link of the folder": (Place.linked, lambda p: other_folder(p, p.conf)),
    "the second link of the folder": (Place.linked, lambda p: other_folder(p, p.folder / "shelf/conf")),
    "what the folder's link leads to": (Place.linked, lambda p: (p.folder / "store/conf/b.yaml").write_text("{}")),
    "the target of a linked secret": (Place.linked, lambda p: (p.folder / "store/key").write_text("hunter33")),
    "the second link of a secret": (Place.linked, lambda p: link_moved(p.folder / "shelf/key", p.folder / "gone")),
    "an own type": (Place.typed, lambda p: (p.folder / "checks.d/own.py").write_text("changed = 1\n")),
    "an own type replaced": (Place.typed, lambda p: replaced(p.folder / "checks.d/own.py", "changed = 1\n")),
    "an own type added": (Place.typed, lambda p: (p.folder / "checks.d/more.py").write_text("changed = 1\n")),
    "the target of a linked type": (Place.typed, lambda p: (p.folder / "linked").write_text("changed = 1\n")),
    "what own types share": (Place.typed, lambda p: (p.folder / "checks.d/_shared/words.py").write_text("WORD = 'b'")),
    "more of what they share": (Place.typed, lambda p: (p.folder / "checks.d/_shared/more.py").write_text("")),
    "a ConfigMap": (Place.mounted, lambda p: p.swap("conf.d", "a.yaml", OTHER)),
    "a Secret": (Place.mounted, lambda p: p.swap("secret", "key", "hunter33")),
}


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


@pytest.mark.parametrize("change", CHANGES)
def test_each_change_on_the_way_is_noticed(change: str, place: Place) -> None:
    lay, act = CHANGES[change]
    lay(place)
    config = load(place.conf, sample_catalog(), {})
    assert config.problems == ()
    noticed = threading.Event()
    Watch(noticed.set).apply(Config(), config)
    assert not noticed.is_set()
    act(place)
    assert noticed.wait(SECONDS)


def test_a_change_between_reading_and_watching_is_noticed(place: Place) -> None:
    place.plain()
    config = load(place.conf, sample_catalog(), {})
    place.key.write_text("something longer")
    noticed = threading.Event()
    Watch(noticed.set).apply(Config(), config)
    assert noticed.is_set()


def test_a_secret_that_is_missing_is_noticed_when_it_comes(place: Place) -> None:
    place.plain()
    place.key.unlink()
    config = load(place.conf, sample_catalog(), {})
    assert config.problems
    noticed = threading.Event()
    Watch(noticed.set).apply(Config(), config)
    place.key.write_text("hunter22")
    assert noticed.wait(SECONDS)


def test_what_is_not_on_the_way_wakes_nobody(place: Place) -> None:
    place.plain()
    names = way([str(place.conf / "a.yaml"), str(place.key)])
    assert names == {str(place.conf): {"a.yaml"}, str(place.folder): {"key"}}


def test_what_was_switched_off_or_is_read_no_more_is_not_watched(place: Place) -> None:
    place.plain()
    config = load(place.conf, sample_catalog(), {})
    watch = Watch(lambda: None)
    watch.apply(Config(), config)
    assert {ANY, "key"} <= set().union(*watch._names.values())
    without = msgspec.structs.replace(config, sources={str(place.conf): config.sources[str(place.conf)]})
    watch.apply(config, without)
    assert "key" not in set().union(*watch._names.values())
    off = msgspec.structs.replace(without, agent=msgspec.structs.replace(config.agent, watch=False))
    watch.apply(without, off)
    assert watch._names == {}


def test_links_in_a_circle_end(tmp_path: Path) -> None:
    (tmp_path / "a").symlink_to("b")
    (tmp_path / "b").symlink_to("a")
    assert way([str(tmp_path / "a")]) == {str(tmp_path): {"a", "b"}}
    assert MOST_LINKS == 40


def test_the_agents_own_settings_are_read_again_without_a_check(tmp_path: Path) -> None:
    place = Place(tmp_path)
    place.conf.mkdir()
    (place.conf / "a.yaml").write_text(
        "agent: {events: {endpoint: 'https://a.example', api_key: '${file:../key}'}}\nchecks: {a: {type: nothing}}\n"
    )
    place.key.write_text("old-key")
    assert load_agent(place.conf, {}).agent.events.api_key == "old-key"
    place.key.write_text("new-key")
    fresh = load_agent(place.conf, {})
    assert (fresh.agent.events.api_key, fresh.problems, "new-key" in fresh.secrets) == ("new-key", (), True)
    place.key.unlink()
    assert not load_agent(place.conf, {}).agent_readable
    assert not load_agent(place.conf / "gone", {}).agent_readable
