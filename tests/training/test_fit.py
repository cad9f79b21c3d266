"""Training on a handful of photos: the loop learns, writes, and takes its cache again."""

import dataclasses
from pathlib import Path

import numpy as np
import pytest
import torch

from colorflow.colorize import Colorizer
from colorflow.domains import colorization_of
from colorflow.errors import ConfigError
from colorflow.models.checkpoint import load_checkpoint
from colorflow.models.cinn import ConditionalINN
from colorflow.models.presets import preset
from colorflow.networks.backbones import backbone_hash, load_backbone
from colorflow.training.cache import FeatureCache, build_cache
from colorflow.training.fit import FitConfig, batches, fit, flow_loss, tap_statistics
from colorflow.training.measure import measure
from colorflow.training.views import Views, list_photos

CONFIG = preset("tiny")
DOMAIN = colorization_of(CONFIG)


@pytest.fixture(scope="module")
def photos(tmp_path_factory, cat) -> Path:
    folder = tmp_path_factory.mktemp("photos")
    for number in range(6):
        cat.crop((8 * number, 0, 8 * number + 100, 100)).save(folder / f"{number}.png")
    (folder / "broken.png").touch()
    return folder


@pytest.fixture(scope="module")
def views(photos) -> Views:
    return Views(list_photos(photos), DOMAIN, count=2, seed=0)


@pytest.fixture(scope="module")
def cache(tmp_path_factory, views) -> FeatureCache:
    backbone = load_backbone("hed", CONFIG.taps)
    lines: list[str] = []
    folder = tmp_path_factory.mktemp("cache")
    result = build_cache(folder, views, backbone, "k", workers=0, log=lines.append)
    assert any("broken.png" in line for line in lines)
    return result


def test_the_cache_holds_what_the_backbone_says(cache, views):
    assert len(cache) == 12  # two views of six good photos
    batch = cache.batch(torch.tensor([0, 7]))
    index = int(cache.good[7])
    _, condition, target, _ = views[index]
    assert torch.allclose(batch["condition"][1], condition, atol=1e-3)
    assert torch.allclose(batch["target"][1], target, atol=2e-3)
    with torch.inference_mode():
        features = load_backbone("hed", CONFIG.taps)(condition[None])
    for tap, value in features.items():
        error = (batch[tap][1] - value[0]).abs().mean() / value.mean()
        assert float(error) < 0.02  # bfloat16 through seven layers


def test_a_finished_cache_is_taken_again_unless_its_key_changed(tmp_path, views):
    backbone = load_backbone("hed", CONFIG.taps)

    def build(key: str) -> list[str]:
        lines: list[str] = []
        build_cache(tmp_path, views, backbone, key, workers=0, log=lines.append)
        return lines

    assert build("one")
    assert not build("one")
    assert build("two")


def test_an_unfinished_cache_is_refused(tmp_path):
    with pytest.raises(ConfigError, match="is missing"):
        FeatureCache(tmp_path)


def test_batches_cover_every_view_once_per_round_in_an_order_of_the_seed(cache):
    def first_round(seed: int) -> torch.Tensor:
        reader = batches(cache, 4, seed)
        return torch.cat([next(reader)["target"].sum((1, 2, 3)) for _ in range(3)])

    everything = cache.batch(torch.arange(12))["target"].sum((1, 2, 3))
    assert torch.allclose(first_round(0).sort().values, everything.sort().values, atol=1e-4)
    assert torch.equal(first_round(0), first_round(0))
    assert not torch.equal(first_round(0), first_round(1))


def test_statistics_standardise_the_taps(cache):
    batch = cache.batch(torch.arange(12))
    statistics = tap_statistics(cache, 12, count=1)
    for tap in CONFIG.taps:
        mean, std = statistics[tap]
        flat = batch[tap].transpose(0, 1).flatten(1)
        assert torch.allclose(mean, flat.mean(1), atol=1e-4)
        assert torch.allclose(std, flat.std(1, correction=0), rtol=1e-2, atol=1e-3)


def test_a_hopeless_photo_gives_no_gradient(cache):
    model = ConditionalINN(CONFIG).eval()
    batch = cache.batch(torch.arange(2))
    batch["target"] = batch["target"] + 1e3  # far beyond what any weights explain
    noise = torch.zeros_like(batch["target"])
    config = dataclasses.replace(FitConfig(), regression=0.0)
    loss = flow_loss(model, batch, config, noise)
    loss.backward()
    assert float(loss.detach()) == config.worst
    assert all(p.grad is None or not p.grad.any() for p in model.parameters())


def test_training_learns_and_leaves_a_checkpoint_that_colours(cache, tmp_path, grey_cat):
    torch.manual_seed(0)
    model = ConditionalINN(CONFIG)
    before = measure(model.eval(), cache, samples=2, photos=12)
    config = FitConfig(steps=60, batch=6, ema=0.9, warmup=5, half=False)
    lines: list[str] = []
    path = tmp_path / "tiny.safetensors"
    average = fit(model, cache, cache, path, backbone_hash("hed"), config, log=lines.append)
    after = measure(average, cache, samples=2, photos=12)
    assert after["nll"] < before["nll"] - 0.2
    assert after["regressor"] < before["regressor"]
    assert len(lines) == 2
    colorizer = Colorizer.from_pretrained(path, device="cpu")
    assert colorizer.info is not None
    assert colorizer.info.provenance["validation"]["nll"] == pytest.approx(after["nll"], rel=0.2)
    assert np.asarray(colorizer.sample(grey_cat, n=1)[0].image).shape == (100, 150, 3)


def test_a_run_counted_in_steps_repeats_to_the_last_bit(cache, tmp_path):
    config = FitConfig(steps=3, batch=4, half=False)
    states = []
    for name in ("a", "b"):
        torch.manual_seed(1)
        model = ConditionalINN(CONFIG)
        path = tmp_path / f"{name}.safetensors"
        fit(model, cache, cache, path, backbone_hash("hed"), config, log=lambda line: None)
        states.append(load_checkpoint(path)[1].content_hash)
    assert states[0] == states[1]
