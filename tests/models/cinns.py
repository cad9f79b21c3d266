"""Two small networks, photos, targets and latents for them."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from colorflow.models.cinn import ConditionalINN
from colorflow.models.condition import PreparedCondition
from colorflow.models.config import ModelConfig, StageConfig, TailConfig
from colorflow.models.latents import Latents
from colorflow.models.presets import preset

TINY = preset("tiny")
# Like `paper` in small: couplings before any downsampling, no affine start, a tail of vectors; and
# with scaled latents.
WITH_TAIL = ModelConfig(
    name="with_tail",
    side=32,
    stride=4,
    taps=("conv3_3", "conv4_3"),
    pyramid_width=8,
    affine_start=False,
    stages=(
        StageConfig(couplings=1, hidden=6, downsample=False),
        StageConfig(couplings=2, hidden=8),
    ),
    tail=TailConfig(couplings=2, hidden=16, keep=8),
    kernels=(3, 3, 3),
    slope=0.05,
    clamp="atan_legacy",
    clamp_limit=1.5,
    latent_scale=(0.8, 1.25),
)
CONFIGS = [TINY, WITH_TAIL]
each_config = pytest.mark.parametrize("config", CONFIGS, ids=lambda config: config.name)


def fresh(config: ModelConfig) -> ConditionalINN:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(1)
        return ConditionalINN(config).eval()


def randomised(config: ModelConfig) -> ConditionalINN:
    """Random weights everywhere: the couplings of a fresh model are the identity."""
    model = fresh(config)
    generator = torch.Generator().manual_seed(2)
    with torch.no_grad():
        for parameter in model.parameters():
            fan_in = parameter[0].numel() if parameter.dim() > 1 else 4
            noise = torch.randn(parameter.shape, generator=generator)
            parameter.copy_(noise / fan_in**0.5)
    return model


def exact(config: ModelConfig) -> ConditionalINN:
    """In float64, from float32: as a user would do to get exact figures of a trained model."""
    return randomised(config).double().requires_grad_(False)


def draw_photos(
    model: ConditionalINN, photos: int, height: int, width: int, seed: int = 3
) -> tuple[Tensor, dict[str, Tensor]]:
    generator = torch.Generator().manual_seed(seed)
    dtype = next(model.parameters()).dtype
    photo = torch.rand(photos, 1, height, width, generator=generator).to(dtype)
    features = {}
    for tap in model.pyramid.taps:
        shape = (photos, tap.channels, height // tap.stride, width // tap.stride)
        features[tap.name] = torch.rand(shape, generator=generator).to(dtype)
    return photo, features


def prepare(
    model: ConditionalINN, photos: int = 1, height: int = 32, width: int = 32
) -> PreparedCondition:
    return model.prepare(*draw_photos(model, photos, height, width))


def draw_target(prepared: PreparedCondition, batch: int = 1, seed: int = 4) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    target = torch.randn(batch, 2, *prepared.size, generator=generator, dtype=torch.float64)
    return target.to(next(term for term in prepared.terms if term is not None).dtype)


def draw_latents(model: ConditionalINN, prepared: PreparedCondition, batch: int) -> Latents:
    shapes = model.latent_shapes(*prepared.size)
    dtype = next(model.parameters()).dtype
    return Latents.sample(shapes, range(batch)).to("cpu", dtype)


def largest(difference: Tensor) -> float:
    return float(difference.detach().abs().max())


GEOMETRIES = [(TINY, 32, 32), (TINY, 16, 40), (TINY, 48, 8), (WITH_TAIL, 32, 32)]
