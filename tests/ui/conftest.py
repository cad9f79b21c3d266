"""Fixtures of the page: a fake engine, one real server that several modules share, a browser."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from PIL import Image

pytest.importorskip("gradio")

from colorflow.resources import bundled
from colorflow_ui.desk import Desk
from colorflow_ui.launch import Server, Settings
from colorflow_ui.local_engine import LocalEngine
from colorflow_ui.visitors import Visitors
from tests.ui.browsing import CHROMIUM, DESK, WAIT
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


@pytest.fixture(scope="module")
def browser() -> Iterator[object]:
    """A browser per module: while it is there, no other loop can run in this thread."""
    api = pytest.importorskip("playwright.sync_api")
    with api.sync_playwright() as playwright:
        # Root may not use the sandbox; in a test, the page is our own.
        options = ["--no-sandbox"] if hasattr(os, "geteuid") and os.geteuid() == 0 else []
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=options)
        yield browser
        browser.close()


@pytest.fixture
def visit(browser, server: Server) -> Iterator[Callable[..., object]]:
    """Open the page in a browser of its own, as often as called."""
    contexts = []

    def go(size: tuple[int, int] = DESK, scheme: str = "light") -> object:
        width, height = size
        context = browser.new_context(
            viewport={"width": width, "height": height},
            color_scheme=scheme,
            reduced_motion="reduce",
        )
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(WAIT)
        page.goto(server.url)
        page.get_by_text("Your variants appear here").wait_for()
        return page

    yield go
    for context in contexts:
        context.close()


@pytest.fixture(scope="session")
def grey(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A grey photo of 640 x 427 pixels."""
    path = tmp_path_factory.mktemp("photos") / "pagoda.png"
    with Image.open(bundled("examples", "pagoda.jpg")) as picture:
        picture.convert("L").save(path)
    return path


@pytest.fixture(scope="session")
def portrait(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A grey photo, higher than wide, larger than its preview."""
    path = tmp_path_factory.mktemp("photos") / "portrait.jpg"
    with Image.open(bundled("examples", "astronaut.jpg")) as picture:
        picture.convert("L").crop((60, 0, 420, 512)).resize((1080, 1536)).save(path)
    return path
