from typing import Any

import pytest
import torch
from cases import CASES, build, draw
from torch import Tensor

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


# --- a partial inverse


def _passed_through(flow: Multiscale, x: Tensor, condition: Any) -> list[Tensor]:
    """What goes into each transform of a forward pass, and what comes out of the last."""
    seen = [x]
    for transform, c in zip(flow.transforms, condition, strict=True):
        x, _ = transform(x, c)
        x = x[0] if isinstance(transform, Split) else x
        seen.append(x)
    return seen


@pytest.fixture
def multiscale() -> tuple[Multiscale, Tensor, Any]:
    case = next(case for case in CASES if case.name == "multiscale")
    return build(case), *draw(case, batch=3)


def test_the_inverse_down_to_the_first_transform_is_the_inverse(multiscale):
    flow, x, condition = multiscale
    levels, log_det = flow(x, condition)
    whole, undone = flow.inverse(levels, condition)
    partial, also_undone = flow.inverse_down_to(0, levels, condition)
    assert torch.equal(partial, whole)
    assert torch.equal(also_undone, undone)
    assert flow.latents_from(0) == len(levels)
    torch.testing.assert_close(undone, -log_det)


def test_the_inverse_down_to_a_transform_is_what_passes_through_there_forwards(multiscale):
    flow, x, condition = multiscale
    levels, whole = flow(x, condition)
    seen, finer = _passed_through(flow, x, condition), torch.zeros_like(whole)
    for first, transform in enumerate(flow.transforms):
        count = flow.latents_from(first)
        got, undone = flow.inverse_down_to(first, levels[-count:], condition)
        torch.testing.assert_close(got, seen[first])
        torch.testing.assert_close(undone, finer - whole)
        finer = finer + transform(seen[first], condition[first])[1]
    last, undone = flow.inverse_down_to(len(flow.transforms), levels[-1:], condition)
    assert torch.equal(last, levels[-1])
    assert torch.count_nonzero(undone) == 0


def test_the_finer_latents_have_no_part_in_a_partial_inverse_and_are_not_taken(multiscale):
    flow, x, condition = multiscale
    levels, _ = flow(x, condition)
    assert [flow.latents_from(first) for first in range(7)] == [3, 3, 2, 2, 2, 1, 1]
    with pytest.raises(ShapeError, match="2 latents, got 3"):
        flow.inverse_down_to(2, levels, condition)
