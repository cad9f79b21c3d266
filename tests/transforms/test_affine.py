import pytest
import torch

from colorflow.errors import ConditionError, ShapeError
from colorflow.transforms import ActNorm, ConditionalAffine


def test_actnorm_normalises_the_first_training_batch(generator):
    # Quiet channels like chroma must be normalised too: no floor on the variance.
    x = (
        torch.randn(8, 2, 4, 4, generator=generator) * torch.tensor([3.0, 0.01]).view(1, 2, 1, 1)
        + 5
    )
    y, _ = ActNorm(2).train()(x)
    assert torch.allclose(y.mean((0, 2, 3)), torch.zeros(2), atol=1e-3)
    assert torch.allclose(y.std((0, 2, 3)), torch.ones(2), atol=1e-2)


def test_actnorm_is_not_initialised_twice(generator):
    norm = ActNorm(2).train()
    norm(torch.randn(8, 2, 4, 4, generator=generator))
    bias = norm.bias.detach().clone()
    norm(100 + torch.randn(8, 2, 4, 4, generator=generator))
    assert torch.equal(norm.bias, bias)


def test_actnorm_is_not_initialised_by_evaluation(generator):
    norm = ActNorm(2).eval()
    x = 5 + torch.randn(8, 2, 4, 4, generator=generator)
    assert torch.equal(norm(x)[0], x)
    assert not norm.initialised


def test_a_loaded_actnorm_keeps_its_statistics(generator):
    norm = ActNorm(2).train()
    x = 5 + torch.randn(8, 2, 4, 4, generator=generator)
    expected, _ = norm(x)
    loaded = ActNorm(2).train()
    loaded.load_state_dict(norm.state_dict())
    assert torch.equal(loaded(x)[0], expected)
    assert torch.equal(loaded(100 * x)[0], norm(100 * x)[0])


def test_actnorm_cannot_start_from_a_single_value():
    with pytest.raises(ShapeError, match="two values"):
        ActNorm(3).train()(torch.zeros(1, 3))


def test_conditional_affine_normalises_by_the_condition(generator):
    x = torch.randn(1, 2, 2, 4, generator=generator)
    y, log_det = ConditionalAffine(2)(x, torch.cat([x, torch.zeros_like(x)], dim=1))
    assert torch.equal(y, torch.zeros_like(x))  # shift = x and scale = 1
    assert float(log_det) == 0.0


def test_zero_latents_decode_to_the_shift(generator):
    condition = torch.randn(1, 4, 2, 4, generator=generator)
    x, _ = ConditionalAffine(2).inverse(torch.zeros(1, 2, 2, 4), condition)
    assert torch.equal(x, condition[:, :2])


@pytest.mark.parametrize(
    "condition", [None, torch.zeros(1, 2, 2, 4), torch.zeros(1, 4, 4, 2), torch.zeros(1, 4)]
)
def test_conditional_affine_names_what_it_expected(condition):
    with pytest.raises(ConditionError, match="ConditionalAffine: expected"):
        ConditionalAffine(2)(torch.zeros(1, 2, 2, 4), condition)
