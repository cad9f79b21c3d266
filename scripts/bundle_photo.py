"""Turn the weights of the colorizer's training on a GPU into the bundled files.

    python scripts/bundle_photo.py WEIGHTS.safetensors --log LOG.jsonl [--out pretrained]

WEIGHTS holds the flow with its pyramid (``model.``), the VGG-16 that was fine-tuned for colour
(``vgg.``) and the heads trained beside them (``heads.``), with the config in the metadata.
``photo.safetensors`` becomes the flow with its VGG, as float16; ``photo_regressor.safetensors`` the
pyramid with the finest head, which predicts the mean chroma of 8 x 8 pixels. The mixing matrices
are not in WEIGHTS: they follow from the seed in the config.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import torch
from safetensors import safe_open
from torch import Tensor

from colorflow.models.checkpoint import load_checkpoint, save_checkpoint
from colorflow.models.cinn import ConditionalINN
from colorflow.models.config import ModelConfig, StageConfig
from colorflow.models.presets import preset
from colorflow.networks.backbones import backbone_hash, build_backbone

LICENCE = "Apache-2.0; VGG-16 CC BY 4.0; trained on research photos, see the model card"
HEAD = "heads.mean.8"
HEAD_STRIDE = 8


def load_part(module: torch.nn.Module, tensors: dict[str, Tensor], prefix: str) -> None:
    """Copy the tensors of one part into a module; what the module adds to them stays.

    Args:
        module: where to.
        tensors: of the weights file.
        prefix: their names begin so.
    """
    own = {n.removeprefix(prefix): v.float() for n, v in tensors.items() if n.startswith(prefix)}
    module.load_state_dict({**module.state_dict(), **own})


def regressor_of(config: ModelConfig, model: ConditionalINN, tensors: dict[str, Tensor]) -> Any:
    """Build the regressor: the pyramid of the model with the head that was trained beside the flow.

    Args:
        config: of the model.
        model: with its weights.
        tensors: of the weights file.

    Returns:
        A model with an affine start at the stride of the head; its flow is not used.
    """
    coarser = [StageConfig(1, 1) for stride in config.condition_strides if stride > HEAD_STRIDE]
    plain = {"temperature": 1.0, "latent_scale": ()}
    small = config.replace(stride=HEAD_STRIDE, affine_start=True, stages=coarser, **plain)
    regressor = ConditionalINN(small)
    regressor.pyramid.load_state_dict(model.pyramid.state_dict())
    channels = config.target_channels
    with torch.no_grad():
        # The head of an affine start gives shift and log-scale; the latter is not asked for.
        regressor.head.weight[:channels].copy_(tensors[f"{HEAD}.weight"])
        regressor.head.bias[:channels].copy_(tensors[f"{HEAD}.bias"])
    return regressor


def main() -> None:
    """Read the weights, write the two files."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("weights", type=Path)
    parser.add_argument("--log", type=Path, required=True, help="of the run, JSON lines")
    parser.add_argument("--out", type=Path, default=Path("pretrained"))
    options = parser.parse_args()
    with safe_open(options.weights, "pt") as file:
        metadata = file.metadata()
        tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    config = ModelConfig.from_dict({**json.loads(metadata["config"]), "backbone": "photo"})
    # What is chosen after training stands in the preset.
    chosen = ("temperature", "latent_scale", "first_scale", "share_shrinkage", "coarse_metric")
    config = config.replace(**{name: getattr(preset("photo"), name) for name in chosen})
    model = ConditionalINN(config)
    load_part(model, tensors, "model.")
    vgg = build_backbone(config.taps)
    load_part(vgg, tensors, "vgg.")
    training = json.loads(metadata["args"])
    for name in ("bank", "val", "vgg", "out", "init"):  # places on the machine it ran on
        training.pop(name, None)
    reports = [json.loads(line) for line in options.log.read_text().splitlines()]
    facts = {"training": training, "reports": reports, "licence": LICENCE}
    path = options.out / "photo.safetensors"
    save_checkpoint(path, model, "inside", facts, vgg, half=True)
    print(f"{path}: {path.stat().st_size:,} bytes, {load_checkpoint(path)[1].content_hash}")
    regressor = regressor_of(config, model, tensors)
    beside = options.out / "photo_regressor.safetensors"
    facts = {"training": training, "licence": LICENCE}
    identity = backbone_hash(str(path))
    save_checkpoint(beside, regressor, identity, facts, part="regressor", half=True)
    print(f"{beside}: {beside.stat().st_size:,} bytes, {load_checkpoint(beside)[1].content_hash}")


if __name__ == "__main__":
    main()
