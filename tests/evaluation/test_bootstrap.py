"""Bootstrap standard errors against those known in closed form."""

from __future__ import annotations

import math

import numpy as np
import pytest

from colorflow.evaluation.bootstrap import standard_error


def error_of(values: np.ndarray, statistic=np.mean, seed: int = 0) -> float:
    return standard_error(values, statistic, np.random.default_rng(seed))


@pytest.mark.parametrize(("count", "sigma"), [(100, 2.0), (900, 2.0), (900, 0.1)])
def test_the_error_of_a_mean_is_sigma_over_root_n(count, sigma):
    values = sigma * np.random.default_rng(1).standard_normal(count)
    expected = values.std() / math.sqrt(count)
    # 256 resamples know a standard deviation to 4.4 %.
    assert error_of(values) == pytest.approx(expected, rel=0.15)


def test_the_error_of_a_root_mean_square_follows_the_delta_method():
    squares = np.random.default_rng(2).standard_normal(900) ** 2
    root = math.sqrt(squares.mean())
    expected = squares.std() / math.sqrt(900) / (2 * root)
    assert error_of(squares, lambda v: math.sqrt(v.mean())) == pytest.approx(expected, rel=0.15)


def test_photos_are_drawn_as_whole_rows():
    first = np.random.default_rng(3).random(50) + 1
    pairs = np.stack([3 * first, first], 1)
    # The ratio is the same for every photo, so that no choice of photos changes it.
    assert error_of(pairs, lambda rows: rows[:, 0].mean() / rows[:, 1].mean()) < 1e-12
    assert error_of(first) > 0.01


def test_the_same_seed_gives_the_same_error_and_leaves_the_values_alone():
    values = np.arange(10.0)
    assert error_of(values) == error_of(values) != error_of(values, seed=1)
    assert (values == np.arange(10.0)).all()
