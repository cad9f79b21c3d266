"""The published and the bundled architectures, as data."""

from __future__ import annotations

from colorflow.errors import ConfigError
from colorflow.models.config import ModelConfig, StageConfig, TailConfig


def preset_names() -> tuple[str, ...]:
    """List the presets.

    Returns:
        Their names.
    """
    return ("paper", "photo", "tiny", "translate", "translate-tiny")


def preset(name: str) -> ModelConfig:
    """Give a preset.

    ``paper`` has the published sizes: 2 x 64 x 64 chroma values leave as 4096 + 2048 + 1536 + 512
    latents. It differs from the published code in three ways: Haar instead of reshape throughout;
    splits come right after the downsampling, before anything mixes averages and details, which is
    why the unconditional 1 x 1 couplings between them are gone; VGG-16 features instead of a
    network trained for the purpose. ``photo`` is the bundled model, ``tiny`` is for tests.

    ``translate`` is for photos in pairs, 3 x 64 x 64 values from a photo of 128 pixels, and small,
    as there are few pairs; ``translate-tiny`` is for tests.

    Source: Ardizzone et al., "Guided Image Generation with Conditional Invertible Neural
    Networks" (2019), and its published code.

    Args:
        name: one of :func:`preset_names`.

    Returns:
        The config.

    Raises:
        ConfigError: there is no such preset.
    """
    if name == "paper":
        return ModelConfig(
            name="paper",
            side=256,
            stride=4,
            taps=("conv3_3", "conv4_3", "conv5_3"),
            pyramid_width=256,
            affine_start=False,
            stages=(
                StageConfig(couplings=4, hidden=32, downsample=False),
                StageConfig(couplings=6, hidden=64),
                StageConfig(couplings=6, hidden=128, keep=16),
                StageConfig(couplings=6, hidden=256, keep=32),
            ),
            tail=TailConfig(couplings=8, hidden=512, keep=32),
            kernels=(3, 3, 3),
            slope=0.05,
            clamp="atan_legacy",
            clamp_limit=1.5,
            temperature=1.0,
        )
    if name == "photo":
        return ModelConfig(
            name="photo",
            side=256,
            stride=4,
            pyramid_width=160,
            dropout=0.15,
            affine_start=False,
            stages=(
                StageConfig(couplings=8, hidden=128),
                StageConfig(couplings=8, hidden=160, keep=16),
                StageConfig(couplings=8, hidden=192, keep=32),
                StageConfig(couplings=8, hidden=192, keep=16),
            ),
            temperature=(0.1, 0.3, 0.5, 0.85),
            latent_scale=(1.0, 1.0, 1.0, 1.25),
            first_scale=0.25,
            share_shrinkage=0.4,
            coarse_metric=(
                (
                    -1.70,
                    0.37,
                    0.28,
                    1.11,
                    0.29,
                    0.17,
                    -0.85,
                    -1.04,
                    -0.73,
                    0.08,
                    0.70,
                    0.20,
                    0.17,
                    0.33,
                    1.12,
                    2.60,
                ),
                (
                    2.58,
                    1.10,
                    -4.12,
                    0.37,
                    0.01,
                    -0.51,
                    -0.22,
                    -0.44,
                    0.55,
                    -3.33,
                    2.25,
                    -2.20,
                    -1.14,
                    -0.35,
                    -1.22,
                    3.28,
                ),
            ),
        )
    if name == "tiny":
        return ModelConfig(
            name="tiny",
            side=32,
            stride=2,
            taps=("conv2_2", "conv3_3"),
            pyramid_width=16,
            stages=(
                StageConfig(couplings=2, hidden=16),
                StageConfig(couplings=2, hidden=16, keep=16),
            ),
        )
    if name == "translate":
        return ModelConfig(
            name="translate",
            domain="translation",
            stride=2,
            backbone="lite2",
            taps=("stage3", "stage5", "stage7"),
            pyramid_width=64,
            dropout=0.4,
            stages=(
                StageConfig(couplings=4, hidden=32),
                StageConfig(couplings=4, hidden=48, keep=16),
                StageConfig(couplings=4, hidden=64, keep=24),
                StageConfig(couplings=4, hidden=64, keep=24),
                StageConfig(couplings=4, hidden=64, keep=24),
            ),
            temperature=(0.1, 0.2, 0.5, 1.0, 1.5),
        )
    if name == "translate-tiny":
        return ModelConfig(
            name="translate-tiny",
            domain="translation",
            side=32,
            stride=2,
            taps=("conv2_2", "conv3_3"),
            pyramid_width=16,
            stages=(
                StageConfig(couplings=2, hidden=16),
                StageConfig(couplings=2, hidden=16, keep=24),
            ),
        )
    raise ConfigError(f"preset '{name}': expected one of {', '.join(preset_names())}")
