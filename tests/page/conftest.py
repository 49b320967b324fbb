"""A state directory with something in it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from agent.model import Metric, Status
from tests.page.pages import Steered, Told, opened, put, served
from tests.page.signed_in import Browser, config


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    store = opened(tmp_path / "state")
    metrics = (Metric("time", 0.25, "s", critical="2"),)
    put(store, Told("web", "", Status.CRITICAL, "HTTP 503", "from 192.0.2.7", metrics), Told("disk", "/", summary="9%"))
    store.close()
    return tmp_path / "state"


@pytest.fixture
def steered(folder: Path) -> Steered:
    return Steered(folder)


@pytest.fixture
def browser(folder: Path, steered: Steered) -> Iterator[Browser]:
    with served(folder, config(folder), steering=steered) as server:
        yield Browser(server)
