"""The figures that are looked at first: how close the first variant and the best ones come."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from colorflow.evaluation.measured import Method

Statistic = Callable[[np.ndarray], float]


class Drawable(NamedTuple):
    """A figure, ready for a bootstrap.

    Args:
        rows: one per photo.
        statistic: of any of them.
    """

    rows: np.ndarray
    statistic: Statistic

    @property
    def value(self) -> float:
        """The figure itself."""
        return self.statistic(self.rows)


def headline(method: Method, nothing: Method, truth: Method, n: int) -> dict[str, Drawable]:
    """Give the headline figures of a method.

    The errors are those of whole photos, e_i = sqrt(mean square), against grey's g_i: ratios are
    mean_i e_i / mean_i g_i, so that no photo counts more for being far off.

    Args:
        method: to be judged.
        nothing: the method that does nothing: grey, or the photo itself.
        truth: what is true.
        n: samples per photo.

    Returns:
        ``first``, ``best_of_4`` where there are more than four, and ``best_of_n``, over
        ``nothing``; ``first_worse``, the share of photos whose first variant is further from the
        truth than ``nothing``; ``chroma_gap``, the mean chroma of all variants over the truth's,
        minus 1.
    """
    base = np.sqrt(nothing.array("first"))
    errors = {"first": "first", "best_of_4": "best_4", "best_of_n": "best_image"}
    found = {
        name: Drawable(np.stack([np.sqrt(method.array(source)), base], 1), _ratio)
        for name, source in errors.items()
        if name != "best_of_4" or n > 4
    }
    found["first_worse"] = Drawable((found["first"].rows[:, 0] > base).astype(np.float64), _mean)
    chroma = np.stack([method.array("chroma"), truth.array("chroma")], 1)
    found["chroma_gap"] = Drawable(chroma, lambda rows: _ratio(rows) - 1)
    return found


def _ratio(rows: np.ndarray) -> float:
    return float(rows[:, 0].mean() / max(rows[:, 1].mean(), 1e-12))


def _mean(rows: np.ndarray) -> float:
    return float(rows.mean())
