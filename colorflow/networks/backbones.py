"""The feature networks a flow can be conditioned on, and where their weights come from.

The names of the taps say which network it is: ``conv…`` VGG-16, ``stage…`` EfficientNet-Lite2.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from pickle import UnpicklingError  # what torch raises for a file of another kind
from urllib.error import URLError

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor, nn

from colorflow.errors import CheckpointError, ConfigError
from colorflow.networks import efficientnet, vgg
from colorflow.networks.efficientnet import EfficientNetLiteFeatures
from colorflow.networks.vgg import CONVOLUTIONS, VGG16Features
from colorflow.resources import bundled, hash_of_tensors, sha256_of_file

BUNDLED = {"photo": "photo.safetensors", "lite2": "efficientnet_lite2.safetensors"}
NONE = "none"
# Names of the tensors of a backbone inside the checkpoint of a model begin so.
INSIDE_PREFIX = "backbone."
SOURCES = (*BUNDLED, "imagenet", NONE)


class NoBackbone(nn.Module):
    """Stands where a backbone stands in models whose condition is encoded from scratch alone."""

    taps: tuple[str, ...] = ()

    def forward(self, photo: Tensor) -> dict[str, Tensor]:
        """Compute nothing.

        Args:
            photo: of any shape.

        Returns:
            No map.
        """
        return {}


Backbone = VGG16Features | EfficientNetLiteFeatures | NoBackbone


def tap_channels(tap: str) -> int:
    """Give the number of channels of a tap, e.g. 512 for ``conv4_3``.

    Args:
        tap: a convolution of VGG-16, or a stage of EfficientNet-Lite2.

    Returns:
        Its output channels.

    Raises:
        ConfigError: no backbone has such a tap.
    """
    return efficientnet.stage_channels(tap) if _is_stage(tap) else vgg.tap_channels(tap)


def tap_stride(tap: str) -> int:
    """Give the pixels of the photo from one feature of a tap to the next, e.g. 8 for ``conv4_3``.

    Args:
        tap: a convolution of VGG-16, or a stage of EfficientNet-Lite2.

    Returns:
        The stride.

    Raises:
        ConfigError: no backbone has such a tap.
    """
    return efficientnet.stage_stride(tap) if _is_stage(tap) else vgg.tap_stride(tap)


def check_taps(taps: Sequence[str]) -> None:
    """Make sure that some taps exist and are layers of one network.

    Args:
        taps: names of layers.

    Raises:
        ConfigError: there is none, one does not exist, or they are of two networks.
    """
    if not taps:
        raise ConfigError("taps: expected at least one layer of a backbone, got none")
    for tap in taps:
        tap_channels(tap)
    if len({_is_stage(tap) for tap in taps}) > 1:
        raise ConfigError(f"taps: expected layers of one backbone, got {', '.join(taps)}")


def build_backbone(
    taps: Iterable[str],
    mean: tuple[float, float, float] = (0.485, 0.456, 0.406),
    std: tuple[float, float, float] = (0.229, 0.224, 0.225),
) -> Backbone:
    """Build the backbone that has some taps, with random weights.

    Args:
        taps: layers to read off, all of one network.
        mean: per-channel mean of (R, G, B), on the scale of [0, 1].
        std: per-channel divisor of (R, G, B), on the scale of [0, 1].

    Returns:
        The network, float32, on the CPU; without taps a :class:`NoBackbone`.

    Raises:
        ConfigError: a tap does not exist, or they are of two networks.
    """
    taps = tuple(taps)
    if not taps:
        return NoBackbone()
    check_taps(taps)
    kind = EfficientNetLiteFeatures if _is_stage(taps[0]) else VGG16Features
    return kind(taps, mean, std)


def load_backbone(
    source: str = "photo", taps: Iterable[str] = ("conv2_2", "conv3_3", "conv4_3", "conv5_3")
) -> Backbone:
    """Build a backbone with trained weights, frozen and in evaluation mode.

    Args:
        source: ``"photo"`` (the VGG-16 inside the bundled colorizer, trained on ImageNet and
            fine-tuned for colour), ``"lite2"`` (bundled, EfficientNet-Lite2 trained on ImageNet),
            ``"imagenet"`` (torchvision's own download of VGG-16, with hash check), the path of a
            ``.safetensors`` file that holds a backbone (written by a script of
            ``scripts/import_*.py``, or a model with its backbone inside), or ``"none"``.
        taps: layers to read off.

    Returns:
        The network, float32, on the CPU.

    Raises:
        CheckpointError: the weights cannot be had or are those of another network.
        ConfigError: a tap does not exist.
    """
    taps = tuple(taps)
    if source == NONE and taps:
        raise ConfigError(f"backbone '{NONE}': expected no taps, got {', '.join(taps)}")
    if source == NONE:
        return NoBackbone()
    check_taps(taps)
    if source == "imagenet":
        return _from_torchvision(taps)
    return _from_file(backbone_file(source), taps)


def backbone_file(source: str) -> Path:
    """Give the weights file of a source that is a file.

    Args:
        source: a bundled name or a path.

    Returns:
        The path of an existing file.

    Raises:
        CheckpointError: there is none.
    """
    if source in BUNDLED:
        return bundled("pretrained", BUNDLED[source])
    path = Path(source)
    if not path.is_file():
        raise CheckpointError(
            f"{source}: expected backbone weights, one of {', '.join(SOURCES)} or a .safetensors "
            "file, found no such file; check the name"
        )
    return path


def backbone_hash(source: str) -> str:
    """Identify the weights of a source, so that a model can name what it was trained on.

    Args:
        source: as for :func:`load_backbone`.

    Returns:
        The SHA-256 of the file; of the backbone's tensors alone where a model holds it inside;
        torchvision's name for its own weights; ``"none"`` is itself.

    Raises:
        CheckpointError: there is no such file.
    """
    if source == NONE:
        return NONE
    if source == "imagenet":
        return "torchvision:VGG16_Weights.IMAGENET1K_V1"
    path = backbone_file(source)
    try:
        state = _read(path)[1]
    except CheckpointError:
        state = {}  # not safetensors at all: it has a hash, but cannot be loaded
    inside = {n: value for n, value in state.items() if n.startswith(INSIDE_PREFIX)}
    return hash_of_tensors(inside) if inside else sha256_of_file(path)


def _read(path: Path) -> tuple[dict[str, str], dict[str, Tensor]]:
    """Read metadata and tensors; of the checkpoint of a model, its backbone alone."""
    try:
        with safe_open(path, framework="pt") as file:
            names = list(file.keys())
            inside = [name for name in names if name.startswith(INSIDE_PREFIX)]
            state = {name: file.get_tensor(name) for name in inside or names}
            return file.metadata() or {}, state
    except (SafetensorError, OSError) as error:
        raise CheckpointError(
            f"{path}: expected backbone weights as safetensors, could not read them ({error}); "
            "the file is damaged or not what its name says"
        ) from error


def _from_file(path: Path, taps: Iterable[str]) -> Backbone:
    metadata, state = _read(path)
    if any(name.startswith(INSIDE_PREFIX) for name in state):
        return _from_model(path, {n.removeprefix(INSIDE_PREFIX): v for n, v in state.items()}, taps)
    try:
        mean, std = (_triple(json.loads(metadata[name])) for name in ("mean", "std"))
        if min(std) <= 0:
            raise ValueError("std must be positive")
    except (KeyError, ValueError, TypeError) as error:
        raise CheckpointError(
            f"{path}: expected three numbers each for 'mean' and 'std' in the metadata, found "
            f"{metadata.get('mean')} and {metadata.get('std')}; "
            "write the file with a script of scripts/import_*.py"
        ) from error
    network = build_backbone(taps, mean, std)
    _load(network, state, str(path))
    return network.eval().requires_grad_(False)


def _from_model(path: Path, state: Mapping[str, Tensor], taps: Iterable[str]) -> Backbone:
    """Take the backbone that a model holds inside, down to the layers that are wanted."""
    network = build_backbone(taps)
    for name in ("mean", "std"):
        if name not in state or state[name].shape != (1, 3, 1, 1):
            raise CheckpointError(
                f"{path}: expected '{INSIDE_PREFIX}{name}' [1, 3, 1, 1] beside the backbone of the "
                "model, found none; the file is incomplete"
            )
        network.get_buffer(name).copy_(state[name])
    layers = {n.removeprefix("layers."): v for n, v in state.items() if n.startswith("layers.")}
    _load(network, layers, str(path))
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
            f"connected machine and put it into {folder}, or use the bundled source 'photo'"
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


def _is_stage(tap: str) -> bool:
    return tap.startswith("stage")


def _load(network: nn.Module, state: dict[str, Tensor], origin: str) -> None:
    # Taps may stop short of the last layers, whose weights are then left out on purpose.
    layers = network.get_submodule("layers")
    expected = layers.state_dict()
    missing = [name for name in expected if name not in state]
    if missing:
        raise CheckpointError(
            f"{origin}: expected the convolutions of {type(network).__name__}, {missing[0]} is "
            "missing; this file holds another network"
        )
    for name, value in expected.items():
        if state[name].shape != value.shape:
            raise CheckpointError(
                f"{origin}: {name} should be {list(value.shape)}, found "
                f"{list(state[name].shape)}; this file holds another network"
            )
    layers.load_state_dict({name: state[name].float() for name in expected})
