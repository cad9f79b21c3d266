"""Minimising a function of several rows at once, each row as if it were alone."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import torch
from torch import Tensor

# Values [rows], gradients [rows, dimensions], and whether a row is good enough [rows].
Objective = Callable[[Tensor], tuple[Tensor, Tensor, Tensor]]

# A step is taken where it brings this share of what the slope promises (Nocedal and Wright 2006).
SUFFICIENT = 1e-4
SHORTER = 0.4
# A row that is good enough is at rest when a step brings less than this share of its value.
SETTLED = 0.01


@dataclass
class _Memory:
    """The last steps and changes of the gradient, from which the curvature is known.

    Args:
        scale: of the inverse curvature, [rows].
        size: steps that are kept.
        pairs: the steps, the changes, and the inverse of their product.
    """

    scale: Tensor
    size: int
    pairs: list[tuple[Tensor, Tensor, Tensor]] = field(default_factory=list)

    def add(self, step: Tensor, change: Tensor) -> None:
        """Remember; rows whose curvature is not positive remember nothing of it."""
        product = (step * change).sum(1)
        fine = product > 1e-8
        inverse = torch.where(fine, 1 / product.clamp(min=1e-8), torch.zeros_like(product))
        ratio = product / change.square().sum(1).clamp(min=1e-12)
        self.scale = torch.where(fine, ratio, self.scale)
        self.pairs = [*self.pairs, (step, change, inverse)][-self.size :]

    def direction(self, gradient: Tensor) -> Tensor:
        """Give -H g with the inverse Hessian H as remembered, by the two-loop recursion."""
        q, shares = gradient, []
        for step, change, inverse in reversed(self.pairs):
            shares.append(inverse * (step * q).sum(1))
            q = q - shares[-1][:, None] * change
        q = q * self.scale[:, None]
        for (step, change, inverse), share in zip(self.pairs, reversed(shares), strict=True):
            q = q + (share - inverse * (change * q).sum(1))[:, None] * step
        downhill = (q * gradient).sum(1, keepdim=True) > 0
        return -torch.where(downhill, q, gradient * self.scale[:, None])


def descend(objective: Objective, start: Tensor, steps: int, memory: int = 8) -> Tensor:
    """Minimise by L-BFGS with backtracking, a step length for every row.

    Rows do not know of each other: each has its own curvature, step length and end. A row ends
    where it is good enough and at rest; from then on it is left as it is.

    Source: Liu and Nocedal, "On the Limited Memory BFGS Method for Large Scale Optimization"
    (1989).

    Args:
        objective: of points [rows, dimensions]; the values of a row depend on that row alone.
        start: where to begin, [rows, dimensions].
        steps: evaluations of the objective, at most, at least 1.
        memory: steps that are remembered.

    Returns:
        The lowest points that were met, [rows, dimensions].
    """
    point = start
    value, gradient, fine = objective(point)
    # Nothing is known of the curvature yet: the first step has length 1.
    known = _Memory(1 / gradient.norm(dim=1).clamp(min=1e-12), memory)
    heading = known.direction(gradient)
    length = torch.ones_like(value)
    ended = torch.zeros_like(fine)
    for _ in range(steps - 1):
        # Written so that what is no number, too, counts as no progress.
        slope = (gradient * heading).sum(1)
        trial = point + length[:, None] * heading
        new_value, new_gradient, new_fine = objective(trial)
        good = (new_value <= value + SUFFICIENT * length * slope) & ~ended
        rest = value - new_value < SETTLED * value
        column = good[:, None]
        nothing = torch.zeros_like(point)
        known.add(
            torch.where(column, trial - point, nothing),
            torch.where(column, new_gradient - gradient, nothing),
        )
        point = torch.where(column, trial, point)
        gradient = torch.where(column, new_gradient, gradient)
        value = torch.where(good, new_value, value)
        ended = ended | (good & new_fine & rest)
        if bool(ended.all()):
            break
        heading = known.direction(gradient)
        length = torch.where(good, torch.ones_like(length), SHORTER * length)
    return point
