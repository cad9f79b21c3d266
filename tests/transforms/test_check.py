import math

import pytest
import torch

from colorflow.errors import ConfigError, NotInvertibleError
from colorflow.transforms import Transform, check_invertible, get_transform, register
from colorflow.transforms.clamps import get_clamp


class _Scale(Transform):
    """y = 2 x, with room for mistakes."""

    def forward(self, x, condition=None):
        return 2 * x, self.log_det(x)

    def inverse(self, y, condition=None):
        return y / 2, -self.log_det(y)

    def log_det(self, x):
        return torch.full((len(x),), x[0].numel() * math.log(2), dtype=x.dtype)


class _WrongLogDet(_Scale):
    def log_det(self, x):
        return torch.zeros(len(x), dtype=x.dtype)


class _ScalarLogDet(_Scale):
    def log_det(self, x):
        return super().log_det(x).sum()


class _WrongInverse(_Scale):
    def inverse(self, y, condition=None):
        return y / 3, -self.log_det(y)


class _Mutating(_Scale):
    def forward(self, x, condition=None):
        x.mul_(2)
        return x, self.log_det(x)


class _NotANumber(_Scale):
    def inverse(self, y, condition=None):
        return y * float("nan"), -self.log_det(y)


def test_a_good_transform_passes_and_is_measured():
    report = check_invertible(_Scale(), (2, 3, 4, 4))
    assert report.round_trip < 1e-12
    assert report.jacobian is not None
    assert report.jacobian < 1e-9


def test_large_inputs_skip_the_jacobian():
    assert check_invertible(_Scale(), (1, 3, 32, 32)).jacobian is None


@pytest.mark.parametrize(
    ("transform", "message"),
    [
        (_WrongLogDet(), "jacobian"),
        (_ScalarLogDet(), "one number per sample"),
        (_WrongInverse(), "round_trip"),
        (_Mutating(), "in place"),
        (_NotANumber(), "round_trip"),
    ],
)
def test_each_breach_of_the_contract_is_found(transform, message):
    with pytest.raises(NotInvertibleError, match=message):
        check_invertible(transform, (2, 3, 4, 4))


def test_the_mode_of_the_transform_is_left_as_it_was():
    transform = _Scale().train()
    check_invertible(transform, (1, 2))
    assert transform.training


def test_a_name_is_registered_once():
    with pytest.raises(ConfigError, match="'haar'"):
        register("haar")(_Scale)


def test_an_unknown_name_lists_the_known_ones():
    with pytest.raises(ConfigError, match="affine_coupling"):
        get_transform("unknown")


@pytest.mark.parametrize(
    ("name", "slope"), [("atan", 0.6366 * 1.5), ("atan_legacy", 0.6366), ("tanh", 1.0)]
)
def test_clamps_have_the_documented_slope_and_range(name, slope):
    clamp = get_clamp(name)
    x = torch.tensor([-1e6, -1e-4, 0.0, 1e-4, 1e6], dtype=torch.float64)
    y = clamp(x, 1.5)
    assert float(y[3] / 1e-4) == pytest.approx(slope, rel=1e-4)
    assert float(y[2]) == 0.0
    assert float(y[4]) == pytest.approx(1.5, rel=1e-3)
    assert torch.allclose(y, -y.flip(0))


def test_an_unknown_clamp_lists_the_known_ones():
    with pytest.raises(ConfigError, match="atan_legacy"):
        get_clamp("hard")
