"""Draws: what each latent code depends on, and what it does not."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor

from colorflow.draws import MAX_VIVID, Draw, require_strategy, require_vivid
from colorflow.errors import ConfigError
from colorflow.models.latents import Latents, derive_seed

SHAPES = ((3, 4, 4), (5, 2, 2))


def draw(**changes: Any) -> Draw:
    return Draw(**{"shapes": SHAPES, "content": "hash of the photo", **changes})


def flat(code: Latents) -> Tensor:
    return code.flatten()


def test_a_draw_is_that_of_its_own_number_whatever_is_drawn_beside_it():
    alone = [flat(draw().latents([number]))[0] for number in range(5)]
    for numbers in ([0, 1, 2, 3, 4], [4, 2], [3, 3, 0]):
        for row, number in zip(flat(draw(n=9).latents(numbers)), numbers, strict=True):
            assert torch.equal(row, alone[number])


def test_fewer_draws_are_the_first_of_more():
    few, many = draw(n=4).drawn(range(4)), draw(n=8).drawn(range(8))
    assert torch.equal(flat(few.latents), flat(many[:4].latents))
    assert few.numbers == many[:4].numbers == (0, 1, 2, 3)


def test_seed_photo_number_and_attempt_each_give_other_latents():
    first = draw().latents([0])
    others = [
        draw(seed=1).latents([0]),
        draw(content="another photo").latents([0]),
        draw().latents([1]),
        draw().latents([0], [1]),
        draw().latents([0], [2]),
    ]
    values = [flat(code)[0, 0].item() for code in (first, *others)]
    assert len(set(values)) == len(values)


def test_what_was_never_replaced_is_what_it_was_before_draws_could_be():
    seeds = [derive_seed(7, "hash of the photo", number) for number in range(3)]
    expected = flat(Latents.sample(SHAPES, seeds))
    assert torch.equal(flat(draw(seed=7).latents(range(3))), expected)
    assert torch.equal(flat(draw(seed=7).latents(range(3), [0, 0, 0])), expected)


def test_temperature_and_factor_scale_the_latents():
    plain = draw().latents([0, 1])
    scaled = draw(temperature=(0.5, 2.0), factor=0.25).latents([0, 1])
    for got, level, by in zip(scaled.levels, plain.levels, (0.125, 0.5), strict=True):
        assert torch.equal(got, by * level)


def test_a_replaced_draw_keeps_its_number_and_share_and_takes_its_next_seed():
    drawn = draw().drawn([5, 2], [0.7, 0.3])
    once = drawn.replaced(1)
    assert (once.numbers, once.attempts, once.shares) == ((2,), (1,), (0.3,))
    assert torch.equal(flat(once.latents), flat(draw().latents([2], [1])))
    twice = once.replaced(0)
    assert twice.attempts == (2,)
    assert torch.equal(flat(twice.latents), flat(draw().latents([2], [2])))
    together = drawn.with_row(1, twice)
    assert (together.numbers, together.attempts) == ((5, 2), (0, 2))
    assert together.shares == (0.7, 0.3)
    assert torch.equal(flat(together.latents)[0], flat(drawn.latents)[0])
    assert torch.equal(flat(together.latents)[1:], flat(twice.latents))


def test_scaling_holds_for_later_replacements_too():
    drawn = draw(factor=2.0).drawn([3, 1])
    halved = drawn.scale(0.5)
    assert torch.equal(flat(halved.latents), flat(drawn.latents) * 0.5)
    assert torch.equal(flat(halved.replaced(0).latents), flat(drawn.replaced(0).latents) * 0.5)
    assert halved.numbers == drawn.numbers


def test_slices_keep_what_belongs_together():
    drawn = draw().drawn([4, 1, 3], [0.5, 0.3, 0.2], [0, 1, 0])
    part = drawn[1:]
    assert len(part) == 2
    assert (part.numbers, part.attempts, part.shares) == ((1, 3), (1, 0), (0.3, 0.2))
    assert torch.equal(flat(part.latents), flat(drawn.latents)[1:])


def test_shares_can_be_left_out():
    drawn = draw().drawn([4, 1], [0.5, 0.5])
    assert drawn.without_shares().shares == (None, None)
    assert drawn.without_shares().numbers == (4, 1)
    assert draw().drawn([4, 1]).shares == (None, None)


@pytest.mark.parametrize(
    ("wrong", "name"),
    [
        ({"n": 0}, "n:"),
        ({"strategy": "nice"}, "draw: expected one of representative, independent, got nice"),
        ({"temperature": -0.1}, "temperature"),
        ({"temperature": (1.0, float("inf"))}, "temperature"),
        ({"factor": float("nan")}, "factor"),
    ],
)
def test_values_out_of_range_are_refused_by_name(wrong: dict[str, Any], name: str):
    with pytest.raises(ConfigError, match=name):
        draw(**wrong)


def test_strategies_and_vividness_are_checked_alone_too():
    require_strategy("independent")
    assert [require_vivid(value) for value in (0.0, 1.0, MAX_VIVID)] == [0.0, 1.0, MAX_VIVID]
    for wrong in (-0.1, 2.01, float("nan"), float("inf")):
        with pytest.raises(ConfigError, match="vivid: expected 0 to 2"):
            require_vivid(wrong)
