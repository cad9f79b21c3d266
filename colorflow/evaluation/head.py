"""The deterministic colorizer a flow is compared with: the head of the first training phase."""

from __future__ import annotations

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
        target: Tensor = self.model.predict(condition, self.backbone(condition))[0].cpu()
        return self.domain.in_lab(target)


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
