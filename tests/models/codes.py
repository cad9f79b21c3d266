"""Latent codes to test with, and when two of them are equal."""

from __future__ import annotations

import torch

from colorflow.models.latents import Latents

SHAPES = ((3, 4, 6), (2, 2, 3), (5,))
MANY = ((4, 64, 64), (4000,))


def draw(count: int = 2, first_seed: int = 1, shapes=SHAPES) -> Latents:
    return Latents.sample(shapes, range(first_seed, first_seed + count))


def assert_equal(a: Latents, b: Latents):
    assert a.shapes == b.shapes
    assert all(torch.equal(x, y) for x, y in zip(a.levels, b.levels, strict=True))
