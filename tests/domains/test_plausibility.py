"""What a target may hold: all colours of sRGB, a margin, and nothing that is no number."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
import torch
from skimage.color import rgb2lab
from torch import Tensor

from colorflow.domains import Colorization, Domain, Geometry, Translation
from colorflow.domains.plausibility import (
    LIGHTNESS_MARGIN,
    MAX_CHROMA,
    plausible_chroma,
    plausible_lightness,
)
from colorflow.errors import ConfigError

GEOMETRY = Geometry(side=64, stride=4, step=16)
DOMAINS = [Colorization(GEOMETRY, 20.0), Translation(GEOMETRY, 7.0)]
NO_NUMBERS = [math.nan, math.inf, -math.inf]


def corners() -> Tensor:
    """The strongest colours of sRGB in Lab, one picture each: [8, 3, 2, 2]."""
    rgb = np.array(list(itertools.product((0.0, 1.0), repeat=3)))
    return torch.from_numpy(rgb2lab(rgb)).float()[:, :, None, None].expand(-1, -1, 2, 2)


@pytest.mark.parametrize("domain", DOMAINS, ids=lambda domain: domain.name)
def test_all_colours_of_srgb_are_plausible(domain: Domain):
    lab = corners()[:, -domain.target_channels :]
    assert domain.plausible(domain.of_lab(lab)).all()


@pytest.mark.parametrize("value", [*NO_NUMBERS, 1e30])
@pytest.mark.parametrize("domain", DOMAINS, ids=lambda domain: domain.name)
def test_one_bad_value_spoils_its_picture_and_no_other(domain: Domain, value: float):
    for channel in range(domain.target_channels):
        targets = torch.zeros(3, domain.target_channels, 4, 5)
        targets[1, channel, 3, 2] = value
        assert domain.plausible(targets).tolist() == [True, False, True]


@pytest.mark.parametrize("angle", [0.0, 1.0, 2.5, 4.0])
def test_chroma_ends_at_its_bound_in_every_direction(angle: float):
    direction = torch.tensor([math.cos(angle), math.sin(angle)])[None, :, None, None]
    for factor, expected in ((0.0, True), (0.999, True), (1.001, False), (100.0, False)):
        chroma = (factor * MAX_CHROMA * direction).expand(1, 2, 3, 4)
        assert bool(plausible_chroma(chroma)) is expected


@pytest.mark.parametrize(
    ("lightness", "expected"),
    [
        (0.0, True),
        (100.0, True),
        (-LIGHTNESS_MARGIN + 0.1, True),
        (-LIGHTNESS_MARGIN - 0.1, False),
        (100 + LIGHTNESS_MARGIN - 0.1, True),
        (100 + LIGHTNESS_MARGIN + 0.1, False),
        *((value, False) for value in NO_NUMBERS),
    ],
)
def test_lightness_may_lie_a_margin_outside(lightness: float, expected: bool):
    planes = torch.full((1, 1, 2, 3), 50.0)
    planes[0, 0, 1, 2] = lightness
    assert bool(plausible_lightness(planes)) is expected


@pytest.mark.parametrize("domain", DOMAINS, ids=lambda domain: domain.name)
def test_the_factor_on_the_latents_is_bounded_on_both_sides(domain: Domain):
    for fine in (0, 0.0, 1, domain.max_strength):
        domain.require_strength(fine)
    for wrong in (-0.01, domain.max_strength + 0.01, *NO_NUMBERS):
        with pytest.raises(
            ConfigError, match=f"{domain.strength}: expected 0 to 1.5, got"
        ) as caught:
            domain.require_strength(wrong)
        assert "\n" not in str(caught.value)
