import pytest
import torch

from colorflow.errors import ShapeError
from colorflow.transforms import RandomOrthogonal
from colorflow.transforms.orthogonal import random_orthogonal


def _mixing(channels: int, seed: int = 0) -> RandomOrthogonal:
    return RandomOrthogonal(channels, torch.Generator().manual_seed(seed))


def test_matrix_is_orthogonal_and_depends_on_the_seed_alone():
    q = random_orthogonal(12, torch.Generator().manual_seed(1))
    assert torch.allclose(q @ q.T, torch.eye(12, dtype=torch.float64), atol=1e-12)
    assert torch.equal(q, random_orthogonal(12, torch.Generator().manual_seed(1)))
    assert not torch.allclose(q, random_orthogonal(12, torch.Generator().manual_seed(2)))


def test_draws_are_uniform_over_rotations_and_reflections(generator):
    # Without the sign fix the QR of LAPACK prefers one sign of the determinant or diagonal.
    signs = [float(torch.linalg.det(random_orthogonal(3, generator)).sign()) for _ in range(200)]
    assert 60 < sum(s > 0 for s in signs) < 140


def test_a_matrix_rounded_to_float32_is_orthogonal_again_in_float64():
    mixing = _mixing(16).float().double()
    product = mixing.matrix @ mixing.matrix.T
    assert torch.allclose(product, torch.eye(16, dtype=torch.float64), atol=1e-14)


def test_going_to_float64_and_back_keeps_the_matrix_within_rounding():
    mixing = _mixing(16)
    before = mixing.matrix.clone()
    after = mixing.double().float().matrix
    assert torch.allclose(after, before, atol=3e-7)


def test_matrix_is_saved_but_not_trained():
    mixing = _mixing(4)
    assert "matrix" in mixing.state_dict()
    assert list(mixing.parameters()) == []


def test_mixing_stays_in_float32_under_autocast(generator):
    x = torch.randn(2, 8, 4, 4, generator=generator)
    mixing = _mixing(8)
    expected, _ = mixing(x)
    with torch.autocast("cpu", torch.bfloat16):
        mixed, _ = mixing(x)
    assert mixed.dtype == torch.float32
    assert torch.equal(mixed, expected)


def test_wrong_channels_are_refused():
    with pytest.raises(ShapeError, match=r"RandomOrthogonal.*\[batch, 4\]"):
        _mixing(4)(torch.zeros(1, 5, 2, 2))
