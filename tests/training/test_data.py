"""From photos to batches: what is cached, and how taps are standardised."""

from __future__ import annotations

import copy
from collections.abc import Callable
from itertools import islice
from pathlib import Path

import pytest
import torch

from colorflow.domains import colorization_of
from colorflow.networks.backbones import Backbone, load_backbone
from colorflow.training.config import TrainConfig
from colorflow.training.data import TrainingData
from colorflow.training.split import hold_back_photos
from colorflow.training.survey import Survey
from colorflow.training.views import Views

CPU = torch.device("cpu")
Make = Callable[..., TrainingData]


@pytest.fixture(scope="module")
def backbone() -> Backbone:
    return load_backbone("photo", ("conv2_2", "conv3_3"))


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(scope="module")
def make(views: Views, cache: Path, settled: Callable[..., TrainConfig]) -> Make:
    """Make the data of a run: seven photos to train on, one held back."""

    def make(*settings: str, cached: bool = True, identity: str = "photo") -> TrainingData:
        config = settled(*settings)
        split = hold_back_photos(Survey(Path("photos"), tuple(views.files)))
        domain = colorization_of(config.model)
        place = cache if cached else None
        return TrainingData(config, domain, split.train, split.held, place, identity)

    return make


@pytest.fixture(scope="module")
def prepared(make: Make, backbone: Backbone) -> TrainingData:
    data = make()
    data.prepare(backbone, CPU, lambda line: None)
    return data


def test_cached_batches_carry_features_and_photos_do_not(prepared: TrainingData, make: Make):
    ours = next(iter(prepared.train_loader(0)))
    assert set(ours) == {"condition", "target", "conv2_2", "conv3_3"}
    assert {len(value) for value in ours.values()} == {4}
    fresh = next(iter(make(cached=False).train_loader(0)))
    assert set(fresh) == {"condition", "target"}
    assert fresh["target"].shape == ours["target"].shape


@pytest.mark.parametrize("cached", [True, False])
def test_a_loader_starts_at_any_step_and_shares_with_other_processes(
    cached: bool, prepared: TrainingData, make: Make
):
    data = prepared if cached else make(cached=False)
    whole = list(islice(data.train_loader(0), 4))
    for ours, theirs in zip(whole[2:], data.train_loader(2), strict=False):
        assert torch.equal(ours["target"], theirs["target"])
    ranks = [list(islice(data.train_loader(0, rank, 2), 4)) for rank in range(2)]
    for step in range(4):
        together = torch.cat([rank[step]["target"] for rank in ranks])
        assert torch.equal(together, whole[step]["target"])


def test_all_views_of_all_photos_are_trained_on(prepared: TrainingData):
    assert len(set(prepared.rows)) == 7 * 2
    seen = torch.cat([batch["target"] for batch in islice(prepared.train_loader(0), 7)])
    assert len(torch.unique(seen.flatten(1), dim=0)) == 14


def test_held_back_photos_are_centres_and_always_the_same(prepared: TrainingData, make: Make):
    (cached,), (fresh,) = list(prepared), list(make(cached=False))
    assert torch.allclose(cached["target"], fresh["target"], atol=4e-3)
    assert torch.equal(fresh["condition"][0], prepared.held.pair(0, 0)[0])
    assert torch.equal(next(iter(prepared))["target"], cached["target"])


@pytest.mark.parametrize("cached", [True, False])
def test_pictures_are_of_held_back_photos_or_else_of_training_photos(
    cached: bool, views: Views, backbone: Backbone, settled: Callable[..., TrainConfig], cache: Path
):
    config, files = settled(), tuple(views.files)
    domain, place = colorization_of(config.model), cache if cached else None
    by_content = min(files[5:], key=lambda file: file.content)
    for held, first in ((files[5:], by_content), ((), files[0])):
        data = TrainingData(config, domain, files[:5], held, place, "photo")
        data.prepare(backbone, CPU, lambda line: None)
        shown = data.pictured(2)["condition"]
        centre = Views((first,), domain, config.seed).pair(0, 0)[0]
        assert len(shown) == 2
        assert torch.allclose(shown[0], centre, atol=4e-3)
        assert len(list(data)) == bool(held)


def test_reports_use_so_many_photos_at_most(views: Views, settled: Callable[..., TrainConfig]):
    config = settled("report_photos=3")
    domain = colorization_of(config.model)
    files = tuple(views.files)
    data = TrainingData(config, domain, files[:1], files, None, "photo")
    assert [len(batch["target"]) for batch in data] == [3]


@pytest.mark.parametrize(
    ("settings", "identity"),
    [
        (["seed=1"], "photo"),
        (["data.crop=0.9"], "photo"),
        (["model.target_scale=10"], "photo"),
        (["model.side=64"], "photo"),
        (['model.taps=["conv3_3"]', "model.affine_start=false", "regress.steps=0"], "photo"),
        ([], "another backbone"),
        (["precision=bf16"], "photo"),
    ],
)
def test_whatever_changes_the_features_changes_the_cache(
    settings: list[str], identity: str, make: Make
):
    ours, theirs = make().cache, make(*settings, identity=identity).cache
    assert ours is not None
    assert theirs is not None
    assert ours.folder != theirs.folder


def test_what_leaves_the_features_alone_shares_the_cache(make: Make):
    ours, theirs = make().cache, make("batch=8", "data.views=5", "model.dropout=0.5").cache
    assert ours is not None
    assert theirs is not None
    assert ours.folder == theirs.folder


@pytest.mark.parametrize("cached", [True, False])
def test_statistics_standardise_the_taps(
    cached: bool, prepared: TrainingData, make: Make, backbone: Backbone
):
    data = prepared if cached else make(cached=False)
    statistics = data.tap_statistics(backbone, count=7)
    batches = list(islice(data.train_loader(0), 7))
    with torch.inference_mode():
        features = [backbone(batch["condition"]) for batch in batches]
    for tap in ("conv2_2", "conv3_3"):
        flat = torch.cat([f[tap] for f in features]).transpose(0, 1).flatten(1)
        mean, std = statistics[tap]
        assert torch.allclose(mean, flat.mean(1), rtol=0.02, atol=0.02 * float(flat.mean()))
        assert torch.allclose(std, flat.std(1), rtol=0.05, atol=0.05 * float(flat.std()))


def test_a_copy_of_the_module_shares_the_photos(prepared: TrainingData):
    assert copy.deepcopy([prepared])[0] is prepared
