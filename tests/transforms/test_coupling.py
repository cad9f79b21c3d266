import pytest
import torch
from cases import CASES, HIDDEN, _conv, build, draw

from colorflow.errors import ConditionError, ConfigError, ShapeError
from colorflow.transforms import AffineCoupling, GINCoupling


def test_a_new_coupling_is_the_identity(generator):
    x = torch.randn(2, 4, 4, 4, generator=generator)
    condition = torch.randn(2, 2 * HIDDEN, 4, 4, generator=generator)
    y, log_det = AffineCoupling(4, _conv)(x, condition)
    assert torch.equal(y, x)
    assert torch.equal(log_det, torch.zeros(2))


def test_both_halves_are_transformed():
    case = next(c for c in CASES if c.name == "affine_coupling")
    x, condition = draw(case, 1)
    y, _ = build(case)(x, condition)
    assert ((y - x).abs().flatten(2).sum(2) > 0).all()


def test_condition_changes_the_map():
    case = next(c for c in CASES if c.name == "affine_coupling")
    x, condition = draw(case, 1)
    coupling = build(case)
    assert not torch.allclose(coupling(x, condition)[0], coupling(x, condition + 1)[0])


def test_one_condition_serves_many_samples():
    case = next(c for c in CASES if c.name == "affine_coupling")
    coupling = build(case)
    x, _ = draw(case, 6)
    _, condition = draw(case, 2)
    together, log_det = coupling(x, condition)
    for row in range(6):
        photo = row // 3  # samples of a photo lie next to each other
        alone, alone_log_det = coupling(x[row : row + 1], condition[photo : photo + 1])
        assert torch.allclose(together[row : row + 1], alone, atol=1e-12)
        assert torch.allclose(log_det[row : row + 1], alone_log_det, atol=1e-12)


def test_batch_that_is_no_multiple_of_the_photos_is_refused():
    case = next(c for c in CASES if c.name == "affine_coupling")
    x, _ = draw(case, 3)
    _, condition = draw(case, 2)
    with pytest.raises(ShapeError, match="multiple of the 2 conditions, got 3"):
        build(case)(x, condition)


def test_log_scale_never_exceeds_the_limit(generator):
    coupling = AffineCoupling(4, _conv, limit=0.5)
    with torch.no_grad():
        for parameter in coupling.parameters():
            parameter.mul_(0).add_(1e3)  # huge raw log-scales
    x = torch.randn(1, 4, 2, 2, generator=generator)
    _, log_det = coupling(x, torch.zeros(1, 2 * HIDDEN, 2, 2))
    assert float(log_det.detach().abs()) <= 0.5 * 16


def test_gin_keeps_volume_while_it_scales():
    case = next(c for c in CASES if c.name == "gin_coupling")
    x, condition = draw(case, 2)
    coupling = build(case)
    assert isinstance(coupling, GINCoupling)
    y, log_det = coupling(x, condition)
    assert torch.equal(log_det, torch.zeros(2, dtype=torch.float64))
    assert not torch.allclose(y, x)


def test_wrong_channels_name_the_layer_and_the_numbers():
    with pytest.raises(
        ShapeError, match=r"AffineCoupling: expected 4 channels, got \[1, 3, 2, 2\]"
    ):
        AffineCoupling(4, _conv)(torch.zeros(1, 3, 2, 2))


def test_a_raw_condition_is_refused():
    with pytest.raises(ConditionError, match="prepare"):
        AffineCoupling(4, _conv)(torch.zeros(1, 4, 2, 2), [torch.zeros(1, 4, 2, 2)])


def test_one_channel_cannot_be_coupled():
    with pytest.raises(ConfigError, match="at least 2 channels"):
        AffineCoupling(1, _conv)


def test_limit_must_be_positive():
    with pytest.raises(ConfigError, match="limit"):
        AffineCoupling(4, _conv, limit=0.0)
