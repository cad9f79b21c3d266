"""Figures of the protocol on a few small photos, against the same computed another way."""

from __future__ import annotations

import math

import numpy as np
import pytest
from PIL import Image
from skimage.color import lab2rgb, rgb2lab
from skimage.metrics import peak_signal_noise_ratio
from three_photos import AREAS, QUICK, chroma_of, constant_head, pixels_of

from colorflow.evaluation.colourfulness import colourfulness
from colorflow.evaluation.measured import FLOW, GREY, HEAD, MEAN, TRUTH, Evaluation, Protocol
from colorflow.evaluation.protocol import evaluate
from colorflow.evaluation.summary import summarise


def figure(result: Evaluation, method: str, name: str) -> dict[str, float]:
    """A figure by photo."""
    return dict(zip(result.photos, result.methods[method].array(name), strict=True))


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
            strong = 20 * tiny.domain.gain * variant.target.numpy()
            chroma = strong.reshape(2, AREAS, 2, AREAS, 2).mean((2, 4))
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
    more = evaluate(tiny, photos, "", Protocol(n=6, areas=AREAS, calibration=0, full_size=True))
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
    plain = evaluate(tiny, photos, "", Protocol(n=1, noise=0.0, calibration=0))
    expected = [tiny.log_prob(pixels_of(path)).bits_per_dim for path in photos]
    assert plain.methods[FLOW].array("bits") == pytest.approx(expected, rel=1e-4)
    # Much noise is unlikely chroma.
    noisy = evaluate(tiny, photos, "", Protocol(n=1, noise=2.0, calibration=0))
    assert (noisy.methods[FLOW].array("bits") > plain.methods[FLOW].array("bits")).all()


def test_coverage_counts_the_chroma_inside_the_samples(tiny, photos, measured):
    inside = {1: [], 4: [], 10: []}
    for path in photos:
        truth = chroma_of(path).transpose(2, 0, 1)
        variants = tiny.sample(pixels_of(path), n=39, temperature=1.0, seed=1, draw="independent")
        samples = np.stack([v.target.numpy() for v in variants])
        areas = np.sort(20 * samples.reshape(39, 2, AREAS, 2, AREAS, 2).mean((3, 5)), axis=0)
        for k, found in inside.items():
            found.append((areas[k - 1] <= truth) & (truth <= areas[39 - k]))
    for level, k in ((0.95, 1), (0.8, 4), (0.5, 10)):
        # The two ways to Lab differ in the fourth digit, and so may a value at a bound.
        assert measured.coverage.at(level) == pytest.approx(np.mean(inside[k]), abs=0.01)


def test_figures_of_a_flat_photo_are_finite(tiny, tmp_path):
    path = tmp_path / "flat.png"
    Image.new("RGB", (40, 40), (200, 120, 60)).save(path)
    summary = summarise(evaluate(tiny, [path], "flat", QUICK))
    values = [f["value"] for figures in summary["methods"].values() for f in figures.values()]
    assert np.isfinite(values).all()


def test_the_truth_does_not_depend_on_the_size_of_the_model(tiny, photos):
    wide = Protocol(n=1, areas=32, calibration=0)  # finer than the model's own 16
    result = evaluate(tiny, photos, "photos", wide)
    for path, found in zip(photos, result.methods[GREY].figures["one"], strict=True):
        expected = np.square(rgb2lab(pixels_of(path))[..., 1:]).mean()
        assert found == pytest.approx(expected, rel=1e-3)
