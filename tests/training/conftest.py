"""Photos, features and plans for runs that take a second."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from PIL import Image

from colorflow.domains import colorization_of
from colorflow.models.cinn import ConditionalINN
from colorflow.models.presets import preset
from colorflow.training.batches import Batch
from colorflow.training.config import TrainConfig, training_preset
from colorflow.training.overrides import override
from colorflow.training.plan import RunPlan
from colorflow.training.run import start
from colorflow.training.survey import survey
from colorflow.training.views import Views
from training.runs import SETTINGS, nowhere

COUNT = 8
SMALL = ("data.smallest=16", "batch=4", "warmup=2")


@pytest.fixture(scope="session")
def photos(tmp_path_factory: pytest.TempPathFactory, cat: Image.Image) -> Path:
    """A folder of eight overlapping crops of a colour photo, of 100 x 100 pixels."""
    folder = tmp_path_factory.mktemp("photos")
    for number in range(COUNT):
        cat.crop((6 * number, 0, 6 * number + 100, 100)).save(folder / f"{number}.png")
    return folder


@pytest.fixture(scope="session")
def views(photos: Path) -> Views:
    """The views of these photos that the preset tiny is shown."""
    return Views(survey(photos, 16).good, colorization_of(preset("tiny")), seed=0)


@pytest.fixture(scope="session")
def settled() -> Callable[..., TrainConfig]:
    """Make a config of the preset tiny for a handful of photos, with some settings changed."""

    def make(*settings: str) -> TrainConfig:
        return override(training_preset("tiny"), [*SMALL, *settings])

    return make


@pytest.fixture(scope="session")
def plan(
    tmp_path_factory: pytest.TempPathFactory, photos: Path, settled: Callable[..., TrainConfig]
) -> Callable[..., RunPlan]:
    """Make the plan of a run on a CPU; all of them share one folder of feature caches."""
    cache = tmp_path_factory.mktemp("features")

    def make(out: Path, *settings: str, val: Path | None = None) -> RunPlan:
        return RunPlan(settled(*settings), photos, val, out, cache, "cpu")

    return make


@pytest.fixture
def lively() -> ConditionalINN:
    """An untrained tiny model whose transforms are not the identity, in evaluation mode."""
    model = ConditionalINN(preset("tiny")).eval()
    generator = torch.Generator().manual_seed(3)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(0.05 * torch.randn(parameter.shape, generator=generator))
    return model


@pytest.fixture
def batch(lively: ConditionalINN) -> Batch:
    """Three random photos of 32 x 32 pixels with features and targets."""
    generator = torch.Generator().manual_seed(5)
    made = {
        "condition": torch.rand(3, 1, 32, 32, generator=generator),
        "target": torch.randn(3, 2, 16, 16, generator=generator),
    }
    for tap in lively.pyramid.taps:
        side = 32 // tap.stride
        made[tap.name] = torch.rand(3, tap.channels, side, side, generator=generator)
    return made


@pytest.fixture(scope="session")
def finished(tmp_path_factory: pytest.TempPathFactory, plan: Callable[..., RunPlan]) -> Path:
    """An undisturbed run of two phases."""
    out = tmp_path_factory.mktemp("run") / "undisturbed"
    assert start(plan(out, *SETTINGS), nowhere) == out / "model.safetensors"
    return out
