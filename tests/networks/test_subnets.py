"""Subnets: they start at zero, and the hoisted condition is the condition."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from colorflow.errors import ShapeError
from colorflow.networks.subnets import ConvSubnet, LinearSubnet, Subnet

HIDDEN = 6


def conv(conditioned: bool = True) -> Subnet:
    return ConvSubnet(3, 4, HIDDEN, conditioned=conditioned)


def linear(conditioned: bool = True) -> Subnet:
    return LinearSubnet(3, 4, HIDDEN, conditioned=conditioned)


SIDES = {conv: (5, 7), linear: ()}
both_kinds = pytest.mark.parametrize("build", [conv, linear])


def randomised(subnet: Subnet) -> Subnet:
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for parameter in subnet.parameters():
            parameter.copy_(torch.randn(parameter.shape, generator=generator))
    return subnet.double()


def draw(*shape: int, seed: int = 2) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(*shape, generator=generator, dtype=torch.float64)


@both_kinds
@pytest.mark.parametrize("conditioned", [True, False])
def test_a_new_subnet_gives_zero(build, conditioned: bool):
    subnet = build(conditioned).double()
    condition = draw(2, HIDDEN, *SIDES[build], seed=3) if conditioned else None
    result = subnet(draw(2, 3, *SIDES[build]), condition)
    assert tuple(result.shape) == (2, 4, *SIDES[build])
    assert torch.count_nonzero(result) == 0


@both_kinds
def test_a_condition_per_photo_serves_all_samples_of_the_photo(build):
    subnet, sides = randomised(build()), SIDES[build]
    photos, samples = 2, 3
    x, condition = draw(photos * samples, 3, *sides), draw(photos, HIDDEN, *sides, seed=3)
    together = subnet(x, condition)
    for photo in range(photos):
        rows = slice(photo * samples, (photo + 1) * samples)
        repeated = torch.cat([condition[photo : photo + 1]] * samples)
        assert torch.allclose(together[rows], subnet(x[rows], repeated), atol=1e-12)
    assert not torch.allclose(together[:samples], subnet(x[:samples], condition[1:]))


@both_kinds
def test_one_condition_serves_any_batch(build):
    subnet, sides = randomised(build()), SIDES[build]
    x, condition = draw(4, 3, *sides), draw(1, HIDDEN, *sides, seed=3)
    repeated = torch.cat([condition] * 4)
    assert torch.allclose(subnet(x, condition), subnet(x, repeated), atol=1e-12)


@both_kinds
def test_a_batch_that_fits_no_photos_is_refused(build):
    subnet, sides = randomised(build()), SIDES[build]
    with pytest.raises(ShapeError, match=f"{type(subnet).__name__}.*multiple of the 2"):
        subnet(draw(3, 3, *sides), draw(2, HIDDEN, *sides))


def rest_of(subnet: Subnet, h: Tensor) -> Tensor:
    return subnet.rest(functional.leaky_relu(h, subnet.slope))


def test_hoisting_equals_a_convolution_of_input_and_condition_together():
    subnet = randomised(conv())
    x, c = draw(2, 3, 5, 7), draw(2, 8, 5, 7, seed=3)
    on_condition, bias = draw(HIDDEN, 8, 3, 3, seed=4), draw(HIDDEN, seed=5)
    weight = torch.cat([subnet.first.weight, on_condition], dim=1)
    whole = functional.conv2d(torch.cat([x, c], dim=1), weight, bias, padding=1)
    hoisted = functional.conv2d(c, on_condition, bias, padding=1)
    assert torch.allclose(subnet(x, hoisted), rest_of(subnet, whole), atol=1e-10)


def test_hoisting_equals_a_linear_map_of_input_and_condition_together():
    subnet = randomised(linear())
    x, c = draw(2, 3), draw(2, 8, seed=3)
    on_condition, bias = draw(HIDDEN, 8, seed=4), draw(HIDDEN, seed=5)
    weight = torch.cat([subnet.first.weight, on_condition], dim=1)
    whole = functional.linear(torch.cat([x, c], dim=1), weight, bias)
    hoisted = functional.linear(c, on_condition, bias)
    assert torch.allclose(subnet(x, hoisted), rest_of(subnet, whole), atol=1e-10)


@both_kinds
def test_only_a_subnet_without_condition_has_a_first_bias(build):
    # With a condition the bias is part of the hoisted term; a second one would be redundant.
    assert build(conditioned=True).first.bias is None
    assert isinstance(build(conditioned=False).first.bias, nn.Parameter)


@pytest.mark.parametrize("kernels", [(1, 1, 1), (3, 3, 3), (5, 1, 3)])
def test_convolutions_keep_height_and_width(kernels: tuple[int, int, int]):
    subnet = ConvSubnet(3, 4, HIDDEN, kernels)
    assert tuple(subnet(torch.zeros(1, 3, 2, 7)).shape) == (1, 4, 2, 7)


@both_kinds
def test_slope_is_that_of_all_rectifiers(build):
    # With slope 1 nothing is rectified and a subnet is affine in x.
    sides = SIDES[build]
    subnet = randomised(build(conditioned=False))
    kind = type(subnet)
    affine = randomised(kind(3, 4, HIDDEN, slope=1.0, conditioned=False))
    x = draw(1, 3, *sides)

    def bend(network: Subnet) -> Tensor:
        return network(x) + network(-x) - 2 * network(torch.zeros_like(x))

    assert float(bend(affine).detach().abs().max()) < 1e-10
    assert float(bend(subnet).detach().abs().max()) > 1e-2
