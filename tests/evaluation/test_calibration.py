"""Coverage of central intervals: by counting, and for samples of known spread."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from colorflow.errors import ConfigError
from colorflow.evaluation.calibration import (
    LEVELS,
    SAMPLES,
    coverage,
    places,
    spread_evenly,
)


def test_nominal_levels_of_39_samples():
    found = coverage(torch.ones(1, SAMPLES + 1))
    assert [found.nominal[k - 1] for k in (1, 4, 10)] == pytest.approx([0.95, 0.8, 0.5])
    # Each place equally often is what calibration means.
    assert found.contained == pytest.approx(found.nominal)
    assert [found.at(level) for level in LEVELS] == pytest.approx(list(LEVELS))
    with pytest.raises(ConfigError, match="51%"):
        found.at(0.51)


@pytest.mark.parametrize("n", [2, 5, 8, 39])
def test_coverage_is_the_share_inside_each_interval(generator, n):
    samples = torch.randn(n, 2, 30, 30, generator=generator)
    truth = 1.4 * torch.randn(2, 30, 30, generator=generator)
    counts = places(samples, truth)
    assert counts.sum() == truth.numel()
    found = coverage(counts[None])
    ordered, x = np.sort(samples.numpy(), axis=0), truth.numpy()
    assert len(found.contained) == n // 2
    for k, contained in enumerate(found.contained, 1):
        inside = (ordered[k - 1] <= x) & (x <= ordered[n - k])
        assert contained == pytest.approx(inside.mean())


def draw(spread: float) -> dict[float, float]:
    """Coverage of a skewed truth by samples that are as skewed, but differ in their spread."""
    generator = torch.Generator().manual_seed(11)
    # Each value has a centre of its own, as each position of a photo has.
    centre = 20 * torch.randn(20_000, generator=generator)
    truth = centre + torch.empty(20_000).exponential_(generator=generator) - 1
    noise = torch.empty(SAMPLES, 20_000).exponential_(generator=generator) - 1
    found = coverage(places(centre + spread * noise, truth)[None])
    return {level: found.at(level) for level in LEVELS}


def test_samples_of_the_true_distribution_are_covered_at_nominal_rates():
    for level, contained in draw(1.0).items():
        error = math.sqrt(level * (1 - level) / 20_000)
        assert abs(contained - level) < 4 * error


def test_too_sure_samples_are_covered_less_and_too_unsure_ones_more():
    sure, unsure = draw(0.5), draw(2.0)
    for level in LEVELS:
        assert sure[level] < level - 0.05
        assert unsure[level] > level + 0.02


def test_ties_go_to_the_middle():
    # Two samples below, three equal: the middle of the places 2 to 5.
    samples = torch.tensor([0.0, 1.0, 4.0, 4.0, 4.0])[:, None]
    assert places(samples, torch.tensor([4.0])).tolist() == [0, 0, 0, 0.5, 0.5, 0]
    # A truth that all samples hit lies in every interval, for odd and even counts.
    for n in (38, 39):
        found = coverage(places(torch.zeros(n, 2, 3), torch.zeros(2, 3))[None])
        assert set(found.contained) == {1.0}


def test_a_constant_shift_shows_in_the_places():
    samples = torch.linspace(0, 1, 9)[:, None].expand(9, 4)
    assert places(samples, torch.full((4,), 5.0)).tolist() == [0] * 9 + [4]
    assert places(samples, torch.full((4,), -5.0)).tolist() == [4] + [0] * 9


def test_photos_are_spread_evenly():
    assert spread_evenly(3, 9) == [1, 4, 7]
    assert spread_evenly(100, 329) == sorted(set(spread_evenly(100, 329)))
    assert spread_evenly(100, 4) == [0, 1, 2, 3]
    assert spread_evenly(0, 5) == spread_evenly(2, 0) == []


def test_error_bars_are_those_of_photos_that_differ_as_wholes():
    generator = np.random.default_rng(4)
    # Each photo has a share of its own inside the interval of one in three places: 0 or 1.
    inside = generator.random(400) < 0.4
    counts = torch.zeros(400, 4)
    counts[torch.from_numpy(inside), 1] = 1000
    counts[torch.from_numpy(~inside), 0] = 1000
    found = coverage(counts)
    share = inside.mean()
    assert found.contained == pytest.approx((share,))
    assert found.error_at(0.5) == pytest.approx(math.sqrt(share * (1 - share) / 400), rel=0.15)
    assert found.photos == 400
    assert coverage(counts).errors == found.errors != coverage(counts, 1).errors
