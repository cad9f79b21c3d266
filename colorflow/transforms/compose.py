"""Transforms made of transforms: split, sequence, multiscale."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from colorflow.errors import ConditionError, ConfigError, ShapeError
from colorflow.transforms.base import Condition, Transform, zero_log_det
from colorflow.transforms.registry import register


@register("split")
class Split(Transform):
    """Cut the channels in two: y = (kept, leaving); log_det = 0.

    Source: Dinh et al. (2017), section 3.6.

    Args:
        keep: channels that stay in the flow, from the first; the others leave as latents.

    Raises:
        ConfigError: ``keep`` is not positive.
    """

    def __init__(self, keep: int) -> None:
        super().__init__()
        if keep < 1:
            raise ConfigError(f"Split: expected to keep at least one channel, got {keep}")
        self.keep = keep

    def forward(
        self, x: Tensor, condition: Condition = None
    ) -> tuple[tuple[Tensor, Tensor], Tensor]:
        """Cut [batch, channels, ...] into [batch, keep, ...] and the rest."""
        if x.dim() < 2 or x.shape[1] <= self.keep:
            raise ShapeError(f"Split: expected more than {self.keep} channels, got {list(x.shape)}")
        return (x[:, : self.keep], x[:, self.keep :]), zero_log_det(x)

    def inverse(
        self, y: tuple[Tensor, Tensor], condition: Condition = None
    ) -> tuple[Tensor, Tensor]:
        """Join the two parts."""
        return torch.cat(list(y), dim=1), zero_log_det(y[0])


class _Composite(Transform):
    def __init__(self, transforms: Iterable[Transform]) -> None:
        super().__init__()
        self.transforms = nn.ModuleList(transforms)

    def _conditions(self, condition: Condition) -> Sequence[Any]:
        if condition is None:
            return [None] * len(self.transforms)
        if isinstance(condition, Tensor) or len(condition) != len(self.transforms):
            got = "one tensor" if isinstance(condition, Tensor) else f"{len(condition)} entries"
            raise ConditionError(
                f"{type(self).__name__}: expected one condition (or None) for each of the "
                f"{len(self.transforms)} transforms, got {got}"
            )
        return condition


@register("sequence")
class TransformSequence(_Composite):
    """Apply transforms one after the other; log-determinants add up.

    Args:
        transforms: in the order of ``forward``.
    """

    def forward(self, x: Any, condition: Condition = None) -> tuple[Any, Tensor]:
        """Apply all; the condition is a sequence with one entry per transform."""
        log_dets = []
        for transform, c in zip(self.transforms, self._conditions(condition), strict=True):
            x, log_det = transform(x, c)
            log_dets.append(log_det)
        return x, torch.stack(log_dets).sum(0)

    def inverse(self, y: Any, condition: Condition = None) -> tuple[Any, Tensor]:
        """Undo all, last first."""
        log_dets = []
        conditions = self._conditions(condition)
        for transform, c in zip(reversed(self.transforms), reversed(conditions), strict=True):
            y, log_det = transform.inverse(y, c)  # type: ignore[operator]
            log_dets.append(log_det)
        return y, torch.stack(log_dets).sum(0)


@register("multiscale")
class Multiscale(_Composite):
    """A sequence whose splits send part of the channels out as latents.

    After every :class:`Split` the kept part goes on and the other leaves; the last output leaves
    whole. y is the tuple of all that left, finest (first) level first.

    Source: Dinh et al. (2017), section 3.6.

    Args:
        transforms: in the order of ``forward``, splits among them.
    """

    def forward(self, x: Tensor, condition: Condition = None) -> tuple[tuple[Tensor, ...], Tensor]:
        """Apply all; the condition is a sequence with one entry per transform."""
        latents: list[Tensor] = []
        log_dets = [zero_log_det(x)]
        for transform, c in zip(self.transforms, self._conditions(condition), strict=True):
            x, log_det = transform(x, c)
            if isinstance(transform, Split):
                x, leaving = x
                latents.append(leaving)
            log_dets.append(log_det)
        return (*latents, x), torch.stack(log_dets).sum(0)

    def inverse(self, y: Sequence[Tensor], condition: Condition = None) -> tuple[Tensor, Tensor]:
        """Undo all, last first, taking the latents back in at the splits."""
        return self.inverse_down_to(0, y, condition)

    def latents_from(self, first: int) -> int:
        """Count the latents that leave at or after a transform.

        Args:
            first: number of the transform.

        Returns:
            At least 1.
        """
        return 1 + sum(isinstance(t, Split) for t in self.transforms[first:])

    def inverse_down_to(
        self, first: int, y: Sequence[Tensor], condition: Condition = None
    ) -> tuple[Tensor, Tensor]:
        """Undo only the transforms from a given one on: the coarse stages.

        Args:
            first: number of the last transform to undo; 0 for all.
            y: the latents that leave at or after it, finest first.
            condition: a sequence with one entry per transform of the whole.

        Returns:
            The input of that transform, and the log_det [batch] of what was undone.

        Raises:
            ShapeError: the number of latents is wrong.
        """
        levels = self.latents_from(first)
        if len(y) != levels:
            raise ShapeError(f"Multiscale: expected {levels} latents, got {len(y)}")
        conditions = self._conditions(condition)[first:]
        *latents, x = y
        log_dets = [zero_log_det(x)]
        undone = reversed(self.transforms[first:])
        for transform, c in zip(undone, reversed(conditions), strict=True):
            value = (x, latents.pop()) if isinstance(transform, Split) else x
            x, log_det = transform.inverse(value, c)  # type: ignore[operator]
            log_dets.append(log_det)
        return x, torch.stack(log_dets).sum(0)
