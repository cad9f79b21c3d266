"""Do shares mean what they say? How often the truth lay nearest to variants of a share."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

# Bounds of the bins; the last one belongs to the last bin.
EDGES = (0.0, 0.05, 0.1, 0.2, 0.3, 0.5, 1.0)


@dataclass(frozen=True)
class ShareBin:
    """Variants whose shares are alike.

    Args:
        low: their shares are at least this.
        high: their shares are below this, or equal to it where it is 1.
        share: mean of their shares.
        nearest: how often the truth was nearer to such a variant than to the photo's others.
        error: standard error of that.
        cases: how many variants those are, over all photos.
    """

    low: float
    high: float
    share: float
    nearest: float
    error: float
    cases: int


def share_reliability(
    shares: Sequence[Sequence[float]], nearest: Sequence[int], edges: Sequence[float] = EDGES
) -> list[ShareBin]:
    """Compare shares with how often the truth was nearest.

    The error of h hits among m cases is that of a binomial with one hit and one miss more,

        sqrt(p (1 - p) / m),   p = (h + 1) / (m + 2)

    which does not vanish where all or none of a few were hit. Variants of one photo exclude each
    other, so that the true error is a little smaller.

    Args:
        shares: of the variants of each photo.
        nearest: number of the variant nearest to the truth, of each photo.
        edges: bounds of the bins, ascending from 0 to 1.

    Returns:
        The bins in which there are variants.
    """
    values = np.array([share for photo in shares for share in photo], dtype=np.float64)
    hits = np.array(
        [
            number == closest
            for photo, closest in zip(shares, nearest, strict=True)
            for number in range(len(photo))
        ],
        dtype=bool,
    )
    found = []
    for low, high in itertools.pairwise(edges):
        inside = (values >= low) & ((values < high) | (high == edges[-1]))
        cases = int(inside.sum())
        if cases:
            hit = int(hits[inside].sum())
            p = (hit + 1) / (cases + 2)
            error = math.sqrt(p * (1 - p) / cases)
            mean = float(values[inside].mean())
            found.append(ShareBin(low, high, mean, hit / cases, error, cases))
    return found


def expected_error(bins: Sequence[ShareBin]) -> float:
    """Compute the expected calibration error: the mean over cases of |share - how often nearest|.

    Args:
        bins: of :func:`share_reliability`.

    Returns:
        At least 0.
    """
    cases = sum(b.cases for b in bins)
    return sum(b.cases * abs(b.share - b.nearest) for b in bins) / max(cases, 1)
