"""Shared fixtures: seeded randomness, and a small colorizer with weights that do something."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from colorflow.colorize import Colorizer
from colorflow.models.checkpoint import save_checkpoint
from colorflow.models.cinn import ConditionalINN
from colorflow.models.presets import preset
from colorflow.networks.backbones import backbone_hash
from colorflow.resources import bundled
from colorflow.translate import Translator


def _place(nodeid: str) -> str:
    """What stays together when tests run side by side: a file, and all that needs the page."""
    file = nodeid.partition("::")[0]
    return "tests/ui" if file.startswith("tests/ui/") else file


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Share out by file, but with one server of the page and one browser at a time."""
    if config.getoption("dist") != "loadfile":
        return None
    from xdist.scheduler import LoadScopeScheduling

    class ByPlace(LoadScopeScheduling):
        def _split_scope(self, nodeid: str) -> str:
            return _place(nodeid)

    return ByPlace(config, log)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Side by side, begin with the page: nothing takes longer."""
    if "PYTEST_XDIST_WORKER" in os.environ:
        items.sort(key=lambda item: _place(item.nodeid) != "tests/ui")


@pytest.fixture
def pipe(tmp_path: Path) -> tuple[Path, Callable[[], bytes]]:
    """A named pipe, and what waits for all that is written to it."""
    path = tmp_path / "pipe"
    os.mkfifo(path)
    received: list[bytes] = []
    reader = threading.Thread(target=lambda: received.append(path.read_bytes()), daemon=True)
    reader.start()

    def wait() -> bytes:
        reader.join(timeout=10)
        return received[0]

    return path, wait


@pytest.fixture
def generator() -> torch.Generator:
    return torch.Generator().manual_seed(7)


def _untrained(name: str, folder: Path) -> Path:
    """Write an untrained model whose couplings are not the identity."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(5)
        model = ConditionalINN(preset(name))
    generator = torch.Generator().manual_seed(3)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(0.05 * torch.randn(parameter.shape, generator=generator))
    # Features of VGG are in the hundreds; standardise them roughly, as training would.
    ones = {
        tap.name: (torch.ones(tap.channels), 300 * torch.ones(tap.channels))
        for tap in model.pyramid.taps
    }
    model.pyramid.set_statistics(ones)
    path = folder / f"{name}.safetensors"
    save_checkpoint(path, model, backbone_hash("photo"), {"trained": False})
    return path


@pytest.fixture(scope="session")
def tiny_checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return _untrained("tiny", tmp_path_factory.mktemp("model"))


@pytest.fixture(scope="session")
def tiny_translator_checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return _untrained("translate-tiny", tmp_path_factory.mktemp("translator"))


@pytest.fixture(scope="session")
def tiny(tiny_checkpoint: Path) -> Colorizer:
    return Colorizer.from_pretrained(tiny_checkpoint, device="cpu")


@pytest.fixture(scope="session")
def tiny_translator(tiny_translator_checkpoint: Path) -> Translator:
    return Translator.from_pretrained(tiny_translator_checkpoint, device="cpu")


@pytest.fixture(scope="session")
def cat() -> Image.Image:
    """A colour photo of 150 x 100 pixels."""
    with Image.open(bundled("examples", "cat.jpg")) as picture:
        return picture.resize((150, 100))


@pytest.fixture(scope="session")
def grey_cat(cat: Image.Image) -> np.ndarray:
    return np.asarray(cat.convert("L"))
