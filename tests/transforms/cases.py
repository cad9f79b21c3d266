"""One or more cases per registered transform, for the contract suite.

A new transform needs one entry here; the suite fails for a registered name without one.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from colorflow.networks.subnets import ConvSubnet, LinearSubnet
from colorflow.transforms import (
    ActNorm,
    AdditiveCoupling,
    AffineCoupling,
    ConditionalAffine,
    Flatten,
    GINCoupling,
    Haar,
    Multiscale,
    RandomOrthogonal,
    Reshape,
    Split,
    Transform,
    TransformSequence,
)

HIDDEN = 5


def _conv(inputs: int, outputs: int) -> nn.Module:
    return ConvSubnet(inputs, outputs, HIDDEN, slope=0.1)


def _linear(inputs: int, outputs: int) -> nn.Module:
    return LinearSubnet(inputs, outputs, HIDDEN, slope=0.1)


def _plain_conv(inputs: int, outputs: int) -> nn.Module:
    return ConvSubnet(inputs, outputs, HIDDEN, conditioned=False)


def _generator() -> torch.Generator:
    return torch.Generator().manual_seed(11)


@dataclass(frozen=True)
class Case:
    """A way to build a transform, the shape it takes, and its condition.

    ``shape`` has no batch; it is never square, so that height and width cannot be confused.
    ``condition`` gives shapes like the condition's, without the batch.
    """

    name: str
    build: Callable[[], Transform]
    shape: tuple[int, ...]
    condition: Any = None


CASES = [
    Case("haar", Haar, (3, 4, 6)),
    Case("haar", lambda: Haar(order="channel", rebalance=0.5), (3, 4, 6)),
    Case("reshape", Reshape, (3, 4, 6)),
    Case("reshape", lambda: Reshape(order="channel"), (3, 4, 6)),
    Case("flatten", lambda: Flatten((2, 2, 4)), (2, 2, 4)),
    Case("orthogonal", lambda: RandomOrthogonal(6, _generator()), (6, 2, 4)),
    Case("orthogonal", lambda: RandomOrthogonal(9, _generator()), (9,)),
    Case("affine_coupling", lambda: AffineCoupling(5, _conv), (5, 2, 4), (2 * HIDDEN, 2, 4)),
    Case(
        "affine_coupling",
        lambda: AffineCoupling(5, _plain_conv, limit=1.5, clamp="atan_legacy"),
        (5, 2, 4),
    ),
    Case("affine_coupling", lambda: AffineCoupling(7, _linear, 2.0, "tanh"), (7,), (2 * HIDDEN,)),
    Case("gin_coupling", lambda: GINCoupling(5, _conv), (5, 2, 4), (2 * HIDDEN, 2, 4)),
    Case("additive_coupling", lambda: AdditiveCoupling(4, _conv), (4, 2, 4), (2 * HIDDEN, 2, 4)),
    Case("actnorm", lambda: ActNorm(3), (3, 2, 4)),
    Case("actnorm", lambda: ActNorm(7), (7,)),
    Case("conditional_affine", lambda: ConditionalAffine(2), (2, 2, 4), (4, 2, 4)),
    Case("split", lambda: Split(2), (5, 2, 4)),
    Case(
        "sequence",
        lambda: TransformSequence(
            [Haar(), RandomOrthogonal(8, _generator()), AffineCoupling(8, _conv)]
        ),
        (2, 4, 6),
        [None, None, (2 * HIDDEN, 2, 3)],
    ),
    Case(
        "multiscale",
        lambda: Multiscale(
            [Haar(), Split(4), AffineCoupling(4, _conv), Haar(), Split(6), ActNorm(6)]
        ),
        (2, 8, 4),
        [None, None, (2 * HIDDEN, 4, 2), None, None, None],
    ),
]


def condition_like(shapes: Any, batch: int, generator: torch.Generator) -> Any:
    """Draw a condition of the given shapes."""
    if shapes is None:
        return None
    if isinstance(shapes, tuple):
        return torch.randn(batch, *shapes, generator=generator, dtype=torch.float64)
    return [condition_like(part, batch, generator) for part in shapes]


def build(case: Case) -> Transform:
    """Build a case in float64 with random parameters: at its start a coupling is the identity."""
    transform = case.build().double()
    generator = torch.Generator().manual_seed(5)
    with torch.no_grad():
        for parameter in transform.parameters():
            noise = torch.randn(parameter.shape, generator=generator, dtype=torch.float64)
            parameter.add_(0.3 * noise)
    # Parameters are set: a data-dependent start must not overwrite them.
    for name, buffer in transform.named_buffers():
        if name.endswith("initialised"):
            buffer.fill_(True)
    return transform


def draw(case: Case, batch: int, seed: int = 1) -> tuple[Tensor, Any]:
    """Draw an input and a condition for a case."""
    generator = torch.Generator().manual_seed(seed)
    x = torch.randn(batch, *case.shape, generator=generator, dtype=torch.float64)
    return x, condition_like(case.condition, batch, generator)
