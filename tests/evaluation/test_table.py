"""From measurements to table, JSON and plot: figures by hand, and the three agree."""

from __future__ import annotations

import json
import math
import re
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from colorflow.evaluation.calibration import Coverage, coverage
from colorflow.evaluation.measured import (
    FLOW,
    GREY,
    HEAD,
    MEAN,
    TRUTH,
    Evaluation,
    Method,
    Protocol,
)
from colorflow.evaluation.plots import reliability_plot
from colorflow.evaluation.shares import share_reliability
from colorflow.evaluation.summary import HEADLINE, summarise
from colorflow.evaluation.table import markdown

PHOTOS = 40


def method(errors: np.ndarray, colours: np.ndarray, bits: bool = False) -> Method:
    """A method of which the best of n is half as far off as one sample, in squares."""
    made = Method()
    for error, colour in zip(errors, colours, strict=True):
        made.add(
            first=2 * error, best_4=error, best_image=error / 2, best_pixel=error / 4, one=error,
            chroma=colour / 2,
            full_best=error, full_one=2 * error, variance=error / 5, distance=error / 10,
            psnr_best=31.0, psnr_one=30.0, colourfulness=colour, **({"bits": 3.25} if bits else {}),
        )  # fmt: skip
    return made


@pytest.fixture
def result() -> Evaluation:
    """Forty photos; the flow has a quarter of the squared error of grey on each of them."""
    noise = np.random.default_rng(5)
    grey, colours = 400 * noise.random(PHOTOS) + 100, 20 * noise.random(PHOTOS) + 30
    truth = Method()
    for colour in colours:
        truth.add(colourfulness=colour, chroma=colour / 2)
    # Too sure: the outer half of the places comes up three times as often as the inner half.
    places = torch.full((20, 40), 3.0, dtype=torch.float64)
    places[:, 10:30] = 1.0
    return Evaluation(
        "tiny@0123456789ab", "some photos", Protocol(n=5, seed=3), 0.85,
        photos=[f"{i}.jpg" for i in range(PHOTOS)],
        left_out=["bad.jpg: why"],
        methods={
            GREY: method(grey, 0 * colours),
            MEAN: method(grey / 2, colours / 2),
            HEAD: method(100 * noise.random(PHOTOS) + 100, colours / 4),
            FLOW: method(grey / 4, 0.9 * colours, bits=True),
            TRUTH: truth,
        },
        coverage=coverage(places),
        shares=[(0.4, 0.3, 0.15, 0.12, 0.03)] * PHOTOS,
        nearest=[0] * 16 + [1] * 12 + [2] * 12,
    )  # fmt: skip


def with_classifier(result: Evaluation) -> Evaluation:
    """The same after a judge of pictures, in two batches."""
    generator = torch.Generator().manual_seed(1)
    true = torch.zeros(PHOTOS, 1280)
    true[:, :2] = torch.randn(PHOTOS, 2, generator=generator)
    for number, made in enumerate(result.methods.values()):
        shift = 0 if made is result.methods[TRUTH] else number + 1
        made.features = list((true + shift * (torch.arange(1280) == 0)).split(32))
        hits = torch.ones(PHOTOS, dtype=torch.float64)
        hits[: 10 * min(shift, 3)] = 0
        made.agreement = list(hits.split(32))
    result.classifier = True
    return result


def refuse(name: str) -> float:
    raise AssertionError(f"{name} is not JSON")


def strict(text: str) -> dict:
    """Read JSON as the standard has it: without NaN and infinity."""
    return json.loads(text, parse_constant=refuse)


def test_figures_by_hand(result):
    methods = summarise(result)["methods"]
    error = np.array(result.methods[GREY].figures["one"])
    grey, flow = methods[GREY], methods[FLOW]
    # The root of the mean, not the mean of the roots.
    assert grey["rmse_one"]["value"] == pytest.approx(math.sqrt(error.mean()))
    assert grey["rmse_best_image"]["value"] == pytest.approx(math.sqrt(error.mean() / 2))
    assert grey["rmse_best_pixel"]["value"] == pytest.approx(math.sqrt(error.mean() / 4))
    assert grey["rmse_full_one"]["value"] == pytest.approx(math.sqrt(2 * error.mean()))
    assert flow["rmse_full_best"]["value"] == pytest.approx(math.sqrt(error.mean() / 4))
    assert flow["variance"]["value"] == pytest.approx(error.mean() / 20)
    assert flow["distance"]["value"] == pytest.approx(error.mean() / 40)
    assert (flow["psnr_best"]["value"], flow["psnr_one"]["value"]) == (31, 30)
    assert flow["bits_per_dim"] == {"value": 3.25, "error": 0}
    assert [m for m in methods if "bits_per_dim" in methods[m]] == [FLOW]
    # Variance is a mean over photos, whose standard error is known.
    expected = error.std() / 20 / math.sqrt(PHOTOS)
    assert flow["variance"]["error"] == pytest.approx(expected, rel=0.2)


def test_headline_figures_are_ratios_of_mean_errors(result):
    summary = summarise(result)
    error = np.array(result.methods[GREY].figures["one"])
    flow, grey = summary["methods"][FLOW], summary["methods"][GREY]
    assert summary["headline"] == {name: flow[name] for name in HEADLINE}
    # A quarter of the squared error, of the first as of the others.
    assert flow["first"] == {"value": pytest.approx(0.5), "error": pytest.approx(0, abs=1e-12)}
    assert flow["best_of_4"]["value"] == pytest.approx(0.5 / math.sqrt(2))
    assert flow["best_of_n"]["value"] == pytest.approx(0.25)
    assert flow["first_worse"] == {"value": 0, "error": 0}
    assert flow["chroma_gap"]["value"] == pytest.approx(-0.1)
    assert grey["first"]["value"] == 1
    # Means of roots, not roots of means; and the head is worse where grey is good already.
    head = np.array(result.methods[HEAD].figures["first"])
    expected = np.sqrt(head).mean() / np.sqrt(2 * error).mean()
    found = summary["methods"][HEAD]
    assert found["first"]["value"] == pytest.approx(expected)
    assert found["first"]["error"] > 0.01
    worse = (head > 2 * error).mean()
    assert 0 < worse < 1
    assert found["first_worse"]["value"] == pytest.approx(worse)
    expected = math.sqrt(worse * (1 - worse) / PHOTOS)
    assert found["first_worse"]["error"] == pytest.approx(expected, rel=0.2)


def test_the_best_of_four_is_left_out_where_there_are_no_more(result):
    result.protocol = Protocol(n=4, seed=3)
    summary = summarise(result)
    assert "best_of_4" not in summary["headline"]
    text = markdown(summary)
    assert text.count("| best of 4 / grey |") == 1


def test_colourfulness_is_compared_with_the_truth_photo_by_photo(result):
    methods = summarise(result)["methods"]
    gaps = {name: methods[name].get("colourfulness_gap") for name in methods}
    assert gaps[GREY] == {"value": -1, "error": 0}
    assert gaps[FLOW]["value"] == pytest.approx(-0.1)
    # Always a tenth less: which photos are drawn does not matter.
    assert gaps[FLOW]["error"] < 1e-12 < methods[FLOW]["colourfulness"]["error"]
    assert gaps[TRUTH] is None


def test_ratios_are_those_of_the_table_with_errors_in_pairs(result):
    summary = summarise(result)
    methods, ratios = summary["methods"], summary["ratios"]
    for name in (GREY, MEAN, HEAD):
        for row in ("best_image", "full_best"):
            ours, theirs = (methods[m][f"rmse_{row}"]["value"] for m in (FLOW, name))
            assert ratios[f"{row} / {name}"]["value"] == pytest.approx(ours / theirs)
    assert ratios["best_image / grey"]["value"] == pytest.approx(0.5)
    # Grey is off by twice as much on every photo, the head by something of its own.
    assert ratios["best_image / grey"]["error"] < 1e-12
    assert ratios["best_image / deterministic head"]["error"] > 0.01


def test_judgements_are_summed_over_batches(result):
    methods = summarise(with_classifier(result))["methods"]
    assert methods[TRUTH]["top5_agreement"] == {"value": 1, "error": 0}
    assert methods[GREY]["top5_agreement"]["value"] == pytest.approx(0.75)
    expected = math.sqrt(0.75 * 0.25 / PHOTOS)
    assert methods[GREY]["top5_agreement"]["error"] == pytest.approx(expected, rel=0.2)
    # Features are shifted by the number of the method.
    fid = [methods[name]["fid"]["value"] for name in (GREY, MEAN, HEAD, FLOW)]
    assert fid == pytest.approx([1, 4, 9, 16], rel=1e-3)
    assert "fid" not in methods[TRUTH]


def test_a_distance_of_single_photos_is_left_out(result):
    result = with_classifier(result)
    for made in result.methods.values():
        made.features = [made.features[0][:1]]
    assert all("fid" not in figures for figures in summarise(result)["methods"].values())


def test_the_summary_is_strict_json_and_says_how_it_was_made(result):
    result.temperature = (0.5, 1.0)
    summary = summarise(with_classifier(result))
    again = strict(json.dumps(summary))
    assert again["model"] == "tiny@0123456789ab"
    assert again["photos"] == PHOTOS
    assert again["left_out"] == ["bad.jpg: why"]
    assert again["protocol"]["n"] == 5
    assert again["protocol"]["seed"] == 3
    assert again["protocol"]["temperature"] == [0.5, 1.0]  # what was used, not what was asked for
    assert again["methods"] == summary["methods"]
    assert len(again["reliability"]) == 19
    assert again["reliability"][0] == pytest.approx([0.95, 0.925, 0])
    values = {level: figure["value"] for level, figure in again["coverage"].items()}
    assert values == pytest.approx({"50%": 0.25, "80%": 0.7, "95%": 0.925})
    assert again["calibrated"] == 20
    rows = [(b["low"], b["share"], b["nearest"], b["cases"]) for b in again["shares"]]
    assert rows == [
        (0, pytest.approx(0.03), 0, 40),
        (0.1, pytest.approx(0.135), pytest.approx(0.15), 80),
        (0.3, pytest.approx(0.35), pytest.approx(0.35), 80),
    ]
    assert again["share_error"] == pytest.approx((0.03 + 2 * 0.015) / 5)


def test_the_table_shows_every_method_and_what_json_says(result):
    summary = summarise(with_classifier(result))
    lines = markdown(summary).splitlines()
    assert lines[0].startswith("model tiny@0123456789ab, 40 photos of some photos, n = 5")
    end = lines.index("", 2)
    rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in lines[2:end]]
    assert rows[0] == ["", GREY, MEAN, HEAD, FLOW, TRUTH]
    assert all(len(row) == len(rows[0]) for row in rows)
    table = {row[0]: dict(zip(rows[0][1:], row[1:], strict=True)) for row in rows[2:]}
    assert len(table) == 19  # every figure of docs/evaluation.md
    best = summary["methods"][FLOW]["rmse_best_image"]
    shown = table["RMSE, best of n whole images"]
    assert shown[FLOW] == f"{best['value']:.2f} ± {best['error']:.2f}"
    assert shown[TRUTH] == ""
    assert table["bits per dimension"][FLOW] == "3.250 ± 0.000"
    assert table["first variant / grey"][FLOW] == "0.500 ± 0.000"
    assert table["first variant worse than grey"][FLOW] == "0.0 ± 0.0 %"
    assert table["colourfulness against the truth"][FLOW] == "-10.0 ± 0.0 %"
    assert re.fullmatch(r"75\.0 ± \d\.\d %", table["top-5 agreement, first variant"][GREY])
    assert table["FID (EfficientNet-Lite0)"][FLOW] == "16.00"
    assert "root mean square, best of 5 / grey: 0.500 ± 0.000" in lines
    assert any("best of 5 / deterministic head: " in line for line in lines)
    assert "95% intervals at temperature 1 contain the truth: 92.5% ± 0.0% (20 photos)" in lines
    assert "left out: 1 photos" in lines
    assert any(line.startswith("| 30% to 50% | 35.0% | 35.0% ± 5.3% | 80 |") for line in lines)


def test_the_table_leaves_out_what_was_not_measured(result):
    del result.methods[HEAD]
    result.coverage, result.left_out, result.temperature = None, [], (0.5, 1.0)
    result.shares, result.nearest = [], []
    for made in result.methods.values():
        for name in ("full_best", "full_one"):
            made.figures.pop(name, None)
    summary = summarise(result)
    text = markdown(summary)
    assert HEAD not in text
    assert "FID (" not in text
    assert "| top-5" not in text
    assert "install colorflow-cinn[evaluate]" in text
    assert "intervals" not in text
    assert "full size" not in text
    assert "mean share" not in text
    assert not any(line.startswith("left out") for line in text.splitlines())
    assert "temperature 0.5 / 1," in text
    assert summary["reliability"] == []


def test_the_plot_is_a_picture_that_shows_the_coverage_and_the_shares(tmp_path: Path):
    levels = tuple((40 - 2 * k) / 40 for k in range(1, 20))
    shares = share_reliability([(0.7, 0.2, 0.1)] * 10, [0] * 7 + [1, 1, 2])
    pictures = {}
    for name, measured in (("good", levels), ("bad", tuple(level**3 for level in levels))):
        found = Coverage(levels, measured, (0.01,) * 19, 20)
        for bins in ([], shares):
            reliability_plot(found, bins, tmp_path / "plot.png", "tiny")
            with Image.open(tmp_path / "plot.png") as picture:
                assert picture.format == "PNG"
                assert min(picture.size) >= 400
                pictures[name, len(bins)] = np.asarray(picture.convert("RGB")).astype(int)
    assert np.ptp(pictures["good", 0]) > 200
    assert (pictures["good", 0] != pictures["bad", 0]).any()
    # Shares have a panel of their own, which stands alone where coverage was not measured.
    assert pictures["good", 3].shape[1] == 2 * pictures["good", 0].shape[1]
    reliability_plot(None, shares, tmp_path / "plot.png", "tiny")
    with Image.open(tmp_path / "plot.png") as picture:
        assert picture.size == pictures["good", 0].shape[1::-1]


def test_rows_of_equal_values_have_equal_error_bars(result):
    for name in ("best_image", "best_pixel"):
        result.methods[GREY].figures[name] = result.methods[GREY].figures["one"]
    figures = summarise(result)["methods"][GREY]
    assert figures["rmse_best_image"] == figures["rmse_best_pixel"] == figures["rmse_one"]


def test_a_negative_seed_is_as_good_as_any(result):
    result.protocol = Protocol(n=5, seed=-1)
    assert summarise(result)["photos"] == PHOTOS
