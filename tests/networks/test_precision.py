"""Features in bfloat16: near those in float32, refused where they cannot be."""

from __future__ import annotations

import pytest
import torch

from colorflow.errors import ConfigError
from colorflow.networks import precision
from colorflow.networks.backbones import build_backbone, load_backbone
from colorflow.networks.precision import choose_precision, in_precision

CPU = torch.device("cpu")


def relative(got: torch.Tensor, expected: torch.Tensor) -> float:
    return float((got - expected).norm() / expected.norm())


def test_features_in_bfloat16_are_close_to_those_in_float32(generator):
    backbone = load_backbone("photo", ["conv1_1", "conv2_2", "conv4_3"])
    photo = torch.rand(1, 1, 64, 96, generator=generator)
    features, rounded = backbone(photo), in_precision(backbone, "bf16")(photo)
    for tap, limit in (("conv1_1", 0.01), ("conv2_2", 0.02), ("conv4_3", 0.05)):
        assert rounded[tap].dtype == torch.float32
        assert 0 < relative(rounded[tap], features[tap]) < limit


def test_greys_that_bfloat16_cannot_tell_apart_have_features_of_their_own(generator):
    half = in_precision(load_backbone("photo", ["conv1_1"]), "bf16")
    flat = torch.full((1, 1, 32, 32), 0.75)
    grey = flat + torch.rand(1, 1, 32, 32, generator=generator) / 1000
    assert torch.equal(grey.bfloat16(), flat.bfloat16())
    assert not torch.equal(half(grey)["conv1_1"], half(flat)["conv1_1"])


def test_the_backbone_itself_is_left_alone():
    backbone = build_backbone(["conv2_2"])
    assert in_precision(backbone, "32") is backbone
    in_precision(backbone, "bf16")
    assert {value.dtype for value in backbone.parameters()} == {torch.float32}


@pytest.mark.parametrize(
    ("able", "device", "expected"),
    [(True, "cpu", "bf16"), (False, "cpu", "32"), (True, "cuda", "32")],
)
def test_auto_takes_bfloat16_where_a_processor_has_it(monkeypatch, able, device, expected):
    monkeypatch.setattr(precision, "has_bfloat16", lambda: able)
    assert choose_precision("auto", torch.device(device), build_backbone(["conv1_2"])) == expected


def test_wishes_that_cannot_be_met_are_refused():
    with pytest.raises(ConfigError, match="precision: expected one of auto, 32, bf16, got 16"):
        choose_precision("16", CPU, build_backbone(["conv1_2"]))
    with pytest.raises(ConfigError, match="expected a model with VGG-16 features"):
        choose_precision("bf16", CPU, build_backbone(["stage4"]))
    assert choose_precision("auto", CPU, build_backbone(["stage4"])) == "32"
