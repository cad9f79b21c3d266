"""Which latents become the variants of a photo: drawn independently, or chosen among candidates."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence
from dataclasses import dataclass

from colorflow.errors import ConfigError
from colorflow.models.latents import Latents, Shape, derive_seed

STRATEGIES = ("representative", "independent")
# Among so many draws representative variants are chosen; the number does not depend on how many
# are chosen, so that four variants are the first four of eight.
CANDIDATES = 32
# A draw whose target is implausible is replaced so often.
ATTEMPTS = 8
# Beyond it draws have nothing to do with what the model learnt.
MAX_TEMPERATURE = 3.0
# Factors on chroma up to which pictures were looked at.
MAX_VIVID = 2.0
DETAILS = (1.0, 1.5, 2.0)


@dataclass(frozen=True)
class Draw:
    """How the latents of one photo's variants are drawn.

    Args:
        shapes: of the levels of the latents.
        content: hash of the photo.
        n: number of variants.
        seed: of the user.
        temperature: standard deviation, one for all levels or one for each.
        factor: on the latents: saturation, or strength.
        strategy: ``"independent"``: the first n draws; ``"representative"``: n of
            :data:`CANDIDATES` draws, chosen by what the coarse stages of the flow make of them at
            factor 1.

    Raises:
        ConfigError: a value is out of range.
    """

    shapes: tuple[Shape, ...]
    content: str
    n: int = 4
    seed: int = 0
    temperature: float | tuple[float, ...] = 1.0
    factor: float = 1.0
    strategy: str = "representative"

    def __post_init__(self) -> None:
        if self.n < 1:
            raise ConfigError(f"n: expected at least 1 variant, got {self.n}")
        require_strategy(self.strategy)
        spread = self.temperature if isinstance(self.temperature, tuple) else (self.temperature,)
        if not all(0 <= value <= MAX_TEMPERATURE for value in spread):
            raise ConfigError(
                f"temperature: expected 0 to {MAX_TEMPERATURE:g}, got {self.temperature}"
            )
        if not (math.isfinite(self.factor) and self.factor >= 0):
            raise ConfigError(f"factor: expected a number >= 0, got {self.factor}")

    def latents(
        self,
        numbers: Sequence[int],
        attempts: Sequence[int] | None = None,
        scales: Sequence[float] | None = None,
    ) -> Latents:
        """Draw some of the photo's latents; each depends on its own number and attempt only.

        Args:
            numbers: of the draws, from 0.
            attempts: how often each was replaced; never where None.
            scales: a further factor on each; 1 where None.

        Returns:
            One row per number, scaled by temperature and factor, on the CPU.
        """
        attempts = [0] * len(numbers) if attempts is None else attempts
        seeds = [
            derive_seed(self.seed, self.content, number, attempt)
            for number, attempt in zip(numbers, attempts, strict=True)
        ]
        drawn = Latents.sample(self.shapes, seeds).scale(self.temperature).scale(self.factor)
        if scales is None:
            return drawn
        return Latents.cat([drawn[row].scale(scale) for row, scale in enumerate(scales)])

    def drawn(
        self,
        numbers: Sequence[int],
        shares: Sequence[float | None] | None = None,
        attempts: Sequence[int] | None = None,
        scales: Sequence[float] | None = None,
    ) -> Drawn:
        """Draw the latents of given numbers.

        Args:
            numbers: of the draws, from 0.
            shares: of each, where they represent candidates.
            attempts: how often each was replaced; never where None.
            scales: a further factor on each; 1 where None.

        Returns:
            The latents, and where they come from.
        """
        scales = tuple(scales or [1.0] * len(numbers))
        attempts = tuple(attempts or [0] * len(numbers))
        shared = tuple(shares) if shares is not None else (None,) * len(numbers)
        latents = self.latents(numbers, attempts, scales)
        return Drawn(self, latents, tuple(numbers), attempts, shared, scales)


@dataclass(frozen=True)
class Drawn:
    """Latents of variants, and which draws of the photo they are.

    Args:
        draw: how they were drawn.
        latents: one row per variant.
        numbers: of the draw, per variant.
        attempts: how often it was replaced, per variant.
        shares: of the candidates it stands for, per variant; None where it stands for itself.
        scales: a further factor on the latents, per variant.
    """

    draw: Draw
    latents: Latents
    numbers: tuple[int, ...]
    attempts: tuple[int, ...]
    shares: tuple[float | None, ...]
    scales: tuple[float, ...]

    def __len__(self) -> int:
        return len(self.numbers)

    def __getitem__(self, rows: slice) -> Drawn:
        return Drawn(
            self.draw,
            self.latents[rows],
            self.numbers[rows],
            self.attempts[rows],
            self.shares[rows],
            self.scales[rows],
        )

    def replaced(self, row: int) -> Drawn:
        """Draw one variant again, from the next seed of its number.

        Args:
            row: of the variant.

        Returns:
            Latents of one variant.
        """
        attempt = self.attempts[row] + 1
        return self.draw.drawn(
            [self.numbers[row]], [self.shares[row]], [attempt], [self.scales[row]]
        )

    def scale(self, factor: float) -> Drawn:
        """Scale the latents, those of later replacements too.

        Args:
            factor: at least 0.

        Returns:
            The same draws.
        """
        draw = dataclasses.replace(self.draw, factor=self.draw.factor * factor)
        return dataclasses.replace(self, draw=draw, latents=self.latents.scale(factor))

    def with_row(self, row: int, one: Drawn) -> Drawn:
        """Put another draw in the place of a variant.

        Args:
            row: of the variant.
            one: of one variant.

        Returns:
            All variants.
        """
        parts = [self[:row], one, self[row + 1 :]]
        return Drawn(
            self.draw,
            Latents.cat([part.latents for part in parts]),
            tuple(number for part in parts for number in part.numbers),
            tuple(attempt for part in parts for attempt in part.attempts),
            tuple(share for part in parts for share in part.shares),
            tuple(scale for part in parts for scale in part.scales),
        )

    def without_shares(self) -> Drawn:
        """Give the same draws without shares, which hold only for what was drawn."""
        return dataclasses.replace(self, shares=(None,) * len(self))


def require_strategy(name: str) -> None:
    """Make sure that a strategy exists.

    Args:
        name: one of :data:`STRATEGIES`.

    Raises:
        ConfigError: there is no such strategy.
    """
    if name not in STRATEGIES:
        raise ConfigError(f"draw: expected one of {', '.join(STRATEGIES)}, got {name}")


def require_detail(factor: float) -> float:
    """Make sure that a detail is one of :data:`DETAILS`.

    Args:
        factor: on the size at which the model sees a photo.

    Returns:
        It.

    Raises:
        ConfigError: it is none of them.
    """
    if factor not in DETAILS:
        *others, last = (f"{value:g}" for value in DETAILS)
        raise ConfigError(f"detail: expected {', '.join(others)} or {last}, got {factor}")
    return factor


def require_vivid(factor: float) -> float:
    """Make sure that a factor on chroma is in range.

    Args:
        factor: on the chroma of finished pictures.

    Returns:
        It.

    Raises:
        ConfigError: it is negative, above :data:`MAX_VIVID`, or no number.
    """
    if not 0 <= factor <= MAX_VIVID:
        raise ConfigError(f"vivid: expected 0 to {MAX_VIVID:g}, got {factor}")
    return factor
