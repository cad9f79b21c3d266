"""Error bars: how much a figure would vary with other photos."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

RESAMPLES = 256


def standard_error(
    values: np.ndarray,
    statistic: Callable[[np.ndarray], float],
    generator: np.random.Generator,
    resamples: int = RESAMPLES,
) -> float:
    """Estimate the standard error of a statistic by drawing photos with replacement.

    Source: Efron, "Bootstrap Methods: Another Look at the Jackknife" (1979).

    Args:
        values: one row per photo.
        statistic: of such rows, e.g. the root of their mean.
        generator: source of randomness.
        resamples: how often the photos are drawn anew.

    Returns:
        The standard deviation of the statistic over the resamples.
    """
    count = len(values)
    draws = [statistic(values[generator.integers(0, count, count)]) for _ in range(resamples)]
    return float(np.std(draws, ddof=1))
