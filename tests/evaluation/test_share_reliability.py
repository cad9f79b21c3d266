"""Shares against how often the truth was nearest: counted by hand, and drawn as they say."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest

from colorflow.evaluation.shares import EDGES, expected_error, share_reliability


def test_counts_by_hand():
    shares = [(0.6, 0.3, 0.1), (0.5, 0.46, 0.04), (1.0,)]
    bins = share_reliability(shares, [0, 1, 0])
    found = {(b.low, b.high): (b.share, b.nearest, b.cases) for b in bins}
    # A bound belongs to the bin above it, the last one to the last bin.
    assert found == {
        (0, 0.05): (0.04, 0, 1),
        (0.1, 0.2): (0.1, 0, 1),
        (0.3, 0.5): (pytest.approx(0.38), 0.5, 2),
        (0.5, 1): (pytest.approx(0.7), pytest.approx(2 / 3), 3),
    }
    assert sum(b.cases for b in bins) == 7
    expected = (0.04 + 0.1 + 2 * 0.12 + 3 * (0.7 - 2 / 3)) / 7
    assert expected_error(bins) == pytest.approx(expected)


def test_error_bars_shrink_with_cases_and_never_vanish():
    (few,), (many,) = (share_reliability([(1.0,)] * n, [0] * n) for n in (3, 300))
    assert few.nearest == many.nearest == 1
    assert few.error == pytest.approx(math.sqrt(4 / 5 * 1 / 5 / 3))
    assert few.error > 10 * many.error > 0


def test_shares_that_say_how_often_the_truth_is_nearest_are_reliable():
    generator = np.random.default_rng(2)
    shares = generator.dirichlet(np.full(8, 0.7), 3000)
    nearest = [int(generator.choice(8, p=row)) for row in shares]
    bins = share_reliability(shares.tolist(), nearest)
    assert [(b.low, b.high) for b in bins] == list(itertools.pairwise(EDGES))
    for b in bins:
        assert abs(b.nearest - b.share) < 4 * b.error
    # Too sure: shares are more different than the truth is.
    sharp = shares**2 / (shares**2).sum(1, keepdims=True)
    wrong = share_reliability(sharp.tolist(), nearest)
    assert wrong[-1].nearest < wrong[-1].share - 4 * wrong[-1].error
    assert expected_error(wrong) > 3 * expected_error(bins)


def test_without_shares_there_are_no_bins():
    assert share_reliability([], []) == []
    assert expected_error([]) == 0
