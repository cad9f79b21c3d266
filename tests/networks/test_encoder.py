"""The encoder that is trained with the flow: maps of the right size, of one photo each."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import torch
from torch import Tensor

from colorflow.networks.encoder import PhotoEncoder


@pytest.fixture(autouse=True)
def seeded_global_randomness() -> Iterator[None]:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(1)
        yield


def photos(height: int = 16, width: int = 24) -> Tensor:
    generator = torch.Generator().manual_seed(2)
    return 2 * torch.rand(2, 3, height, width, generator=generator) - 1


@pytest.mark.parametrize("strides", [(1, 2), (2, 4, 8), (4, 8), (8,)])
def test_one_map_per_stride(strides: tuple[int, ...]):
    maps = PhotoEncoder(3, 5, strides)(photos())
    assert set(maps) == set(strides)
    for stride, value in maps.items():
        assert tuple(value.shape) == (2, 5, 16 // stride, 24 // stride)


def test_photos_of_a_batch_do_not_influence_each_other():
    network, batch = PhotoEncoder(3, 5, (2, 4)), photos()
    both, second = network(batch), network(batch[1:])
    for stride in both:
        assert torch.allclose(both[stride][1:], second[stride], atol=1e-6)


def test_an_untrained_encoder_keeps_the_scale_of_the_photo_down_to_the_coarsest_map():
    for value in PhotoEncoder(3, 64, (2, 4, 8, 16))(photos(64, 64)).values():
        assert 0.2 < float(value.detach().std()) < 5


def test_every_parameter_gets_a_gradient():
    network = PhotoEncoder(3, 5, (4, 8))
    generator = torch.Generator().manual_seed(4)
    maps = network(photos()).values()
    # Random weights: a plain sum could cancel or see only biases.
    loss = torch.stack([(v * torch.randn(v.shape, generator=generator)).sum() for v in maps]).sum()
    loss.backward()
    idle = [n for n, p in network.named_parameters() if p.grad is None or not p.grad.any()]
    assert idle == []
