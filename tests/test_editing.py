"""Edits of codes: what they keep, what they change, and how typical codes are."""

from __future__ import annotations

import math

import pytest
import torch

from colorflow.editing import levels_of, more_like, tail_probability, with_levels
from colorflow.errors import ConfigError, ShapeError
from colorflow.models.latents import Latents

SHAPES = [(4, 8, 8), (6, 4, 4), (8, 2, 2)]


@pytest.fixture
def code() -> Latents:
    return Latents.sample(SHAPES, [1]).scale([0.6, 0.8, 1.0])


@pytest.mark.parametrize("angle", [0.1, 0.5, 1.5])
def test_codes_like_one_keep_lengths_and_have_the_angle(code, angle):
    near = more_like(code, angle, [5, 6])
    for mine, theirs in zip(code.levels, near.levels, strict=True):
        for row in theirs:
            assert row.norm() == pytest.approx(float(mine.norm()), rel=1e-5)
            cosine = float((row * mine[0]).sum() / mine.norm() ** 2)
            assert cosine == pytest.approx(math.cos(angle), abs=1e-5)
    assert not torch.equal(near.levels[0][0], near.levels[0][1])


def test_no_angle_is_the_same_code_and_a_right_one_has_nothing_in_common(code):
    same = more_like(code, 0.0, [5])
    assert all(torch.equal(a, b) for a, b in zip(same.levels, code.levels, strict=True))
    far = more_like(code, math.pi / 2, [5])
    assert float((far.levels[0] * code.levels[0]).sum()) == pytest.approx(0, abs=1e-3)


def test_codes_like_one_depend_on_their_own_seed_only(code):
    both, one = more_like(code, 0.5, [5, 6]), more_like(code, 0.5, [6])
    assert all(torch.equal(a[1:], b) for a, b in zip(both.levels, one.levels, strict=True))


def test_levels_of_nought_stay_nought():
    code = Latents((torch.zeros(1, 3, 2, 2), torch.ones(1, 1)))
    near = more_like(code, 0.5, [1])
    assert torch.equal(near.levels[0], code.levels[0])
    assert near.levels[1].abs() == pytest.approx(1.0)


@pytest.mark.parametrize("angle", [-0.1, 2.0, math.nan])
def test_angles_out_of_range(code, angle):
    with pytest.raises(ConfigError, match="angle"):
        more_like(code, angle, [1])


def test_mood_and_details_are_all_levels_and_share_none():
    for count in (1, 2, 4):
        mood, details = levels_of("mood", count), levels_of("details", count)
        assert sorted((*mood, *details)) == list(range(count))
    assert levels_of("mood", 4) == (3,)
    with pytest.raises(ConfigError, match="mood, details"):
        levels_of("mode", 4)


def test_levels_are_taken_and_others_kept_to_the_bit(code):
    fresh = Latents.sample(SHAPES, [7, 8])
    mixed = with_levels(code, fresh, [2])
    assert len(mixed) == 2
    assert torch.equal(mixed.levels[2], fresh.levels[2])
    for level in (0, 1):
        assert torch.equal(mixed.levels[level][0], code.levels[level][0])
        assert torch.equal(mixed.levels[level][1], code.levels[level][0])


def test_levels_that_do_not_fit(code):
    with pytest.raises(ConfigError, match="below 3"):
        with_levels(code, code, [3])
    with pytest.raises(ShapeError, match="shapes"):
        with_levels(code, Latents.sample(SHAPES[:2], [1]), [0])
    with pytest.raises(ShapeError, match="one picture"):
        with_levels(Latents.sample(SHAPES, [1, 2]), code, [0])


def test_samples_are_typical_as_often_as_they_should_be():
    code = Latents.sample(SHAPES, range(400)).scale([0.6, 0.8, 1.2])
    values = torch.tensor(tail_probability(code, (0.6, 0.8, 1.2)))
    # Uniform on [0, 1]: the mean of 400 has a standard error of 0.014.
    assert float(values.mean()) == pytest.approx(0.5, abs=0.06)
    assert float((values < 0.1).float().mean()) == pytest.approx(0.1, abs=0.06)


def test_short_and_long_codes_are_untypical(code):
    spread = (0.6, 0.8, 1.0)
    assert tail_probability(code.scale(0.8), spread)[0] < 0.01
    assert tail_probability(code.scale(1.2), spread)[0] < 0.01
    assert tail_probability(code.scale(0), spread)[0] == 0


def test_levels_without_spread_do_not_count(code):
    assert tail_probability(code, 0.0) == [1.0]
    only = tail_probability(code, (0.0, 0.0, 1.0))
    assert only == tail_probability(Latents(code.levels[2:]), 1.0)
    with pytest.raises(ConfigError, match="temperature"):
        tail_probability(code, (1.0, 1.0))
