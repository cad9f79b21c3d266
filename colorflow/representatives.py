"""Choosing variants that represent what a model finds plausible.

Independent draws repeat the usual colouring and miss the rare one. Chosen variants stand for parts
of many candidates: each is the candidate nearest to a part, and the size of that part is its share.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from colorflow.errors import ConfigError


def distances(maps: Tensor) -> Tensor:
    """Compute how far maps are from each other.

        d_ij = |x_i - x_j|,   the Euclidean norm over channels and pixels

    Args:
        maps: [count, channels, height, width], or any other shape per map.

    Returns:
        float64 [count, count], on the CPU.
    """
    flat = maps.detach().to("cpu", torch.float64).flatten(1)
    # Differences, not products: equal maps are at distance zero.
    return torch.stack([(flat - row).square().sum(1).sqrt() for row in flat])


def greedy_medoids(distance: Tensor) -> list[int]:
    """Order candidates so that the first n represent all of them, for every n.

    The first is the medoid of all; each further one lowers the sum over all candidates of the
    distance to the nearest chosen one most. Equal candidates keep their order.

    Source: the BUILD step of Kaufman and Rousseeuw, "Clustering by Means of Medoids" (1987).

    Args:
        distance: [count, count], at least 0.

    Returns:
        All candidates, by number.
    """
    left = list(range(len(distance)))
    order: list[int] = []
    nearest: Tensor | None = None
    while left:
        columns = distance[:, left]
        if nearest is not None:
            columns = torch.minimum(columns, nearest[:, None])
        sums = columns.sum(0).tolist()
        chosen = left.pop(sums.index(min(sums)))
        order.append(chosen)
        column = distance[:, chosen]
        nearest = column if nearest is None else torch.minimum(nearest, column)
    return order


def shares_of(distance: Tensor, chosen: Sequence[int], shrinkage: float = 0.0) -> list[float]:
    """Estimate how much of what is plausible each chosen candidate stands for.

        share_k = (1 - s) (fraction of candidates nearest to k) + s / n

    Args:
        distance: [count, count].
        chosen: numbers of n candidates, the first wins where several are equally near.
        shrinkage: s in [0, 1], towards equal shares: a few dozen candidates of a model that is too
            sure of itself make large parts look larger than they are.

    Returns:
        n shares that add up to 1.

    Raises:
        ConfigError: the shrinkage is out of range, or nothing is chosen.
    """
    if not (0 <= shrinkage <= 1 and chosen):
        raise ConfigError(
            f"shares: expected one or more candidates and a shrinkage in [0, 1], got {len(chosen)} "
            f"and {shrinkage}"
        )
    owners = distance[:, list(chosen)].tolist()
    counts = [0] * len(chosen)
    for row in owners:
        counts[row.index(min(row))] += 1
    even = shrinkage / len(chosen)
    return [(1 - shrinkage) * count / len(distance) + even for count in counts]
