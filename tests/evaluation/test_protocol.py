"""The protocol: what is measured and left out, and what changes nothing in the figures."""

from __future__ import annotations

import shutil

import numpy as np
import pytest
import torch
from PIL import Image
from three_photos import AREAS, QUICK, Judge, constant_head, pixels_of

from colorflow.errors import ConfigError, NothingFoundError
from colorflow.evaluation import protocol as module
from colorflow.evaluation.measured import FLOW, GREY, MEAN, TRUTH, Protocol
from colorflow.evaluation.protocol import evaluate, square
from colorflow.evaluation.table import summarise
from colorflow.images.photo import Photo


def test_the_crop_is_the_central_square():
    pixels = np.arange(5 * 8 * 3, dtype=np.uint8).reshape(5, 8, 3)
    assert (square(Photo(pixels)).pixels == pixels[:, 1:6]).all()
    tall = np.ascontiguousarray(pixels.transpose(1, 0, 2))
    assert (square(Photo(tall)).pixels == tall[1:6]).all()


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


def test_a_photo_whose_square_is_grey_is_left_out(tiny, tmp_path):
    pixels = np.full((40, 120, 3), 128, np.uint8)
    pixels[:, :35] = (220, 30, 30)  # colours beside the square alone
    path = tmp_path / "edge.png"
    Image.fromarray(pixels).save(path)
    with pytest.raises(NothingFoundError):
        evaluate(tiny, [path], "edges", QUICK)
