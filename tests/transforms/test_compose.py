import pytest
import torch

from colorflow.errors import ConditionError, ConfigError, ShapeError
from colorflow.transforms import Haar, Multiscale, Reshape, Split, TransformSequence


def test_split_keeps_the_first_channels(generator):
    x = torch.randn(2, 5, 2, 2, generator=generator)
    (kept, leaving), log_det = Split(3)(x)
    assert torch.equal(kept, x[:, :3])
    assert torch.equal(leaving, x[:, 3:])
    assert torch.equal(log_det, torch.zeros(2))


def test_split_after_haar_sends_the_details_out():
    # A constant picture has averages only: nothing may leave.
    (_, details, kept), _ = _multiscale_of_three()(torch.full((1, 1, 8, 8), 0.7))
    assert torch.count_nonzero(details) == 0
    assert torch.count_nonzero(kept) > 0


def _multiscale_of_three() -> Multiscale:
    return Multiscale([Haar(), Split(1), Haar(), Split(1)])


def test_multiscale_gives_the_finest_latents_first(generator):
    levels, _ = _multiscale_of_three()(torch.randn(2, 1, 8, 8, generator=generator))
    assert [tuple(level.shape) for level in levels] == [(2, 3, 4, 4), (2, 3, 2, 2), (2, 1, 2, 2)]


def test_multiscale_refuses_a_missing_level():
    with pytest.raises(ShapeError, match="3 latents, got 2"):
        _multiscale_of_three().inverse((torch.zeros(1, 3, 4, 4), torch.zeros(1, 1, 2, 2)))


def test_sequence_adds_log_determinants(generator):
    x = torch.randn(1, 1, 4, 4, generator=generator)
    both = TransformSequence([Haar(rebalance=2.0), Reshape()])
    assert torch.allclose(both(x)[1], Haar(rebalance=2.0)(x)[1])


@pytest.mark.parametrize("condition", [torch.zeros(1), [None]])
def test_sequence_wants_one_condition_per_transform(condition):
    with pytest.raises(ConditionError, match="each of the 2 transforms"):
        TransformSequence([Haar(), Haar()])(torch.zeros(1, 1, 4, 4), condition)


def test_split_refuses_to_keep_everything_or_nothing():
    with pytest.raises(ShapeError, match="more than 4 channels"):
        Split(4)(torch.zeros(1, 4, 2, 2))
    with pytest.raises(ConfigError, match="at least one"):
        Split(0)
