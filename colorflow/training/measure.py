"""Figures of a model on a batch of photos: enough to steer training by.

The written protocol is :mod:`colorflow.evaluation`; this is its quick relative at the model's size.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from colorflow.models.cinn import ConditionalINN
from colorflow.models.latents import Latents, derive_seed


@torch.inference_mode()
def figures_of(
    model: ConditionalINN,
    condition: Tensor,
    features: Mapping[str, Tensor],
    target: Tensor,
    samples: int = 8,
    noise: float = 0.05,
    temperatures: Sequence[float] = (0.7, 1.0),
    seed: int = 0,
) -> dict[str, Tensor]:
    """Measure a model on some photos.

    All squared errors are means over positions and channels, in units of the model squared. *Best*
    is the best whole sample of each photo, not of each pixel.

    Args:
        model: in evaluation mode.
        condition: [photos, channels, height, width].
        features: of the backbone, by tap.
        target: [photos, target channels, height / stride, width / stride].
        samples: per photo; 0 leaves the flow out.
        noise: standard deviation of the noise on the target for the likelihood, as in training.
        temperatures: of the samples.
        seed: of noise and samples.

    Returns:
        One value per photo [photos] of each: ``grey``: mean square of the target; ``regressor``:
        error of the affine start's shift; ``nll``: nats per dimension; ``z_std_0`` (finest) …:
        root mean square of each level of the latents, 1 under the model; ``round_trip``: largest
        error of target -> latents -> target; for each temperature ``best``, ``one``, ``variance``.
    """
    figures = {"grey": _mean(target.square())}
    if model.head is not None:
        figures["regressor"] = _mean((model.predict(condition, features) - target).square())
    if not samples:
        return figures
    prepared = model.prepare(condition, features)
    generator = torch.Generator().manual_seed(derive_seed(seed, "noise", 0))
    noisy = target + noise * torch.randn(target.shape, generator=generator).to(target)
    latents, log_det = model(noisy, prepared)
    figures["nll"] = -(latents.log_prob() + log_det) / target[0].numel()
    for level, values in enumerate(latents.levels):
        figures[f"z_std_{level}"] = _mean(values.square()).sqrt()
    back, _ = model.inverse(latents, prepared)
    figures["round_trip"] = (back - noisy).abs().flatten(1).amax(1)
    count = len(target)
    seeds = [derive_seed(seed, "latents", row) for row in range(count * samples)]
    drawn = Latents.sample(model.latent_shapes(*prepared.size), seeds).to(target.device)
    for temperature in temperatures:
        colours, _ = model.inverse(drawn.scale(temperature), prepared)
        colours = colours.unflatten(0, (count, samples))
        errors = (colours - target[:, None]).square().flatten(2).mean(2)  # [photos, samples]
        figures[f"best@{temperature}"] = errors.amin(1)
        figures[f"one@{temperature}"] = errors.mean(1)
        spread = colours.var(1) if samples > 1 else torch.zeros_like(target)
        figures[f"variance@{temperature}"] = _mean(spread)
    return figures


def _mean(values: Tensor) -> Tensor:
    return values.flatten(1).mean(1)
