"""From the name of a model to the model and the backbone it was trained with."""

from __future__ import annotations

from pathlib import Path

from colorflow.devices import choose_device
from colorflow.errors import CheckpointError
from colorflow.models.checkpoint import CheckpointInfo, load_checkpoint
from colorflow.models.cinn import ConditionalINN
from colorflow.models.matching import matching_backbone
from colorflow.networks.backbones import Backbone
from colorflow.resources import bundled

# The models that come with the package.
MODELS = ("photo", "night")


def model_path(name: str | Path) -> Path:
    """Find the file of a model.

    Args:
        name: one of :data:`MODELS`, or the path of a ``.safetensors`` file.

    Returns:
        Its path.

    Raises:
        CheckpointError: a bundled model is not there.
    """
    return bundled("pretrained", f"{name}.safetensors") if name in MODELS else Path(name)


def load_model(
    name: str | Path, device: str = "auto", backbone: str | None = None
) -> tuple[ConditionalINN, Backbone, str, CheckpointInfo]:
    """Load a model.

    Args:
        name: one of :data:`MODELS`, or the path of a ``.safetensors`` file.
        device: where it is to compute; looked for before files are read.
        backbone: source of the backbone weights, where it is not the one the model names.

    Returns:
        Model, backbone, device and what the file says: the arguments of a sampler.

    Raises:
        CheckpointError: a file is missing, damaged, or the backbone is not the one the model was
            trained with.
        ConfigError: the device is not there.
    """
    choose_device(device)  # fail on a typing error before reading files
    path = model_path(name)
    model, info = load_checkpoint(path)
    if info.part:
        raise CheckpointError(
            f"{path}: expected a whole model, the file holds the {info.part} alone; it serves "
            "colorflow evaluate --head"
        )
    return model, matching_backbone(info, backbone), device, info
