"""The protocol on a few small photos, against figures computed another way."""

from __future__ import annotations

import math
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from skimage.color import lab2rgb, rgb2lab
from skimage.metrics import peak_signal_noise_ratio
from torch import Tensor

from colorflow.colorize import Colorizer
from colorflow.errors import ConfigError, NothingFoundError
from colorflow.evaluation import protocol as module
from colorflow.evaluation.classifier import FEATURES, frechet_distance
from colorflow.evaluation.colourfulness import colourfulness
from colorflow.evaluation.head import Head
from colorflow.evaluation.measured import FLOW, GREY, HEAD, MEAN, TRUTH, Evaluation, Protocol
from colorflow.evaluation.protocol import evaluate, square
from colorflow.evaluation.table import summarise
from colorflow.images.photo import Photo
from colorflow.models.cinn import ConditionalINN
from colorflow.models.presets import preset
from colorflow.networks.backbones import load_backbone
from colorflow.resources import bundled

# Chroma as means over blocks of 4 x 4 pixels of the photos below.
AREAS = 8
QUICK = Protocol(n=3, areas=AREAS, calibration=False)


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Three photos whose central square is as large as what the tiny model looks at."""
    folder = tmp_path_factory.mktemp("photos")
    for name, size in (("brushes", (45, 32)), ("coffee", (32, 47)), ("sunset", (32, 32))):
        with Image.open(bundled("examples", f"{name}.jpg")) as picture:
            picture.convert("RGB").resize(size).save(folder / f"{name}.png")
    return sorted(folder.iterdir())


def pixels_of(path: Path) -> np.ndarray:
    """The central square of one of the photos, cut by hand."""
    with Image.open(path) as picture:
        pixels = np.asarray(picture)
    top, left = {"brushes": (0, 6), "coffee": (7, 0), "sunset": (0, 0)}[path.stem]
    return pixels[top : top + 32, left : left + 32]


def chroma_of(path: Path) -> np.ndarray:
    """Its chroma by scikit-image, as means over the areas: [areas, areas, 2]."""
    chroma = rgb2lab(pixels_of(path))[..., 1:]
    return chroma.reshape(AREAS, 4, AREAS, 4, 2).mean((1, 3))


class Judge:
    """Stands in for the classifier: the mean colour is the feature, its octant the class."""

    def __init__(self) -> None:
        self.seen: list[Image.Image] = []

    def __call__(self, pictures: list[Image.Image]) -> tuple[Tensor, Tensor]:
        self.seen += pictures
        features = torch.zeros(len(pictures), FEATURES)
        scores = torch.zeros(len(pictures), 12)
        for row, picture in enumerate(pictures):
            features[row, :3] = torch.tensor(np.asarray(picture).mean((0, 1)))
            scores[row, int(features[row, :3].argmax())] = 1.0
        return scores, features


def constant_head(a: float, b: float, **changes: Any) -> Head:
    """A regressor that predicts the same colour everywhere, in Lab units."""
    config = preset("tiny").replace(**changes)
    model = ConditionalINN(config)
    with torch.no_grad():
        model.head.bias[:2] = torch.tensor([a, b]) / config.target_scale
    colorizer = Colorizer(model, load_backbone("hed", config.taps), "cpu")
    return Head(model, colorizer.backbone, colorizer.domain, colorizer.device)


@pytest.fixture(scope="module")
def measured(tiny: Colorizer, photos: list[Path]) -> Evaluation:
    protocol = Protocol(n=3, areas=AREAS)
    return evaluate(tiny, photos, "three photos", protocol, constant_head(5.0, 9.0), Judge())


def figure(result: Evaluation, method: str, name: str) -> dict[str, float]:
    """A figure by photo."""
    return dict(zip(result.photos, result.methods[method].array(name), strict=True))


def test_the_crop_is_the_central_square():
    pixels = np.arange(5 * 8 * 3, dtype=np.uint8).reshape(5, 8, 3)
    assert (square(Photo(pixels)).pixels == pixels[:, 1:6]).all()
    tall = np.ascontiguousarray(pixels.transpose(1, 0, 2))
    assert (square(Photo(tall)).pixels == tall[1:6]).all()


def test_the_error_of_grey_is_the_chroma_of_the_photos(measured, photos):
    chroma = np.stack([chroma_of(path) for path in photos])
    root = math.sqrt(np.square(chroma).mean())
    summary = summarise(measured)
    for name in ("rmse_best_image", "rmse_best_pixel", "rmse_one"):
        assert summary["methods"][GREY][name]["value"] == pytest.approx(root, rel=2e-3)
    by_photo = figure(measured, GREY, "one")
    for path, values in zip(photos, chroma, strict=True):
        assert by_photo[str(path)] == pytest.approx(np.square(values).mean(), rel=4e-3)


def test_full_size_figures_of_grey_are_those_of_the_finished_picture(measured, photos):
    full, ratio = figure(measured, GREY, "full_one"), figure(measured, GREY, "psnr_one")
    for path in photos:
        lab = rgb2lab(pixels_of(path))
        # Eight bits round away a little.
        assert full[str(path)] == pytest.approx(np.square(lab[..., 1:]).mean(), rel=0.01)
        lab[..., 1:] = 0
        grey = np.round(lab2rgb(lab) * 255).astype(np.uint8)
        expected = peak_signal_noise_ratio(pixels_of(path), grey)
        assert ratio[str(path)] == pytest.approx(expected, abs=0.05)


def test_the_mean_colour_is_the_best_of_all_constants(measured, photos):
    chroma = np.stack([chroma_of(path) for path in photos])
    spread = chroma.reshape(-1, 2).var(0).mean()
    assert measured.methods[MEAN].array("one").mean() == pytest.approx(spread, rel=4e-3)
    assert spread < measured.methods[GREY].array("one").mean()
    assert spread < measured.methods[HEAD].array("one").mean()


def test_a_head_of_another_size_and_scale_is_measured_in_the_same_units(tiny, photos, measured):
    chroma = np.stack([chroma_of(path) for path in photos])
    expected = np.square(chroma - [5.0, 9.0]).mean()
    other = constant_head(5.0, 9.0, side=64, target_scale=40.0)
    again = evaluate(tiny, photos, "", QUICK, other)
    for result in (measured, again):
        assert result.methods[HEAD].array("one").mean() == pytest.approx(expected, rel=4e-3)


def test_samples_are_those_a_user_draws(tiny, photos, measured):
    for number, path in enumerate(photos):
        truth = chroma_of(path).transpose(2, 0, 1)
        errors, colours = [], []
        for variant in tiny.sample(pixels_of(path), n=3, seed=0):
            chroma = 20 * variant.target.numpy().reshape(2, AREAS, 2, AREAS, 2).mean((2, 4))
            errors.append(np.square(chroma - truth).mean())
            colours.append(colourfulness(np.asarray(variant.image)))
        method = measured.methods[FLOW]
        assert method.array("best_image")[number] == pytest.approx(min(errors), rel=2e-3)
        assert method.array("one")[number] == pytest.approx(np.mean(errors), rel=2e-3)
        assert method.array("colourfulness")[number] == pytest.approx(np.mean(colours))


def test_truth_is_as_colourful_as_the_photos(measured, photos):
    found = figure(measured, TRUTH, "colourfulness")
    assert found == {str(path): colourfulness(pixels_of(path)) for path in photos}
    # A finished grey picture may be off by one level here and there.
    assert measured.methods[GREY].array("colourfulness").max() < 0.5


def test_more_samples_are_never_worse_at_their_best(tiny, photos, measured):
    more = evaluate(tiny, photos, "", Protocol(n=6, areas=AREAS, calibration=False))
    few, many = measured.methods[FLOW], more.methods[FLOW]
    for name in ("best_image", "best_pixel", "full_best"):
        assert (many.array(name) <= few.array(name)).all()
    assert (many.array("psnr_best") >= few.array("psnr_best")).all()
    assert (few.array("full_best") < few.array("full_one")).all()
    assert (few.array("psnr_best") > few.array("psnr_one")).all()
    assert many.array("best_pixel").mean() < few.array("best_pixel").mean()


def test_samples_do_not_vary_at_temperature_0(tiny, photos, measured):
    still = evaluate(tiny, photos, "", Protocol(n=3, temperature=0.0, areas=AREAS))
    flow = still.methods[FLOW]
    assert flow.array("variance").max() < 1e-6
    assert flow.array("distance").max() < 1e-3
    assert flow.array("best_image") == pytest.approx(flow.array("one"), rel=1e-5)
    assert measured.methods[FLOW].array("variance").min() > 1
    # Calibration and likelihood belong to the model, not to the temperature of its samples.
    assert still.coverage == measured.coverage
    assert (flow.array("bits") == measured.methods[FLOW].array("bits")).all()


def test_bits_without_noise_are_those_of_log_prob(tiny, photos):
    plain = evaluate(tiny, photos, "", Protocol(n=1, noise=0.0, calibration=False))
    expected = [tiny.log_prob(pixels_of(path)).bits_per_dim for path in photos]
    assert plain.methods[FLOW].array("bits") == pytest.approx(expected, rel=1e-4)
    # Much noise is unlikely chroma.
    noisy = evaluate(tiny, photos, "", Protocol(n=1, noise=2.0, calibration=False))
    assert (noisy.methods[FLOW].array("bits") > plain.methods[FLOW].array("bits")).all()


def test_coverage_counts_the_chroma_inside_the_samples(tiny, photos, measured):
    inside = {1: [], 4: [], 10: []}
    for path in photos:
        truth = chroma_of(path).transpose(2, 0, 1)
        variants = tiny.sample(pixels_of(path), n=39, temperature=1.0, seed=1)
        samples = np.stack([v.target.numpy() for v in variants])
        areas = np.sort(20 * samples.reshape(39, 2, AREAS, 2, AREAS, 2).mean((3, 5)), axis=0)
        for k, found in inside.items():
            found.append((areas[k - 1] <= truth) & (truth <= areas[39 - k]))
    for level, k in ((0.95, 1), (0.8, 4), (0.5, 10)):
        # The two ways to Lab differ in the fourth digit, and so may a value at a bound.
        assert measured.coverage.at(level) == pytest.approx(np.mean(inside[k]), abs=0.01)


def test_the_same_call_gives_the_same_figures(tiny, photos):
    once, again = (evaluate(tiny, photos, "", Protocol(n=2, areas=AREAS)) for _ in range(2))
    assert summarise(once) == summarise(again)
    other = evaluate(tiny, photos, "", Protocol(n=2, seed=1, areas=AREAS))
    assert (other.methods[FLOW].array("one") != once.methods[FLOW].array("one")).all()
    assert (other.methods[GREY].array("one") == once.methods[GREY].array("one")).all()


def test_figures_depend_on_neither_names_nor_order_of_files(tiny, photos, measured, tmp_path):
    order = [2, 0, 1]
    for place, number in enumerate(order):
        shutil.copy(photos[number], tmp_path / f"{place}.png")
    files = sorted(tmp_path.iterdir())
    shuffled = evaluate(tiny, files, "", measured.protocol, constant_head(5.0, 9.0), Judge())
    assert shuffled.photos == [str(path) for path in files]
    for name, method in measured.methods.items():
        for key in method.figures:
            there = shuffled.methods[name].array(key)
            assert there == pytest.approx(method.array(key)[order], rel=1e-5, abs=1e-9)
    assert shuffled.coverage == measured.coverage
    # Error bars come from a random choice of rows, whose order differs; the values do not.
    here, there = summarise(measured)["methods"], summarise(shuffled)["methods"]
    for name, figures in here.items():
        values = {key: entry["value"] for key, entry in figures.items()}
        again = {key: entry["value"] for key, entry in there[name].items()}
        assert again == pytest.approx(values, rel=1e-5, abs=1e-6)


def test_photos_without_colour_and_broken_files_are_left_out_with_reasons(tiny, photos, tmp_path):
    with Image.open(photos[0]) as picture:
        picture.convert("L").save(tmp_path / "1_grey.png")
        picture.convert("L").convert("RGB").save(tmp_path / "2_grey.png")
    (tmp_path / "3_broken.png").write_bytes(photos[0].read_bytes()[:60])
    bad = [*sorted(tmp_path.iterdir()), tmp_path / "4_gone.png"]
    lines: list[str] = []
    # The limit counts photos that are measured.
    limited = Protocol(n=1, limit=2, calibration=False)
    result = evaluate(tiny, [*bad, *photos], "", limited, log=lines.append)
    assert result.photos == [str(path) for path in photos[:2]]
    assert len(result.left_out) == 4
    for path, reason in zip(bad, result.left_out, strict=True):
        assert str(path) in reason
        assert ("chroma" in reason) == ("grey" in path.name)
    assert lines[-1] == "2/2 photos"
    with pytest.raises(NothingFoundError, match="these photos"):
        evaluate(tiny, bad, "these photos", limited)


def test_the_judge_sees_each_method_and_batches_change_nothing(tiny, photos, measured, monkeypatch):
    judge = Judge()
    monkeypatch.setattr(module, "BATCH", 2)
    batches = evaluate(tiny, photos, "three photos", measured.protocol, None, judge)
    for name in (GREY, MEAN, FLOW, TRUTH):
        assert [len(part) for part in batches.methods[name].features] == [2, 1]
        features, whole = (torch.cat(r.methods[name].features) for r in (batches, measured))
        assert torch.allclose(features, whole)
        assert torch.equal(*(torch.cat(r.methods[name].agreement) for r in (batches, measured)))
    assert len(judge.seen) == 3 * 4
    # The photos themselves, and of each the first sample, not the best one.
    firsts = [np.asarray(tiny.sample(pixels_of(p), n=1, seed=0)[0].image) for p in photos]
    for name, pictures in ((TRUTH, [pixels_of(p) for p in photos]), (FLOW, firsts)):
        colours = torch.tensor(np.stack([picture.mean((0, 1)) for picture in pictures]))
        features = torch.cat(batches.methods[name].features)[:, :3]
        assert torch.allclose(features, colours.float())


def test_a_judge_and_a_head_are_not_needed(tiny, photos):
    result = evaluate(tiny, photos, "", QUICK)
    assert list(result.methods) == [GREY, MEAN, FLOW, TRUTH]
    assert not result.classifier
    assert result.coverage is None
    assert all(not method.features for method in result.methods.values())


@pytest.mark.parametrize("wrong", [{"n": 0}, {"areas": 0}, {"limit": -1}])
def test_senseless_numbers_are_refused(wrong):
    with pytest.raises(ConfigError, match="protocol"):
        Protocol(**wrong)


def padded(*columns: Tensor) -> Tensor:
    """Features that are zero but for a few: they add nothing to a Fréchet distance."""
    features = torch.zeros(len(columns[0]), FEATURES)
    features[:, : len(columns)] = torch.stack(columns, 1)
    return features


def test_frechet_distances_that_are_known(generator):
    x, y = torch.randn(2, 200, generator=generator)
    true = padded(x, y)
    assert frechet_distance(true, true) == pytest.approx(0, abs=1e-4)
    assert frechet_distance(true.flip(0), true) == pytest.approx(0, abs=1e-4)
    # Of two Gaussians on a line: (difference of means)^2 + (difference of deviations)^2.
    assert frechet_distance(padded(x + 3, y - 4), true) == pytest.approx(25, rel=1e-4)
    centred = padded(x - x.mean())
    wide = (3 * x.std() - x.std()) ** 2
    assert frechet_distance(3 * centred, centred) == pytest.approx(float(wide), rel=1e-3)
    assert frechet_distance(centred, 3 * centred) == pytest.approx(float(wide), rel=1e-3)


def test_a_photo_whose_square_is_grey_is_left_out(tiny, tmp_path):
    pixels = np.full((40, 120, 3), 128, np.uint8)
    pixels[:, :35] = (220, 30, 30)  # colours beside the square alone
    path = tmp_path / "edge.png"
    Image.fromarray(pixels).save(path)
    with pytest.raises(NothingFoundError):
        evaluate(tiny, [path], "edges", QUICK)


def test_figures_of_a_flat_photo_are_finite(tiny, tmp_path):
    path = tmp_path / "flat.png"
    Image.new("RGB", (40, 40), (200, 120, 60)).save(path)
    summary = summarise(evaluate(tiny, [path], "flat", QUICK))
    values = [f["value"] for figures in summary["methods"].values() for f in figures.values()]
    assert np.isfinite(values).all()


def test_the_truth_does_not_depend_on_the_size_of_the_model(tiny, photos):
    wide = Protocol(n=1, areas=32, calibration=False)  # finer than the model's own 16
    result = evaluate(tiny, photos, "photos", wide)
    for path, found in zip(photos, result.methods[GREY].figures["one"], strict=True):
        expected = np.square(rgb2lab(pixels_of(path))[..., 1:]).mean()
        assert found == pytest.approx(expected, rel=1e-3)
