"""Where the weights of VGG-16 come from: bundled, torchvision's, or a file of the user's."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable
from pathlib import Path
from pickle import UnpicklingError  # what torch raises for a file of another kind
from urllib.error import URLError

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor

from colorflow.errors import CheckpointError
from colorflow.networks.vgg import CONVOLUTIONS, VGG16Features
from colorflow.resources import bundled, sha256_of_file

SOURCES = ("hed", "imagenet")
HED_FILE = "vgg16_hed.safetensors"


def load_vgg16(
    source: str = "hed", taps: Iterable[str] = ("conv2_2", "conv3_3", "conv4_3", "conv5_3")
) -> VGG16Features:
    """Build VGG-16 with trained weights, frozen and in evaluation mode.

    Args:
        source: ``"hed"`` (bundled, the backbone of an edge detector trained from ImageNet
            weights), ``"imagenet"`` (torchvision's own download with hash check), or the path of
            a ``.safetensors`` file written by ``scripts/import_vgg.py``.
        taps: layers to read off.

    Returns:
        The network, float32, on the CPU.

    Raises:
        CheckpointError: the weights cannot be had or are not those of VGG-16.
        ConfigError: a tap does not exist.
    """
    if source == "imagenet":
        return _from_torchvision(taps)
    return _from_file(vgg16_file(source), taps)


def vgg16_file(source: str) -> Path:
    """Give the weights file of a source that is a file.

    Args:
        source: ``"hed"`` or a path.

    Returns:
        The path of an existing file.

    Raises:
        CheckpointError: there is none.
    """
    if source == "hed":
        return bundled("pretrained", HED_FILE)
    path = Path(source)
    if not path.is_file():
        raise CheckpointError(
            f"{source}: expected VGG-16 weights, one of {', '.join(SOURCES)} or a .safetensors "
            "file, found no such file; check the name"
        )
    return path


def backbone_hash(source: str) -> str:
    """Identify the weights of a source, so that a model can name what it was trained on.

    Args:
        source: as for :func:`load_vgg16`.

    Returns:
        The SHA-256 of the file, or torchvision's name for its own weights.

    Raises:
        CheckpointError: there is no such file.
    """
    if source == "imagenet":
        return "torchvision:VGG16_Weights.IMAGENET1K_V1"
    return sha256_of_file(vgg16_file(source))


def _from_file(path: Path, taps: Iterable[str]) -> VGG16Features:
    try:
        with safe_open(path, framework="pt") as file:
            metadata = file.metadata() or {}
            state = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except (SafetensorError, OSError) as error:
        raise CheckpointError(
            f"{path}: expected VGG-16 weights as safetensors, could not read them ({error}); "
            "the file is damaged or not what its name says"
        ) from error
    try:
        mean, std = (_triple(json.loads(metadata[name])) for name in ("mean", "std"))
        if min(std) <= 0:
            raise ValueError("std must be positive")
    except (KeyError, ValueError, TypeError) as error:
        raise CheckpointError(
            f"{path}: expected three numbers each for 'mean' and 'std' in the metadata, found "
            f"{metadata.get('mean')} and {metadata.get('std')}; "
            "write the file with scripts/import_vgg.py"
        ) from error
    network = VGG16Features(taps, mean, std)
    _load(network, state, str(path))
    return network.eval().requires_grad_(False)


def _from_torchvision(taps: Iterable[str]) -> VGG16Features:
    from torchvision.models import VGG16_Weights

    weights = VGG16_Weights.IMAGENET1K_V1
    folder = Path(torch.hub.get_dir()) / "checkpoints"
    try:
        state = weights.get_state_dict(progress=False, check_hash=True)
    except (URLError, OSError, RuntimeError, EOFError, UnpicklingError) as error:
        raise CheckpointError(
            f"VGG-16 'imagenet': could not get {weights.url} ({error}); fetch that file on a "
            f"connected machine and put it into {folder}, or use the bundled source 'hed'"
        ) from error
    # torchvision numbers all layers of `features`, rectifiers and pooling included.
    kernels = [name for name, value in state.items() if value.dim() == 4]
    biases = [name.replace("weight", "bias") for name in kernels]
    if len(kernels) != len(CONVOLUTIONS) or not all(name in state for name in biases):
        raise CheckpointError(
            f"VGG-16 'imagenet': expected {len(CONVOLUTIONS)} convolutions in the file in "
            f"{folder}, found {len(kernels)}; it is another network, fetch {weights.url} again"
        )
    renamed = {}
    for ours, kernel, bias in zip(CONVOLUTIONS, kernels, biases, strict=True):
        renamed[f"{ours}.weight"], renamed[f"{ours}.bias"] = state[kernel], state[bias]
    network = VGG16Features(taps)
    _load(network, renamed, "VGG-16 'imagenet'")
    return network.eval().requires_grad_(False)


def _triple(values: list[float]) -> tuple[float, float, float]:
    red, green, blue = (float(value) for value in values)
    if not all(math.isfinite(value) for value in (red, green, blue)):
        raise ValueError("not finite")
    return red, green, blue


def _load(network: VGG16Features, state: dict[str, Tensor], origin: str) -> None:
    # Taps may stop short of the last layers, whose weights are then left out on purpose.
    expected = network.layers.state_dict()
    missing = [name for name in expected if name not in state]
    if missing:
        raise CheckpointError(
            f"{origin}: expected the convolutions of VGG-16, {missing[0]} is missing; this file "
            "holds another network"
        )
    for name, value in expected.items():
        if state[name].shape != value.shape:
            raise CheckpointError(
                f"{origin}: {name} should be {list(value.shape)}, found "
                f"{list(state[name].shape)}; this file holds another network"
            )
    network.layers.load_state_dict({name: state[name].float() for name in expected})
