"""Figures of a model on cached photos: enough to steer training by."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from colorflow.models.cinn import ConditionalINN
from colorflow.models.latents import Latents
from colorflow.training.cache import FeatureCache


@torch.inference_mode()
def measure(
    model: ConditionalINN,
    cache: FeatureCache,
    samples: int = 8,
    photos: int = 256,
    batch: int = 32,
    noise: float = 0.05,
    temperatures: Sequence[float] = (0.7, 1.0),
) -> dict[str, float]:
    """Measure a model on the first photos of a cache.

    All squared errors are means over photos, positions and both chroma channels, in units of the
    model squared. *Best* is the best whole sample of each photo, not of each pixel.

    Args:
        model: in evaluation mode.
        cache: of photos held back.
        samples: per photo; 0 leaves the flow out.
        photos: how many.
        batch: photos at a time.
        noise: on the target, for the likelihood, as in training.
        temperatures: of the samples.

    Returns:
        ``grey``: mean square of the target; ``regressor``: error of the affine start's shift;
        ``nll``: nats per dimension; for each temperature: ``best``, ``one``, ``variance``.
    """
    totals: dict[str, float] = {}

    def add(name: str, values: torch.Tensor) -> None:
        totals[name] = totals.get(name, 0.0) + float(values.sum())

    generator = torch.Generator().manual_seed(0)
    device = next(model.parameters()).device
    positions = torch.arange(min(photos, len(cache)))
    for chosen in positions.split(batch):
        data = {name: value.to(device) for name, value in cache.batch(chosen).items()}
        condition, target = data.pop("condition"), data.pop("target")
        add("grey", target.square().flatten(1).mean(1))
        if model.head is not None:
            shift = model.predict(condition, data)
            add("regressor", (shift - target).square().flatten(1).mean(1))
        if not samples:
            continue
        prepared = model.prepare(condition, data)
        noisy = target + noise * torch.randn(target.shape, generator=generator).to(device)
        add("nll", -model.log_prob(noisy, prepared) / target[0].numel())
        shapes = model.latent_shapes(*prepared.size)
        seeds = range(int(chosen[0]) * samples, int(chosen[0]) * samples + len(chosen) * samples)
        latents = Latents.sample(shapes, list(seeds)).to(device)
        for temperature in temperatures:
            drawn, _ = model.inverse(latents.scale(temperature), prepared)
            drawn = drawn.unflatten(0, (len(chosen), samples))
            errors = (drawn - target[:, None]).square().flatten(2).mean(2)  # [photos, samples]
            add(f"best@{temperature}", errors.min(1).values)
            add(f"one@{temperature}", errors.mean(1))
            add(f"variance@{temperature}", drawn.var(1).flatten(1).mean(1))
    return {name: total / len(positions) for name, total in totals.items()}
