"""Fixtures of the page: a fake engine, and one real server that several modules share."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image

pytest.importorskip("gradio")

from colorflow_ui.desk import Desk
from colorflow_ui.launch import Server, Settings
from colorflow_ui.local_engine import LocalEngine
from colorflow_ui.visitors import Visitors
from tests.ui.fake import FakeEngine


@pytest.fixture
def visitors(tmp_path: Path) -> Visitors:
    return Visitors(tmp_path / "visitors", capacity=3, idle_seconds=60)


@pytest.fixture
def desk(visitors: Visitors) -> Desk:
    return Desk(FakeEngine(), visitors)


@pytest.fixture
def upload(tmp_path: Path) -> Path:
    """A grey photo of 300 x 200 pixels, as if uploaded."""
    path = tmp_path / "uploads" / "street.png"
    path.parent.mkdir()
    picture = Image.linear_gradient("L").resize((300, 200))
    picture.save(path)
    return path


@pytest.fixture(scope="session")
def engine() -> LocalEngine:
    """The bundled model."""
    engine = LocalEngine("photo", "cpu")
    engine.warm_up()
    return engine


@pytest.fixture(scope="session")
def server(engine: LocalEngine) -> Iterator[Server]:
    """The page as users get it, with the bundled model, at a free port."""
    night = LocalEngine("night", "cpu", translate=True)
    with Server(Settings(port=0, max_upload="3mb"), engine, night) as server:
        yield server
