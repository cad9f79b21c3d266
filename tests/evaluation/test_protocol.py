"""The protocol: what is measured and left out, and what changes nothing in the figures."""

from __future__ import annotations

import copy
import dataclasses
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from three_photos import AREAS, QUICK, Judge, chroma_of, constant_head, pixels_of

from colorflow.colorize import Colorizer
from colorflow.errors import ConfigError, ImplausibleError, NothingFoundError
from colorflow.evaluation.examples import PhotoExample, reduced, square
from colorflow.evaluation.head import Head, own_head
from colorflow.evaluation.measured import (
    FLOW,
    GREY,
    HEAD,
    MEAN,
    MEAN_PARTNER,
    TRUTH,
    UNCHANGED,
    Protocol,
)
from colorflow.evaluation.protocol import evaluate
from colorflow.evaluation.summary import summarise
from colorflow.evaluation.table import markdown
from colorflow.images.photo import Photo
from colorflow.images.read import read_photo


@dataclasses.dataclass(frozen=True)
class Pair:
    """Two photos that are taken for one scene."""

    first: Path
    second: Path
    site: str

    @property
    def name(self) -> str:
        return str(self.first)

    def read(self) -> tuple[Photo, Photo]:
        return square(read_photo(self.first)), square(read_photo(self.second))


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
    assert shuffled.coverage.contained == measured.coverage.contained
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
    limited = Protocol(n=1, limit=2, calibration=0)
    result = evaluate(tiny, [*bad, *photos], "", limited, log=lines.append)
    assert result.photos == [str(path) for path in photos[:2]]
    assert len(result.left_out) == 4
    for path, reason in zip(bad, result.left_out, strict=True):
        assert str(path) in reason
        assert ("chroma" in reason) == ("grey" in path.name)
    assert lines[-1] == "2/2 photos"
    with pytest.raises(NothingFoundError, match="these photos"):
        evaluate(tiny, bad, "these photos", limited)


def test_the_judge_sees_each_method(tiny, photos, measured):
    judge = Judge()
    result = evaluate(tiny, photos, "three photos", measured.protocol, None, judge)
    for name in (GREY, MEAN, FLOW, TRUTH):
        features, whole = (torch.cat(r.methods[name].features) for r in (result, measured))
        assert torch.allclose(features, whole)
        assert torch.equal(*(torch.cat(r.methods[name].agreement) for r in (result, measured)))
    assert len(judge.seen) == 3 * 4
    # The photos themselves, and of each the first variant, not the best one.
    firsts = [np.asarray(tiny.sample(pixels_of(p), n=1, seed=0)[0].image) for p in photos]
    for name, pictures in ((TRUTH, [pixels_of(p) for p in photos]), (FLOW, firsts)):
        colours = torch.tensor(np.stack([picture.mean((0, 1)) for picture in pictures]))
        features = torch.cat(result.methods[name].features)[:, :3]
        assert torch.allclose(features, colours.float())


def test_results_depend_neither_on_the_number_of_workers_nor_on_company(tiny, photos, measured):
    many = [*photos, *photos[::-1]]
    protocol = Protocol(n=1, areas=AREAS, calibration=3)  # four photos share a call of the flow
    one, three = (evaluate(tiny, many, "", protocol, workers=count) for count in (1, 3))
    assert summarise(one) == summarise(three)
    for name, method in one.methods.items():
        assert method.figures == three.methods[name].figures
        for values in method.figures.values():
            assert values[:3] == values[:2:-1]  # the same photo, elsewhere in the row


def test_a_shared_condition_gives_the_figures_of_separate_ones(
    tiny_checkpoint, photos, monkeypatch
):
    # In float32 the backbone itself is called, and not a copy.
    tiny = Colorizer.from_pretrained(tiny_checkpoint, "cpu", precision="32")
    head = own_head(tiny)
    copied = dataclasses.replace(head, backbone=copy.deepcopy(head.backbone))
    other = dataclasses.replace(head, backbone=copy.deepcopy(head.backbone))
    with torch.no_grad():
        next(other.backbone.parameters()).mul_(1.5)
    assert head.sees_as(tiny)
    assert copied.sees_as(tiny)
    assert not other.sees_as(tiny)
    calls: list[int] = []
    for backbone in (tiny.backbone, copied.backbone, other.backbone):
        backbone.register_forward_hook(lambda *_: calls.append(1))
    shared = evaluate(tiny, photos, "", QUICK, copied, workers=1)
    assert len(calls) == len(photos)
    monkeypatch.setattr(Head, "sees_as", lambda self, colorizer: False)
    apart = evaluate(tiny, photos, "", QUICK, copied, workers=1)
    assert len(calls) == 3 * len(photos)
    assert summarise(shared) == summarise(apart)
    different = evaluate(tiny, photos, "", QUICK, other, workers=1)
    assert different.methods[HEAD].figures["one"] != shared.methods[HEAD].figures["one"]


def test_calibration_takes_some_photos_always_the_same(tiny, photos, measured):
    some = Protocol(n=1, areas=AREAS, calibration=1)
    once, again = (evaluate(tiny, photos, "", some) for _ in range(2))
    assert once.coverage == again.coverage
    assert once.coverage.photos == 1
    alone = evaluate(tiny, photos[1:2], "", some)  # the middle one
    assert once.coverage.contained == alone.coverage.contained
    assert measured.coverage.photos == 3
    assert max(measured.coverage.errors) > 0
    assert evaluate(tiny, photos, "", QUICK).coverage is None


def test_pictures_are_finished_at_full_size_only_where_asked_for(tiny, photos, tmp_path):
    with Image.open(photos[0]) as picture:
        picture.resize((450, 320), Image.Resampling.BICUBIC).save(tmp_path / "large.png")
    sizes: dict[bool, set[tuple[int, int]]] = {}
    figures = {}
    for full in (False, True):
        judge = Judge()
        protocol = dataclasses.replace(QUICK, full_size=full)
        result = evaluate(tiny, [tmp_path / "large.png"], "", protocol, None, judge)
        sizes[full] = {picture.size for picture in judge.seen}
        figures[full] = result.methods[FLOW].figures
    assert sizes == {False: {(256, 256)}, True: {(320, 320)}}
    assert set(figures[True]) - set(figures[False]) == {"full_best", "full_one"}
    # What is measured at the size of the model does not depend on it.
    for name in ("first", "best_image", "one", "distance", "bits"):
        assert figures[True][name] == figures[False][name]


def test_a_photo_is_reduced_by_averaging_and_never_enlarged():
    grey = Photo(np.linspace(0, 65535, 400 * 300).astype(np.uint16).reshape(400, 300))
    small = reduced(grey, 30)
    assert small.pixels.shape == (40, 30)
    assert small.pixels.dtype == np.uint8
    assert small.pixels.mean() == pytest.approx(127.5, abs=1)
    assert reduced(small, 31) is small


def test_variants_have_shares_unless_they_are_drawn_independently(tiny, photos, measured):
    assert [sum(shares) for shares in measured.shares] == pytest.approx([1, 1, 1])
    for place, path in enumerate(photos):
        variants = tiny.sample(pixels_of(path), n=3, seed=0)
        assert measured.shares[place] == tuple(v.share for v in variants)
        errors = [
            np.square(20 * v.target.numpy().reshape(2, AREAS, 2, AREAS, 2).mean((2, 4))
                      - chroma_of(path).transpose(2, 0, 1)).mean()
            for v in variants
        ]  # fmt: skip
        assert measured.nearest[place] == int(np.argmin(errors))
    independent = dataclasses.replace(QUICK, draw="independent")
    result = evaluate(tiny, photos, "", independent)
    assert result.shares == []
    assert summarise(result)["shares"] == []
    figures, others = result.methods[FLOW].figures, measured.methods[FLOW].figures
    assert figures["one"] != others["one"]
    assert figures["bits"] == others["bits"]
    with pytest.raises(ConfigError, match="draw"):
        Protocol(draw="best")


def test_a_photo_that_cannot_be_measured_ends_the_work(tiny, photos, monkeypatch):
    def fail(self: PhotoExample) -> None:
        raise RuntimeError("a disk")

    monkeypatch.setattr(PhotoExample, "read", fail)
    with pytest.raises(RuntimeError, match="a disk"):
        evaluate(tiny, photos, "", QUICK, workers=2)


def test_a_judge_and_a_head_are_not_needed(tiny, photos):
    result = evaluate(tiny, photos, "", QUICK)
    assert list(result.methods) == [GREY, MEAN, FLOW, TRUTH]
    assert not result.classifier
    assert result.coverage is None
    assert all(not method.features for method in result.methods.values())


@pytest.mark.parametrize("wrong", [{"n": 0}, {"areas": 0}, {"limit": -1}, {"calibration": -1}])
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


def test_a_translator_is_measured_on_pairs_site_by_site(tiny_translator, photos):
    pairs = [Pair(photos[0], photos[1], "a"), Pair(photos[1], photos[2], "a")]
    protocol = Protocol(n=2, areas=AREAS)
    one, two = (evaluate(tiny_translator, pairs, "", protocol, workers=k) for k in (1, 2))
    summary = summarise(one)
    assert summary == summarise(two)
    assert list(one.methods) == [UNCHANGED, MEAN_PARTNER, FLOW, TRUTH]
    assert summary["methods"][UNCHANGED]["first"]["value"] == 1
    assert summary["sites"]["a"]["pairs"] == 2
    assert one.distances["a"] > 0
    assert "first variant / photo itself" in markdown(summary)


def test_a_photo_that_stays_implausible_is_named(tiny, photos, monkeypatch):
    def never(_: object, targets: torch.Tensor) -> torch.Tensor:
        return torch.zeros(len(targets), dtype=torch.bool)

    monkeypatch.setattr(type(tiny.domain), "plausible", never)
    with pytest.raises(ImplausibleError, match=rf"{photos[0].name}.*variant 1"):
        evaluate(tiny, photos[:1], "", Protocol(n=2, areas=AREAS, calibration=0))
