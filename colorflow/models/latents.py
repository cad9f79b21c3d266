"""Latent codes as values: drawn, scaled, mixed, interpolated, saved."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

from colorflow.errors import CheckpointError, ConfigError, ShapeError
from colorflow.files import written_whole

Shape = tuple[int, ...]


def derive_seed(seed: int, content: str, index: int, attempt: int = 0) -> int:
    """Derive the seed of one sample of one photo.

    It depends on nothing else: not on the order of files, the batch size, or the other samples.

    Args:
        seed: the user's.
        content: hash of the photo's pixels.
        index: number of the sample.
        attempt: how often the sample was replaced.

    Returns:
        A 63-bit number.
    """
    text = f"{seed}/{content}/{index}" + (f"/{attempt}" if attempt else "")
    digest = hashlib.sha256(text.encode()).digest()
    return int.from_bytes(digest[:8], "big") >> 1


@dataclass(frozen=True)
class Latents:
    """The latent code of one or several pictures, one tensor per level, finest first.

    Under the model each value is standard normal; ``names`` are ``level_0`` (finest) upwards.

    Args:
        levels: each [count, channels, height, width] or [count, length].

    Raises:
        ShapeError: there is no level, or the counts differ.
    """

    levels: tuple[Tensor, ...]

    def __post_init__(self) -> None:
        counts = {len(level) for level in self.levels}
        if len(counts) != 1:
            raise ShapeError(
                f"Latents: expected levels of one count, got {[list(v.shape) for v in self.levels]}"
            )

    @classmethod
    def sample(cls, shapes: Sequence[Shape], seeds: Sequence[int]) -> Latents:
        """Draw standard normal latents, each picture from a seed of its own.

        Args:
            shapes: of the levels, without the count.
            seeds: one per picture.

        Returns:
            Latents of ``len(seeds)`` pictures, float32, on the CPU: the same on every device.
        """
        rows = []
        for seed in seeds:
            generator = torch.Generator().manual_seed(seed)
            rows.append([torch.randn(*shape, generator=generator) for shape in shapes])
        return cls(tuple(torch.stack(level) for level in zip(*rows, strict=True)))

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the levels, finest first."""
        return tuple(f"level_{i}" for i in range(len(self.levels)))

    @property
    def shapes(self) -> tuple[Shape, ...]:
        """Shapes of the levels, without the count."""
        return tuple(tuple(level.shape[1:]) for level in self.levels)

    @property
    def dimensions(self) -> int:
        """Values per picture."""
        return sum(math.prod(shape) for shape in self.shapes)

    def __len__(self) -> int:
        return len(self.levels[0])

    def __getitem__(self, rows: int | slice) -> Latents:
        if isinstance(rows, int):
            # An IndexError also is what ends `for code in latents`.
            rows = range(len(self))[rows]
            rows = slice(rows, rows + 1)
        return Latents(tuple(level[rows] for level in self.levels))

    @classmethod
    def cat(cls, parts: Sequence[Latents]) -> Latents:
        """Put the pictures of several latents one behind the other.

        Args:
            parts: of equal shapes.

        Returns:
            Latents of all pictures.
        """
        columns = zip(*(part.levels for part in parts), strict=True)
        return cls(tuple(torch.cat(column) for column in columns))

    def to(self, device: torch.device | str, dtype: torch.dtype | None = None) -> Latents:
        """Move to a device, or change the type.

        Args:
            device: where to.
            dtype: new type, or None to keep it.

        Returns:
            The moved latents.
        """
        return Latents(tuple(level.to(device=device, dtype=dtype) for level in self.levels))

    def scale(self, factor: float | Sequence[float]) -> Latents:
        """Scale the levels: z -> factor * z; 0 is the mode of the prior, 1 changes nothing.

        Args:
            factor: saturation times temperature, at least 0; one number, or one per level, finest
                first.

        Returns:
            The scaled latents.

        Raises:
            ConfigError: a factor is negative or not finite, or there is not one per level.
        """
        levels = len(self.levels)
        factors = list(factor) if isinstance(factor, Sequence) else [float(factor)] * levels
        if len(factors) != levels:
            raise ConfigError(
                f"scale of latents: expected one number or one per level, {levels}, got {factor}"
            )
        if not all(math.isfinite(value) and value >= 0 for value in factors):
            raise ConfigError(f"scale of latents: expected a number >= 0, got {factor}")
        return Latents(tuple(z * s for z, s in zip(self.levels, factors, strict=True)))

    def mix(self, other: Latents, weights: Sequence[float]) -> Latents:
        """Mix level by level: z -> sqrt(1 - w) z + sqrt(w) z'.

        Independent standard normal latents stay standard normal.

        Source: the published code of Ardizzone et al. (2019), colour transfer.

        Args:
            other: of the same shapes.
            weights: share of ``other`` per level, finest first, each in [0, 1].

        Returns:
            The mixture.

        Raises:
            ShapeError: the shapes differ.
            ConfigError: a weight is missing or out of range.
        """
        self._same_shapes(other)
        if len(weights) != len(self.levels) or not all(0 <= w <= 1 for w in weights):
            raise ConfigError(
                f"mix: expected {len(self.levels)} weights in [0, 1], got {list(weights)}"
            )
        return Latents(
            tuple(
                math.sqrt(1 - w) * mine + math.sqrt(w) * theirs
                for mine, theirs, w in zip(self.levels, other.levels, weights, strict=True)
            )
        )

    def interpolate(self, other: Latents, t: float) -> Latents:
        """Go from here to another code along a great circle, so that lengths are kept.

            z_t = (sin((1 - t) w) z + sin(t w) z') / sin(w),   w the angle between z and z'

        The straight line would pass near the origin, where pictures are muted. Lengths that
        differ are blended. Opposite codes (w = pi) have no shortest way; they go straight.

        Source: Shoemake, "Animating Rotation with Quaternion Curves" (1985).

        Args:
            other: of the same shapes.
            t: 0 gives this code, 1 the other.

        Returns:
            The code between.

        Raises:
            ShapeError: the shapes differ.
        """
        self._same_shapes(other)
        here, there = self.flatten(), other.flatten()
        a, b = here.norm(dim=1, keepdim=True), there.norm(dim=1, keepdim=True)
        tiny = torch.finfo(here.dtype).tiny
        u, v = here / a.clamp(min=tiny), there / b.clamp(min=tiny)
        angle = torch.acos((u * v).sum(1, keepdim=True).clamp(-1, 1))
        sine = torch.sin(angle)
        # Parallel codes have no angle to go along; the straight line is right for them.
        flat = sine < 1e-4
        safe = torch.where(flat, torch.ones_like(sine), sine)
        first = torch.where(flat, 1 - t + 0 * angle, torch.sin((1 - t) * angle) / safe)
        second = torch.where(flat, t + 0 * angle, torch.sin(t * angle) / safe)
        length = (1 - t) * a + t * b
        return self.unflatten((first * u + second * v) * length, self.shapes)

    def flatten(self) -> Tensor:
        """Lay the levels out as one vector per picture.

        Returns:
            [count, dimensions].
        """
        return torch.cat([level.flatten(1) for level in self.levels], dim=1)

    @classmethod
    def unflatten(cls, flat: Tensor, shapes: Sequence[Shape]) -> Latents:
        """Undo :meth:`flatten`.

        Args:
            flat: [count, dimensions].
            shapes: of the levels.

        Returns:
            The latents.

        Raises:
            ShapeError: the dimensions do not add up.
        """
        sizes = [math.prod(shape) for shape in shapes]
        if flat.dim() != 2 or flat.shape[1] != sum(sizes):
            raise ShapeError(f"Latents: expected [count, {sum(sizes)}], got {list(flat.shape)}")
        parts = flat.split(sizes, dim=1)
        return cls(tuple(p.unflatten(1, s) for p, s in zip(parts, shapes, strict=True)))

    def log_prob(self) -> Tensor:
        """Compute the log-density under the standard normal prior.

        Returns:
            -|z|^2 / 2 - d/2 log(2 pi) in nats, [count].
        """
        z = self.flatten()
        return -0.5 * z.square().sum(1) - 0.5 * z.shape[1] * math.log(2 * math.pi)

    def save(self, path: str | Path) -> None:
        """Write to a safetensors file.

        Args:
            path: of the file.
        """
        with written_whole(path) as temporary:
            temporary.write_bytes(self.to_bytes())

    def to_bytes(self) -> bytes:
        """Give the content of a file that :meth:`load` reads."""
        levels = (level.contiguous().cpu() for level in self.levels)
        return save(dict(zip(self.names, levels, strict=True)), {"format": "colorflow-latents"})

    @classmethod
    def load(cls, path: str | Path) -> Latents:
        """Read a file written by :meth:`save`.

        Args:
            path: of the file.

        Returns:
            The latents, on the CPU.

        Raises:
            CheckpointError: the file is missing, damaged, or holds something else.
        """
        try:
            with safe_open(path, framework="pt") as file:
                if (file.metadata() or {}).get("format") != "colorflow-latents":
                    raise CheckpointError(f"{path}: expected latents, the file holds other tensors")
                names = [f"level_{i}" for i in range(len(file.keys()))]
                if not names or set(names) != set(file.keys()):
                    raise CheckpointError(
                        f"{path}: expected latents level_0, level_1 …, found {sorted(file.keys())}"
                    )
                return cls(tuple(file.get_tensor(name) for name in names))
        except (SafetensorError, OSError, ShapeError) as error:
            raise CheckpointError(
                f"{path}: expected latents as safetensors, could not read them ({error})"
            ) from error

    def _same_shapes(self, other: Latents) -> None:
        if self.shapes != other.shapes or len(self) != len(other):
            raise ShapeError(
                f"Latents: expected {len(self)} codes of shapes {self.shapes}, got {len(other)} of "
                f"{other.shapes}; encode both at the same geometry"
            )
