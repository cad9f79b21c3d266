"""Are the samples as spread as the truth? Central intervals of samples, exact at any count.

The truth and n samples of a calibrated model are exchangeable, so that each of the n + 1 places of
the truth among the sorted samples is equally likely. The interval from the k-th smallest to the
k-th largest sample therefore contains it with probability

    q = (n + 1 - 2k) / (n + 1),

without any assumption on the distribution. With n = 39: 50 % at k = 10, 80 % at 4, 95 % at 1.
Values of one photo are alike, so that error bars count photos: some of them tell enough.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from colorflow.errors import ConfigError
from colorflow.evaluation.bootstrap import standard_error

SAMPLES = 39
LEVELS = (0.5, 0.8, 0.95)


@dataclass(frozen=True)
class Coverage:
    """How often central intervals contain the truth.

    Args:
        nominal: what a calibrated model gives, per interval, widest first.
        contained: share of true values inside, per interval.
        errors: how much that would vary with other photos, per interval.
        photos: on which it was measured.
    """

    nominal: tuple[float, ...]
    contained: tuple[float, ...]
    errors: tuple[float, ...]
    photos: int

    def at(self, level: float) -> float:
        """Give the share of true values inside the interval of a nominal level.

        Args:
            level: e.g. 0.95.

        Returns:
            The share.

        Raises:
            ConfigError: there is no interval of that level.
        """
        return self.contained[self._number(level)]

    def error_at(self, level: float) -> float:
        """Give the standard error of :meth:`at`.

        Args:
            level: e.g. 0.95.

        Returns:
            The error.

        Raises:
            ConfigError: there is no interval of that level.
        """
        return self.errors[self._number(level)]

    def _number(self, level: float) -> int:
        for number, nominal in enumerate(self.nominal):
            if abs(nominal - level) < 1e-9:
                return number
        raise ConfigError(f"calibration: no interval of {level:.0%}, there are {self.nominal}")


def spread_evenly(wanted: int, count: int) -> list[int]:
    """Choose some of many, spread evenly.

    Args:
        wanted: how many.
        count: how many there are.

    Returns:
        Their numbers, ascending; all where no more are there than wanted.
    """
    wanted = min(wanted, count)
    return [(2 * place + 1) * count // (2 * wanted) for place in range(wanted)]


def places(samples: Tensor, truth: Tensor) -> Tensor:
    """Count by place where the truth lies among the sorted samples.

    Ties count half below, half above, so that a truth equal to all samples lies in the middle.

    Args:
        samples: [n, ...].
        truth: [...].

    Returns:
        float64 [n + 1]: how many true values have 0, 1, … n samples below them.
    """
    below = (samples < truth).sum(0) + 0.5 * (samples == truth).sum(0)
    counts = torch.zeros(len(samples) + 1, dtype=torch.float64)
    # A tie may fall between two places: half a count each.
    for bound in (below.floor(), below.ceil()):
        counts += 0.5 * torch.bincount(bound.long().flatten(), minlength=len(counts)).double()
    return counts


def coverage(counts: Tensor, seed: int = 0) -> Coverage:
    """Turn counts of places into the coverage of all central intervals.

    Args:
        counts: of each photo, [photos, n + 1].
        seed: of the bootstrap.

    Returns:
        Nominal and measured shares for k = 1, 2, … while an interval remains, with error bars.
    """
    rows, n = counts.double().numpy(), counts.shape[1] - 1
    nominal, contained, errors = [], [], []
    for k in range(1, n // 2 + 1):

        def share(photos: np.ndarray, k: int = k) -> float:
            return float(photos[:, k : n + 1 - k].sum() / photos.sum())

        nominal.append((n + 1 - 2 * k) / (n + 1))
        contained.append(share(rows))
        # The same photos are drawn for every interval.
        errors.append(standard_error(rows, share, np.random.default_rng(abs(seed))))
    return Coverage(tuple(nominal), tuple(contained), tuple(errors), len(rows))
