"""How exactly a model inverts: z -> x -> z and x -> z -> x on photos, noise and constants."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from colorflow.devices import one_thread
from colorflow.images.read import PhotoLike, read_photo
from colorflow.models.cinn import ConditionalINN
from colorflow.models.latents import Latents
from colorflow.sampling import Sampler

# What a healthy model stays below, by floating type.
LIMITS = {"float32": 1e-3, "float64": 1e-9}
# Chroma of uniform noise reaches as far as Lab does, in Lab units.
CHROMA_RANGE = 110.0
SAMPLES = 4


@dataclass(frozen=True)
class RoundTrip:
    """Errors of one kind of input at one precision.

    Args:
        input: ``"photos"``, ``"noise"`` or ``"constants"``.
        precision: ``"float32"`` or ``"float64"``.
        latent_error: max |z - z''| of z -> x -> z, in standard deviations of z.
        target_error: max |x - x''| of x -> z -> x, in units of the model.
        limit: what both must not exceed.
    """

    input: str
    precision: str
    latent_error: float
    target_error: float
    limit: float

    @property
    def ok(self) -> bool:
        """Whether both errors are within the limit; never so where one is not a number."""
        return self.latent_error <= self.limit and self.target_error <= self.limit


def check_round_trips(
    colorizer: Sampler, photos: Sequence[PhotoLike], seed: int = 0
) -> list[RoundTrip]:
    """Measure the round-trip errors of a model.

    float64 is measured on the CPU, since not every device has it; the model is left as it was.

    Args:
        colorizer: holds the model.
        photos: colour photos.
        seed: of the latents and the noise.

    Returns:
        One entry per kind of input and precision.
    """
    results = []
    cases = {
        "photos": [colorizer.domain.pair(read_photo(photo)) for photo in photos],
        "noise": _noise(colorizer, seed),
        "constants": _constants(colorizer),
    }
    # What the backbone sees is a constant of the flow: computed once, as it is for a user.
    seen = {name: [_seen(colorizer, *pair) for pair in pairs] for name, pairs in cases.items()}
    for precision, dtype in (("float32", torch.float32), ("float64", torch.float64)):
        device = colorizer.device if dtype == torch.float32 else torch.device("cpu")
        # Copies: going to float64 makes the mixing matrices orthogonal to that precision, and the
        # way back would not end at the same bits.
        model = copy.deepcopy(colorizer.model).to(device=device, dtype=dtype)
        for name, triples in seen.items():
            # Small tensors: several threads gain little, and lose all where cores are busy.
            with one_thread(device):
                errors = [
                    _errors(
                        model,
                        condition.to(device, dtype),
                        {tap: values.to(device, dtype) for tap, values in features.items()},
                        target.to(device, dtype),
                        seed,
                    )
                    for condition, features, target in triples
                ]
            latent, chroma = (_worst([e[i] for e in errors]) for i in (0, 1))
            results.append(RoundTrip(name, precision, latent, chroma, LIMITS[precision]))
    return results


def _noise(colorizer: Sampler, seed: int) -> list[tuple[Tensor, Tensor]]:
    generator = torch.Generator().manual_seed(seed)
    domain, scale = colorizer.domain, colorizer.model.config.target_scale
    side, small = domain.geometry.side, domain.geometry.side // domain.geometry.stride
    condition = torch.rand(1, domain.condition_channels, side, side, generator=generator)
    shape = 1, domain.target_channels, small, small
    target = (torch.rand(shape, generator=generator) * 2 - 1) * CHROMA_RANGE
    return [(condition, target / scale)]


def _constants(colorizer: Sampler) -> list[tuple[Tensor, Tensor]]:
    domain, scale = colorizer.domain, colorizer.model.config.target_scale
    side, small = domain.geometry.side, domain.geometry.side // domain.geometry.stride
    pairs = []
    for grey, a, b in ((0.0, 0.0, 0.0), (1.0, 0.0, 0.0), (0.5, 60.0, -60.0), (0.5, -60.0, 60.0)):
        lab = torch.tensor([100 * grey - 50, a, b])[-domain.target_channels :]
        target = lab.view(1, -1, 1, 1).expand(1, -1, small, small)
        condition = torch.full((1, domain.condition_channels, side, side), grey)
        pairs.append((condition, target / scale))
    return pairs


@torch.inference_mode()
def _seen(
    colorizer: Sampler, condition: Tensor, target: Tensor
) -> tuple[Tensor, dict[str, Tensor], Tensor]:
    with one_thread(colorizer.device):
        return condition, colorizer.backbone(condition.to(colorizer.device)), target


@torch.inference_mode()
def _errors(
    model: ConditionalINN,
    condition: Tensor,
    features: Mapping[str, Tensor],
    target: Tensor,
    seed: int,
) -> tuple[float, float]:
    prepared = model.prepare(condition, features)
    shapes = model.latent_shapes(*prepared.size)
    z = Latents.sample(shapes, range(seed, seed + SAMPLES)).to(target.device, target.dtype)
    x, _ = model.inverse(z, prepared)
    z_again, _ = model(x, prepared)
    latents, _ = model(target, prepared)
    target_again, _ = model.inverse(latents, prepared)
    return (
        float((z_again.flatten() - z.flatten()).abs().max()),
        float((target_again - target).abs().max()),
    )


def _worst(values: list[float]) -> float:
    # max() lets a NaN slip through, depending on its place.
    return float(torch.tensor(values, dtype=torch.float64).max())
