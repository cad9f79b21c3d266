"""What the flow needs of a photo: the condition terms of all couplings, computed once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from colorflow.errors import ConfigError, ShapeError


class HoistedCondition(nn.Module):
    """The condition terms of all couplings of a level, by one linear map.

    Args:
        width: channels of the condition.
        couplings: how many of them.
        hidden: width of their subnets; each coupling has two.
        maps: the level is conditioned on a map (and not on the global vector alone).
        summary: the level is conditioned on the global vector.
    """

    def __init__(self, width: int, couplings: int, hidden: int, maps: bool, summary: bool) -> None:
        super().__init__()
        if not (maps or summary):
            raise ConfigError("HoistedCondition: expected a map, the global vector, or both")
        self.couplings = couplings
        outputs = couplings * 2 * hidden
        self.from_map = nn.Conv2d(width, outputs, 1) if maps else None
        self.from_summary = nn.Linear(width, outputs, bias=not maps) if summary else None

    def forward(self, condition_map: Tensor | None, summary: Tensor) -> list[Tensor]:
        """Compute the terms.

        Args:
            condition_map: [photos, width, height, width], or None where the level uses none.
            summary: [photos, width].

        Returns:
            One tensor [photos, 2 * hidden, ...] per coupling.
        """
        parts: list[Tensor] = []
        if self.from_map is not None:
            parts.append(self.from_map(condition_map))
        if self.from_summary is not None:
            constant: Tensor = self.from_summary(summary)
            parts.append(constant[:, :, None, None] if parts else constant)
        terms = parts[0] if len(parts) == 1 else parts[0] + parts[1]
        return list(terms.chunk(self.couplings, dim=1))


@dataclass(frozen=True)
class PreparedCondition:
    """Everything the flow needs of a photo, computed once.

    Args:
        terms: one entry per transform of the flow: its condition, or None.
        size: height and width of the target.
    """

    terms: tuple[Tensor | None, ...]
    size: tuple[int, int]

    @classmethod
    def cat(cls, parts: Sequence[PreparedCondition]) -> PreparedCondition:
        """Put conditions of several photos one behind the other.

        Args:
            parts: of one geometry.

        Returns:
            The condition of all of them.

        Raises:
            ShapeError: the geometries differ.
        """
        if len(parts) == 1:
            return parts[0]
        sizes = {part.size for part in parts}
        if len(sizes) != 1:
            raise ShapeError(f"PreparedCondition: expected one geometry, got {sorted(sizes)}")
        terms = tuple(
            None if column[0] is None else torch.cat([t for t in column if t is not None])
            for column in zip(*(part.terms for part in parts), strict=True)
        )
        return cls(terms, parts[0].size)

    def __len__(self) -> int:
        return next(len(term) for term in self.terms if term is not None)
