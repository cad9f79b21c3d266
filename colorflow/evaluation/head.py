"""The deterministic colorizer a flow is compared with: the head of the first training phase."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from colorflow.devices import choose_device
from colorflow.domains import Domain, domain_of
from colorflow.errors import CheckpointError
from colorflow.images.photo import Photo
from colorflow.models.checkpoint import load_checkpoint
from colorflow.models.cinn import ConditionalINN
from colorflow.models.matching import matching_backbone
from colorflow.networks.backbones import Backbone
from colorflow.sampling import Sampler


@dataclass(frozen=True)
class Head:
    """Predicts one target per photo.

    Args:
        model: whose affine start is read; its flow is not used.
        backbone: that it was trained with.
        domain: of the model.
        device: where to compute.
    """

    model: ConditionalINN
    backbone: Backbone
    domain: Domain
    device: torch.device

    @torch.inference_mode()
    def predict(self, photo: Photo) -> Tensor:
        """Predict the target of a square photo.

        Args:
            photo: square.

        Returns:
            float32 [channels, side / stride, side / stride], Lab units.
        """
        side = self.domain.geometry.side
        condition = self.domain.condition(photo, (side, side)).to(self.device)
        return self.predict_of(condition, self.backbone(condition))

    @torch.inference_mode()
    def predict_of(self, condition: Tensor, features: Mapping[str, Tensor]) -> Tensor:
        """Predict the target of a photo whose features are known.

        Args:
            condition: [1, channels, side, side], on the device.
            features: of the backbone, by tap.

        Returns:
            float32 [channels, side / stride, side / stride], Lab units.
        """
        return self.domain.in_lab(self.model.predict(condition, features)[0].cpu())

    def sees_as(self, colorizer: Sampler) -> bool:
        """Tell whether the features of a photo serve head and model alike.

        Args:
            colorizer: the model.

        Returns:
            True where both are given the same picture and have the same backbone.
        """
        same = self.domain.name == colorizer.domain.name and self.device == colorizer.device
        size = self.domain.geometry.side == colorizer.domain.geometry.side
        return same and size and _equal(self.backbone, colorizer.backbone)


def load_head(path: Path, device: str = "auto") -> Head:
    """Load a regressor.

    Args:
        path: ``regress.safetensors`` of a run, or a file that holds a regressor alone.
        device: where to compute.

    Returns:
        The head.

    Raises:
        CheckpointError: the file cannot be read, or its model has no affine start.
    """
    model, info = load_checkpoint(path)
    if model.head is None:
        raise CheckpointError(f"{path}: expected a model with an affine start, this one has none")
    place = choose_device(device)
    backbone = matching_backbone(info).eval().to(place)
    return Head(model.to(place), backbone, domain_of(info.config), place)


def own_head(colorizer: Sampler) -> Head | None:
    """Give the head of a model as it was trained together with the flow.

    Args:
        colorizer: the model.

    Returns:
        The head, or None where the model has no affine start.
    """
    if colorizer.model.head is None:
        return None
    return Head(colorizer.model, colorizer.backbone, colorizer.domain, colorizer.device)


def _equal(one: Backbone, other: Backbone) -> bool:
    """Tell whether two backbones compute the same, up to the precision of the other one."""
    if one is other:
        return True
    if type(one) is not type(other) or one.taps != other.taps:
        return False
    first, second = ({**dict(b.named_buffers()), **b.state_dict()} for b in (one, other))
    return first.keys() == second.keys() and all(
        torch.equal(value.to(second[name].dtype), second[name]) for name, value in first.items()
    )
