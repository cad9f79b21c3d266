"""Errors and spread of samples against plain loops and numbers worked out by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from colorflow.errors import ShapeError
from colorflow.evaluation.chroma import chroma_errors, mean_chroma, to_areas


def test_known_values():
    # One row of two positions. Errors of the first sample: a (1, 0), b (3, 0); of the second:
    # a (2, 0), b (1, 2).
    truth = torch.tensor([[[10.0, -5.0]], [[0.0, 7.0]]])
    first = truth + torch.tensor([[[1.0, 0.0]], [[3.0, 0.0]]])
    second = truth + torch.tensor([[[2.0, 0.0]], [[1.0, 2.0]]])
    errors = chroma_errors(torch.stack([first, second]), truth)
    assert errors.best_image == pytest.approx((4 + 1 + 4) / 4)
    # Per position and channel, not per position: a of the first sample with b of the second.
    assert errors.best_pixel == pytest.approx((1 + 1 + 0 + 0) / 4)
    assert errors.one == pytest.approx((10 + 9) / 2 / 4)
    assert errors.variance == pytest.approx((1 + 4 + 4) / 2 / 4)
    assert errors.distance == pytest.approx((math.sqrt(1 + 4) + 2) / 2)
    assert errors.first == pytest.approx(10 / 4)
    assert errors.nearest == 1
    assert set(errors.figures()) == {*errors.__dict__} - {"nearest"}


def test_the_best_of_four_and_the_mean_chroma(generator):
    truth = torch.randn(3, 4, 4, generator=generator)
    steps = torch.tensor([3.0, 2.0, 4.0, 5.0, 1.0])
    samples = truth + steps[:, None, None, None]
    errors = chroma_errors(samples, truth)
    squares = [errors.first, errors.best_4, errors.best_image]
    assert squares == pytest.approx([9, 4, 1], rel=1e-5)
    assert errors.nearest == 4
    # Of lightness, a and b, the last two count.
    expected = samples[:, 1:].square().sum(1).sqrt().mean()
    assert errors.chroma == pytest.approx(float(expected))
    assert mean_chroma(samples) == errors.chroma


def test_errors_agree_with_plain_loops(generator):
    samples = 30 * torch.randn(4, 2, 3, 5, generator=generator)
    truth = 30 * torch.randn(2, 3, 5, generator=generator)
    errors = chroma_errors(samples, truth)
    y, x = samples.double().numpy(), truth.double().numpy()
    whole = [np.mean((sample - x) ** 2) for sample in y]
    smallest, variances, gaps = [], [], []
    for row in range(3):
        for column in range(5):
            for channel in range(2):
                here = y[:, channel, row, column]
                smallest.append(min((value - x[channel, row, column]) ** 2 for value in here))
                variances.append(sum((value - here.mean()) ** 2 for value in here) / 3)
            for i in range(4):
                for j in range(i):
                    gaps.append(math.dist(y[i, :, row, column], y[j, :, row, column]))
    assert errors.best_image == pytest.approx(min(whole))
    assert errors.best_pixel == pytest.approx(np.mean(smallest))
    assert errors.one == pytest.approx(np.mean(whole))
    assert errors.variance == pytest.approx(np.mean(variances))
    assert errors.distance == pytest.approx(np.mean(gaps))


@pytest.mark.parametrize("n", [1, 2, 7])
def test_a_best_image_is_never_better_than_the_best_pixels(generator, n):
    for _ in range(20):
        samples = torch.randn(n, 2, 4, 4, generator=generator)
        errors = chroma_errors(samples, torch.randn(2, 4, 4, generator=generator))
        # Of one sample, all three are the same mean, but summed in another order.
        slack = 1 + 1e-12
        assert errors.best_pixel <= errors.best_image * slack <= errors.one * slack**2


def test_one_sample_has_no_spread(generator):
    sample, truth = torch.randn(2, 2, 4, 4, generator=generator)
    errors = chroma_errors(sample[None], truth)
    assert errors.variance == errors.distance == 0
    assert errors.one > 0
    assert errors.best_image == pytest.approx(errors.one, rel=1e-12)
    assert errors.best_pixel == pytest.approx(errors.one, rel=1e-12)


@pytest.mark.parametrize("shape", [(2, 4, 4), (3, 2, 4, 5), (3, 1, 4, 4)])
def test_samples_of_another_shape_are_refused(shape):
    with pytest.raises(ShapeError, match="chroma_errors"):
        chroma_errors(torch.zeros(shape), torch.zeros(2, 4, 4))


def test_areas_are_means_over_blocks(generator):
    chroma = torch.randn(3, 2, 12, 12, generator=generator)
    small = to_areas(chroma, 4)
    assert small.shape == (3, 2, 4, 4)
    for row in range(4):
        for column in range(4):
            block = chroma[:, :, 3 * row : 3 * row + 3, 3 * column : 3 * column + 3]
            assert torch.allclose(small[:, :, row, column], block.mean((2, 3)), atol=1e-6)
    assert torch.equal(to_areas(chroma, 12), chroma)


@pytest.mark.parametrize("side", [3, 7, 16])
def test_chroma_of_any_side_comes_to_the_same_areas(side):
    constant = torch.tensor([40.0, -25.0]).view(2, 1, 1).expand(2, side, side)
    areas = to_areas(constant, 8)
    assert areas.shape == (2, 8, 8)
    assert torch.allclose(areas, constant[:, :1, :1].expand(2, 8, 8))
