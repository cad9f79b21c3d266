"""Choosing among variants."""

import numpy as np
import pytest
import torch

from colorflow.batch.pick import choose, medoid, most_colourful, typicality
from colorflow.domains import Colorization, Geometry, Translation
from colorflow.errors import ConfigError
from colorflow.models.latents import Latents
from colorflow.variants import Variant

GEOMETRY = Geometry(32, 2, 16)
COLOURS = Colorization(GEOMETRY)


def variant(index, target, log_prob=0.0):
    latents = Latents((torch.zeros(1, 4),))
    return Variant(index, 0, latents, torch.as_tensor(target), log_prob, None)


def flat(a, b):
    return torch.tensor([a, b]).view(2, 1, 1).expand(2, 3, 3)


def test_typical_is_what_is_as_surprising_as_samples_are_on_average():
    variants = [variant(k, flat(0.0, 0.0), score) for k, score in enumerate((-10.0, -2, -7, -5))]
    assert typicality(variants) == [4.0, 4.0, 1.0, 1.0]
    assert [v.index for v in choose(variants, "best-typical", COLOURS)] == [2]


def test_the_medoid_is_in_the_middle():
    points = [(0.0, 0.0), (1.0, 0.2), (1.1, 0.0), (5.0, 5.0)]
    variants = [variant(k, flat(*p)) for k, p in enumerate(points)]
    distances = np.array([[np.hypot(*np.subtract(p, q)) for p in points] for q in points])
    assert medoid(variants) == distances.sum(1).argmin()
    assert [v.index for v in choose(variants, "medoid", COLOURS)] == [medoid(variants)]


def test_the_most_colourful_has_the_greatest_mean_chroma_and_not_just_one_strong_spot():
    spot = torch.zeros(2, 3, 3)
    spot[0, 0, 0] = 3.0
    variants = [variant(0, flat(0.1, 0.1)), variant(1, spot), variant(2, flat(-0.6, 0.0))]
    assert most_colourful(variants, COLOURS) == 2
    assert [v.index for v in choose(variants, "most-colourful", COLOURS)] == [2]


def test_lightness_is_no_chroma():
    """Of a translator, a bright grey is less colourful than a dark red."""
    grey = torch.tensor([2.5, 0.0, 0.0]).view(3, 1, 1).expand(3, 3, 3)
    red = torch.tensor([-0.5, 1.0, 0.5]).view(3, 1, 1).expand(3, 3, 3)
    variants = [variant(0, grey), variant(1, red)]
    (chosen,) = choose(variants, "most-colourful", Translation(GEOMETRY))
    assert chosen.index == 1


def test_all_are_all_and_anything_else_is_refused():
    variants = [variant(0, flat(0.0, 0.0)), variant(1, flat(1.0, 0.0))]
    assert choose(variants, "all", COLOURS) == variants
    with pytest.raises(ConfigError, match="nicest"):
        choose(variants, "nicest", COLOURS)
