"""A public check that a transform keeps its contract."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from colorflow.errors import NotInvertibleError
from colorflow.transforms.base import Condition, Transform

# Above this many dimensions the full Jacobian is not computed.
MAX_JACOBIAN = 512


@dataclass(frozen=True)
class InvertibilityReport:
    """What :func:`check_invertible` measured.

    Args:
        round_trip: max |inverse(forward(x)) - x|.
        round_trip_back: max |forward(inverse(y)) - y| for a perturbed y.
        log_det_sum: max |log_det forward + log_det inverse|.
        jacobian: max |log_det - slogdet of the Jacobian|, or None where that is too large.
    """

    round_trip: float
    round_trip_back: float
    log_det_sum: float
    jacobian: float | None


def flatten_value(value: Any) -> Tensor:
    """Lay out what a transform returns, a tensor or nested tuples of them, as vectors.

    Args:
        value: tensors [batch, ...].

    Returns:
        [batch, dimensions].
    """
    if isinstance(value, Tensor):
        return value.flatten(1)
    return torch.cat([flatten_value(part) for part in value], dim=1)


def jacobian_log_det(transform: Transform, x: Tensor, condition: Condition = None) -> Tensor:
    """Compute log|det dy/dx| by brute force, sample by sample.

    Costs O(dimensions) backward passes and an O(dimensions^3) decomposition per sample.

    Args:
        transform: any transform.
        x: [batch, ...].
        condition: as for ``forward``; its tensors have one row per sample.

    Returns:
        [batch].
    """
    log_dets = []
    for row in range(len(x)):
        one = condition_row(condition, row)

        def function(flat: Tensor, shape: Any = x.shape[1:], one: Condition = one) -> Tensor:
            return flatten_value(transform(flat.view(1, *shape), one)[0])[0]

        jacobian = torch.autograd.functional.jacobian(function, x[row].flatten())
        log_dets.append(torch.linalg.slogdet(jacobian).logabsdet)
    return torch.stack(log_dets)


def check_invertible(
    transform: Transform,
    shape: Sequence[int],
    condition: Condition = None,
    tolerance: float = 1e-9,
    generator: torch.Generator | None = None,
) -> InvertibilityReport:
    """Check round trips and the log-determinant of a transform in float64.

    Use it on transforms of your own; the project's tests run it on all registered ones. The
    transform is left as it was, in evaluation mode during the check.

    Args:
        transform: the transform; its parameters and buffers must be float64.
        shape: [batch, channels, ...] of the input.
        condition: as for ``forward``.
        tolerance: largest error to accept; for log-determinants, per dimension.
        generator: draws the input; seed 0 where None.

    Returns:
        The measured errors.

    Raises:
        NotInvertibleError: an error exceeds the tolerance, an input was changed in place, or
            log_det is not one number per sample.
    """
    name = type(transform).__name__
    generator = generator or torch.Generator().manual_seed(0)
    training = transform.training
    transform.eval()
    try:
        x = torch.randn(*shape, generator=generator, dtype=torch.float64)
        before = x.clone()
        y, log_det = transform(x, condition)
        if not torch.equal(x, before):
            raise NotInvertibleError(f"{name}: forward changed its input in place")
        back, inverse_log_det = transform.inverse(y, condition)
        for label, value in (("forward", log_det), ("inverse", inverse_log_det)):
            if tuple(value.shape) != (shape[0],):
                raise NotInvertibleError(
                    f"{name}: log_det of {label} should have shape [{shape[0]}], one number per "
                    f"sample, got {list(value.shape)}"
                )
        target = _perturb(y, generator)
        again, _ = transform(transform.inverse(target, condition)[0], condition)
        dimensions = x[0].numel()
        jacobian = None
        if dimensions <= MAX_JACOBIAN:
            difference = jacobian_log_det(transform, x, condition) - log_det
            jacobian = _largest(difference)
        report = InvertibilityReport(
            round_trip=_largest(back - x),
            round_trip_back=_largest(flatten_value(again) - flatten_value(target)),
            log_det_sum=_largest(log_det + inverse_log_det),
            jacobian=jacobian,
        )
    finally:
        transform.train(training)
    limits = {
        "round_trip": tolerance,
        "round_trip_back": tolerance,
        "log_det_sum": tolerance * dimensions,
        "jacobian": tolerance * dimensions,
    }
    for field, limit in limits.items():
        error = getattr(report, field)
        if error is not None and not error <= limit:  # also catches NaN
            raise NotInvertibleError(
                f"{name}: {field} error should be at most {limit:.1e}, got {error:.1e}"
            )
    return report


def _largest(difference: Tensor) -> float:
    return float(difference.detach().abs().max())


def _perturb(value: Any, generator: torch.Generator) -> Any:
    if isinstance(value, Tensor):
        value = value.detach()
        return value + 0.1 * torch.randn(value.shape, generator=generator, dtype=value.dtype)
    return tuple(_perturb(part, generator) for part in value)


def condition_row(condition: Any, row: int) -> Any:
    """Pick the condition of one sample.

    Args:
        condition: None, a tensor [batch, ...], or a nested sequence of them.
        row: of the batch.

    Returns:
        The same structure with tensors [1, ...].
    """
    if condition is None:
        return None
    if isinstance(condition, Tensor):
        return condition[row : row + 1]
    return [condition_row(part, row) for part in condition]
