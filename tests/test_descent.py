"""Minimising rows: the minimum is found, and no row knows of another."""

from __future__ import annotations

import torch

from colorflow.descent import descend


def bowl(points):
    """Curvatures from 1 to 1000, the minimum at 1, 2, 3 ..."""
    curvature = torch.logspace(0, 3, points.shape[1], dtype=points.dtype)
    away = points - torch.arange(1.0, points.shape[1] + 1, dtype=points.dtype)
    value = (curvature * away.square()).sum(1) / 2
    return value, curvature * away, torch.zeros(len(points), dtype=torch.bool)


def valley(points):
    """Rosenbrock's function, whose minimum is at (1, 1) behind a bend."""
    x, y = points.T
    value = (1 - x).square() + 100 * (y - x.square()).square()
    slope_x = -2 * (1 - x) - 400 * x * (y - x.square())
    gradient = torch.stack([slope_x, 200 * (y - x.square())], dim=1)
    return value, gradient, torch.zeros(len(points), dtype=torch.bool)


def test_the_minimum_is_found():
    found = descend(bowl, torch.zeros(2, 6, dtype=torch.float64), 60)
    assert torch.allclose(found, torch.arange(1.0, 7, dtype=torch.float64), atol=1e-4)
    start = torch.tensor([[-1.2, 1.0], [0.0, 2.0]], dtype=torch.float64)
    assert torch.allclose(descend(valley, start, 120), torch.ones(2, 2).double(), atol=1e-3)


def test_a_row_comes_to_the_same_bits_in_any_company():
    generator = torch.Generator().manual_seed(1)
    first = torch.randn(4, 2, generator=generator)
    second = torch.cat([first[:1], 10 * torch.randn(3, 2, generator=generator)])
    assert torch.equal(descend(valley, first, 25)[0], descend(valley, second, 25)[0])


def test_no_step_makes_it_worse_and_what_is_no_number_is_stepped_back_from():
    def cliff(points):
        value, gradient, fine = bowl(points)
        # Where the first step leads, there is nothing.
        return torch.where(points[:, 5] > 0.5, torch.nan, value), gradient, fine

    start = torch.zeros(1, 6)
    found = descend(cliff, start, 30)
    assert torch.isfinite(found).all()
    assert float(cliff(found)[0]) < float(cliff(start)[0])


def test_a_row_that_is_good_enough_and_at_rest_stays_where_it_is():
    met = []

    def counting(points):
        value, gradient, _ = bowl(points)
        met.append(points.clone())
        # The prior, too, leaves something at the minimum.
        return value + 1, gradient, value < 0.1

    start = torch.full((2, 6), -100.0)
    start[1] = torch.arange(1.0, 7)
    start[1, 0] += 0.01
    together = descend(counting, start, 80)
    needed = len(met)
    assert needed < 80
    assert float(bowl(together)[0].max()) < 0.1
    met.clear()
    alone = descend(counting, start[1:].repeat(2, 1), 80)
    # It was done early, and did not wander on while the other was at work.
    assert len(met) < needed
    assert torch.equal(alone[0], together[1])
