"""Where a command's Snapshot comes from: the store, the silences and the files as they are, or words why not."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from agent.config.settings import Config
from agent.engine.self_check import NO_RESULT_YET
from agent.engine.suppression.silences import FILE, begin
from agent.model import Result, Silence, Status
from agent.store import Backlog, LastRun, Progress, Store, StoreError, holder
from agent.view import reading
from agent.view.compose import StoreContents
from agent.view.reading import configuration, deliveries, look, read_store, silences
from agent.view.snapshot import Snapshot
from tests.delivery.deliveries import NOW, opened, out, record

RUN = LastRun("disk", "", Result(Status.CRITICAL, "full"), NOW, 0.5, NOW + 1000)
SILENCE = Silence("disk", NOW, NOW + 60_000)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "state"


@pytest.fixture
def store(folder: Path) -> Iterator[Store]:
    made = opened(folder)
    record(made, "disk-1", "disk-2", "web-1")
    made.note([RUN], {})
    made.keep_fact(NO_RESULT_YET, '["fresh"]')
    outbox = out(made)
    outbox.count_try(outbox.due()[0].seq, "HTTP 503", NOW + 5)
    begin(folder, SILENCE, NOW)
    yield made
    made.close()


def test_all_that_the_store_knows_is_in_it(store: Store, folder: Path) -> None:
    assert read_store(store, (SILENCE,), folder) == StoreContents(
        states=tuple(store.states()),
        runs=(RUN,),
        backlog={"events": Backlog(3, NOW + 1, 0)},
        progress={"events": Progress(0, "HTTP 503")},
        silences=(SILENCE,),
        holder=holder(folder),
        no_result_yet=("fresh",),
    )
    assert {state.check for state in store.states()} == {"disk", "web"}
    assert holder(folder) is not None


def test_a_look_is_of_the_moment_and_of_the_directory(store: Store, folder: Path) -> None:
    seen = look(Config(), folder, NOW + 7)
    assert isinstance(seen, Snapshot)
    assert seen.at == NOW + 7
    assert seen.agent.pid == os.getpid()
    assert seen.silences == (SILENCE,)
    assert set(seen.checks) == {"disk", "web", "fresh"}
    assert [one.waiting for one in seen.destinations] == [3]


@pytest.mark.parametrize("text", ["", "{", '{"a": 1}', "[1]"])
def test_who_has_no_result_yet_is_nobody_where_that_cannot_be_read(store: Store, folder: Path, text: str) -> None:
    store.keep_fact(NO_RESULT_YET, text)
    assert read_store(store, (), folder).no_result_yet == ()


def test_the_latest_deliveries_of_a_check_are_the_newest_first_and_no_more_than_asked_for(
    store: Store, folder: Path
) -> None:
    assert [one.id for one in deliveries(folder, "disk", 5)] == ["disk-2", "disk-1"]
    assert [one.id for one in deliveries(folder, "disk", 1)] == ["disk-2"]


def test_root_looks_with_the_rights_of_the_directory_s_owner(
    store: Store, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    entered: list[Path] = []

    @contextlib.contextmanager
    def rights(directory: Path) -> Iterator[None]:
        entered.append(directory)
        yield
        entered.append(directory)

    monkeypatch.setattr(reading, "state_of", rights)
    look(Config(), folder, NOW)
    deliveries(folder, "disk", 1)
    assert entered == [folder] * 4


def test_silences_that_cannot_be_read_are_an_error_with_the_file_or_with_what_is_wrong_in_it(tmp_path: Path) -> None:
    assert silences(tmp_path) == ()
    (tmp_path / FILE).write_text("{")
    with pytest.raises(
        StoreError, match=r"^the silences cannot be read: .* .Expected `array`, got `object`.: .*removed"
    ) as wrong:
        silences(tmp_path)
    assert isinstance(wrong.value.__cause__, msgspec.MsgspecError)
    (tmp_path / FILE).write_bytes(b'[{"selector": "j\xffb"}]')
    with pytest.raises(StoreError, match="is damaged"):
        silences(tmp_path)
    (tmp_path / FILE).unlink()
    (tmp_path / FILE).symlink_to(tmp_path / FILE)
    with pytest.raises(StoreError) as found:
        silences(tmp_path)
    assert str(found.value).startswith(f"the silences cannot be read: {tmp_path / FILE}: ")
    assert isinstance(found.value.__cause__, OSError)


def test_the_files_are_read_with_the_environment_as_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOSTVIGIL_TEST_TEAM", "shop")
    (tmp_path / "a.yaml").write_text(
        "checks: {web: {type: tcp, address: 'a.example:80', tags: {team: '${env:HOSTVIGIL_TEST_TEAM}'}}}"
    )
    config = configuration(tmp_path)
    assert config.problems == ()
    assert config.checks["web"].tags == {"team": "shop"}


def test_a_directory_without_a_store_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(StoreError):
        look(Config(), tmp_path, NOW)
    with pytest.raises(StoreError):
        deliveries(tmp_path, "web", 1)
