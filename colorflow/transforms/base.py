"""The contract every invertible map fulfils."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from colorflow.errors import ShapeError

# What flows through a transform: a tensor, or several where a split has taken place.
Value = Any
# What a transform is conditioned on: a tensor, a sequence with one entry per part, or nothing.
Condition = Tensor | Sequence[Any] | None


class Transform(nn.Module, ABC):
    """An invertible map with an exact log-determinant for every sample.

    Sign convention, for all transforms: ``forward`` returns log|det dy/dx| and ``inverse`` returns
    log|det dx/dy|, each of the map *just applied*, so the two add up to zero along a round trip.

    Duties of a subclass:

    * ``log_det`` has shape [batch] and is per sample, always;
    * inputs are never changed in place;
    * every fixed tensor or flag is a buffer, so that it is saved, loaded and moved;
    * ``forward`` and ``inverse`` are defined for a batch of one and, on maps, for any height and
      width the transform documents;
    * register it with ``@register("name")`` and add a case to ``tests/transforms/cases.py``.
    """

    @abstractmethod
    def forward(self, x: Value, condition: Condition = None) -> tuple[Value, Tensor]:
        """Map data towards the latents.

        Args:
            x: [batch, channels, ...].
            condition: what the subclass documents; None where it takes none.

        Returns:
            y, and log|det dy/dx| [batch] in nats.
        """

    @abstractmethod
    def inverse(self, y: Value, condition: Condition = None) -> tuple[Value, Tensor]:
        """Map latents towards the data.

        Args:
            y: what ``forward`` returns.
            condition: the condition ``forward`` was given.

        Returns:
            x, and log|det dx/dy| [batch] in nats.
        """


def zero_log_det(x: Tensor) -> Tensor:
    """Give the log-determinant of a volume-preserving map.

    Args:
        x: [batch, ...].

    Returns:
        Zeros [batch], of the type and on the device of ``x``.
    """
    return x.new_zeros(x.shape[0])


def sum_per_sample(values: Tensor) -> Tensor:
    """Sum everything but the batch.

    Args:
        values: [batch, ...].

    Returns:
        [batch].
    """
    return values.flatten(1).sum(1)


def require_map(x: Tensor, layer: str, multiple: int = 1, channels: int | None = None) -> None:
    """Check that a tensor is a batch of maps a layer can take.

    Args:
        x: the tensor.
        layer: name for the message.
        multiple: height and width must be multiples of this.
        channels: the expected number of channels, where it is fixed.

    Raises:
        ShapeError: it is not.
    """
    expected = f"[batch, {channels or 'channels'}, height, width]"
    if multiple > 1:
        expected += f" with sides that are multiples of {multiple}"
    if (
        x.dim() != 4
        or (channels is not None and x.shape[1] != channels)
        or x.shape[2] % multiple
        or x.shape[3] % multiple
    ):
        raise ShapeError(f"{layer}: expected {expected}, got {list(x.shape)}")


def expand_condition(condition: Tensor, batch: int, layer: str) -> Tensor:
    """Repeat a condition made once per photo over the samples of that photo.

    Samples of one photo lie next to each other: sample s of photo b is row ``b * n + s``.

    Args:
        condition: [photos, ...].
        batch: photos * n.
        layer: name for the message.

    Returns:
        [batch, ...]; a view without copies where there is one photo or one sample.

    Raises:
        ShapeError: ``batch`` is not a multiple of the photos.
    """
    photos = condition.shape[0]
    if photos == batch:
        return condition
    if photos == 0 or batch % photos:
        raise ShapeError(
            f"{layer}: expected a batch that is a multiple of the {photos} conditions, got {batch}"
        )
    if photos == 1:
        return condition.expand(batch, *condition.shape[1:])
    return torch.repeat_interleave(condition, batch // photos, dim=0)
