"""Pictures of held-back photos while training: samples beside the truth, and temperatures."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from PIL import Image

from colorflow.domains import Domain
from colorflow.models.cinn import ConditionalINN
from colorflow.models.condition import PreparedCondition
from colorflow.models.latents import Latents, derive_seed
from colorflow.training.batches import Batch

SAMPLES = 4
SWEEP = (0.0, 0.25, 0.5, 0.75, 1.0, 1.25)
GAP = 4


def grid_picture(
    model: ConditionalINN, domain: Domain, batch: Batch, prepared: PreparedCondition, seed: int = 0
) -> Image.Image:
    """Show photos as rows: condition | four samples | truth.

    Args:
        model: in evaluation mode.
        domain: that finishes pictures.
        batch: condition and target of the photos.
        prepared: condition of the same photos.
        seed: of the samples, so that pictures of one run show the same latents.

    Returns:
        The picture.
    """
    count = len(batch["condition"])
    latents = _latents(model, prepared, count, SAMPLES, seed).scale(model.config.temperature)
    samples = model.inverse(latents, prepared)[0].unflatten(0, (count, SAMPLES))
    rows = []
    for row in range(count):
        condition = batch["condition"][row]
        targets = [*samples[row], batch["target"][row]]
        made = [domain.preview(condition, target) for target in targets]
        rows.append([domain.show(condition), *made])
    return tile(rows)


def sweep_picture(
    model: ConditionalINN, domain: Domain, batch: Batch, prepared: PreparedCondition, seed: int = 0
) -> Image.Image:
    """Show photos as rows, one direction of the latents at temperatures from 0 to 1.25.

    Args:
        model: in evaluation mode.
        domain: that finishes pictures.
        batch: condition of the photos.
        prepared: condition of the same photos.
        seed: of the latents.

    Returns:
        The picture.
    """
    count = len(batch["condition"])
    latents = _latents(model, prepared, count, 1, seed)
    columns = [model.inverse(latents.scale(t), prepared)[0] for t in SWEEP]
    return tile(
        [
            [domain.preview(batch["condition"][row], column[row]) for column in columns]
            for row in range(count)
        ]
    )


def tile(rows: Sequence[Sequence[Image.Image]]) -> Image.Image:
    """Put pictures of one size into a grid on white.

    Args:
        rows: of pictures.

    Returns:
        The grid.
    """
    arrays = [[np.asarray(picture.convert("RGB")) for picture in row] for row in rows]
    height, width, _ = arrays[0][0].shape
    columns = max(len(row) for row in arrays)
    size = (len(arrays) * (height + GAP) - GAP, columns * (width + GAP) - GAP, 3)
    canvas = np.full(size, 255, np.uint8)
    for y, row in enumerate(arrays):
        for x, array in enumerate(row):
            top, left = y * (height + GAP), x * (width + GAP)
            canvas[top : top + height, left : left + width] = array
    return Image.fromarray(canvas)


def _latents(
    model: ConditionalINN, prepared: PreparedCondition, photos: int, samples: int, seed: int
) -> Latents:
    shapes = model.latent_shapes(*prepared.size)
    seeds = [derive_seed(seed, "pictures", number) for number in range(photos * samples)]
    return Latents.sample(shapes, seeds).to(next(model.parameters()).device)
