"""Features in half precision where a processor computes them several times as fast."""

from __future__ import annotations

import copy

import torch

from colorflow.errors import ConfigError
from colorflow.networks.backbones import Backbone
from colorflow.networks.vgg import VGG16Features

PRECISIONS = ("auto", "32", "bf16")


def choose_precision(name: str, device: torch.device, backbone: Backbone) -> str:
    """Turn a wish into the precision of the backbone.

    bfloat16 changes colours by 0.02 Delta E on average, which nobody sees, and is several times as
    fast on a CPU with instructions for it; elsewhere it is slower than float32.

    Args:
        name: ``"auto"``: bfloat16 for VGG-16 on a CPU with AMX or AVX-512 BF16, float32 elsewhere;
            ``"32"``; or ``"bf16"``.
        device: where it is computed.
        backbone: the network.

    Returns:
        ``"32"`` or ``"bf16"``.

    Raises:
        ConfigError: there is no such precision, or the backbone cannot be computed in it.
    """
    if name not in PRECISIONS:
        raise ConfigError(f"precision: expected one of {', '.join(PRECISIONS)}, got {name}")
    able = isinstance(backbone, VGG16Features)
    if name == "bf16" and not able:
        raise ConfigError("precision bf16: expected a model with VGG-16 features; take 32 or auto")
    if name != "auto":
        return name
    return "bf16" if able and device.type == "cpu" and has_bfloat16() else "32"


def has_bfloat16() -> bool:
    """Tell whether this CPU multiplies matrices of bfloat16 by instructions of its own.

    Returns:
        True with AMX or AVX-512 BF16.
    """
    asked = ("_is_amx_tile_supported", "_is_avx512_bf16_supported")
    return any(bool(getattr(torch.cpu, name, lambda: False)()) for name in asked)


def in_precision(backbone: Backbone, precision: str) -> Backbone:
    """Give a backbone that computes in a precision; its features stay float32.

    Args:
        backbone: float32, in evaluation mode.
        precision: ``"32"`` or ``"bf16"``.

    Returns:
        The backbone itself, or a copy with weights in bfloat16.
    """
    if precision == "32" or not isinstance(backbone, VGG16Features):
        return backbone
    half = copy.deepcopy(backbone)
    half.dtype = torch.bfloat16
    for name, layer in half.layers.items():
        # The first layer rounds its filters once they are those of grey.
        if name != "conv1_1":
            layer.bfloat16().to(memory_format=torch.channels_last)
    return half
