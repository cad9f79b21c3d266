import math

import pytest
import torch

from colorflow.errors import ConfigError, ShapeError
from colorflow.transforms import Flatten, Haar, Reshape


def test_haar_of_one_block_is_the_textbook_value():
    x = torch.tensor([[[[1.0, 2.0], [3.0, 5.0]]]])
    y, log_det = Haar()(x)
    assert torch.equal(y.flatten(), torch.tensor([5.5, -1.5, -2.5, 0.5]))
    assert torch.equal(log_det, torch.zeros(1))


def test_haar_is_orthonormal(generator):
    x = torch.randn(2, 3, 8, 6, generator=generator, dtype=torch.float64)
    y, _ = Haar()(x)
    assert torch.allclose(y.square().sum((1, 2, 3)), x.square().sum((1, 2, 3)))


def test_wavelet_order_puts_the_averages_of_all_channels_first(generator):
    x = torch.randn(1, 3, 4, 4, generator=generator)
    by_wavelet, _ = Haar()(x)
    means = 2 * torch.nn.functional.avg_pool2d(x, 2)
    assert torch.allclose(by_wavelet[:, :3], means, atol=1e-6)
    by_channel, _ = Haar(order="channel")(x)
    assert torch.allclose(by_channel[:, ::4], means, atol=1e-6)


def test_constant_maps_have_no_detail():
    y, _ = Haar()(torch.full((1, 2, 4, 4), 0.3))
    assert torch.count_nonzero(y[:, 2:]) == 0


def test_rebalance_scales_and_is_counted(generator):
    x = torch.randn(1, 2, 4, 4, generator=generator)
    y, log_det = Haar(rebalance=0.5)(x)
    assert torch.allclose(y, 0.5 * Haar()(x)[0])
    assert float(log_det) == pytest.approx(32 * math.log(0.5))


@pytest.mark.parametrize("rebalance", [0.0, -1.0])
def test_rebalance_must_be_positive(rebalance):
    with pytest.raises(ConfigError, match="rebalance"):
        Haar(rebalance=rebalance)


def test_reshape_only_moves_values(generator):
    x = torch.randn(1, 2, 4, 6, generator=generator)
    y, _ = Reshape()(x)
    assert torch.equal(y.flatten().sort().values, x.flatten().sort().values)
    assert torch.equal(y[:, :2], x[..., ::2, ::2])


@pytest.mark.parametrize("layer", [Haar(), Reshape()])
def test_odd_sides_are_refused_with_layer_and_sizes(layer):
    with pytest.raises(ShapeError, match=rf"{type(layer).__name__}.*multiples of 2.*3, 4"):
        layer(torch.zeros(1, 2, 3, 4))


@pytest.mark.parametrize("layer", [Haar(), Reshape()])
def test_inverse_refuses_channels_that_are_no_multiple_of_four(layer):
    with pytest.raises(ShapeError, match=type(layer).__name__):
        layer.inverse(torch.zeros(1, 6, 2, 2))


def test_unknown_order_is_refused():
    with pytest.raises(ConfigError, match="order"):
        Haar(order="zigzag")


def test_flatten_refuses_another_shape():
    with pytest.raises(ShapeError, match="Flatten"):
        Flatten((2, 3, 4))(torch.zeros(1, 2, 4, 3))
