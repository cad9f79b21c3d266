"""Steering: latents move as far as hints ask for, and no farther."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
import torch

from colorflow.colorize import Colorizer
from colorflow.devices import one_thread
from colorflow.errors import ShapeError
from colorflow.hints import Hint
from colorflow.images.read import read_photo
from colorflow.models.cinn import ConditionalINN
from colorflow.steering import LEAST_SPREAD, steer
from colorflow.wishes import wish_of


@pytest.fixture(autouse=True)
def one_at_a_time() -> Iterator[None]:
    """As the sampler does it; threads that share such small work out are slow on a busy machine."""
    with one_thread():
        yield


@pytest.fixture
def at_work(tiny: Colorizer, grey_cat: np.ndarray):
    photo = read_photo(grey_cat)
    with torch.no_grad():
        prepared = tiny.prepare(tiny.domain.condition(photo))
    return photo, prepared, tiny.draw(photo, 2)


def _steer(tiny, code, prepared, wish, model=None):
    return steer(model or tiny.model, code, prepared, wish, tiny.domain.chroma, 4)


def test_latents_move_towards_a_hint_and_little_where_the_wish_is_what_was_drawn(tiny, at_work):
    photo, prepared, code = at_work
    wish = wish_of(photo, [Hint(75, 50, "#aa3311")], prepared.size)
    before = tiny.domain.chroma(tiny.model.inverse(code, prepared)[0])
    moved = _steer(tiny, code, prepared, wish)
    after = tiny.domain.chroma(tiny.model.inverse(moved, prepared)[0])
    assert float(wish.residuals(before).min()) > 20
    assert float(wish.residuals(after).max()) < 3
    # What was reached is wished: as good as nothing is to be done.
    again = wish_of(photo, [Hint(75, 50, "#aa3311")], prepared.size)
    again.chroma.copy_(wish.errors(before)[0] + wish.chroma)
    again.nearness.zero_()
    little = _steer(tiny, code[0], prepared, again)
    assert float((little.flatten() - code[0].flatten()).norm()) < 0.01
    assert float((moved.flatten() - code.flatten()).norm(dim=1).min()) > 1


def test_a_level_without_temperature_moves_as_one_with_the_least(tiny, at_work):
    photo, prepared, code = at_work
    wish = wish_of(photo, [Hint(75, 50, "#aa3311")], prepared.size)
    moved = []
    for temperature in ((0.0, 1.0), (LEAST_SPREAD, 1.0)):
        model = ConditionalINN(tiny.model.config.replace(temperature=temperature))
        model.load_state_dict(tiny.model.state_dict())
        moved.append(_steer(tiny, code, prepared, wish, model.eval().requires_grad_(False)))
    for none, least in zip(moved[0].levels, moved[1].levels, strict=True):
        assert torch.equal(none, least)
    assert not torch.equal(moved[0].levels[0], code.levels[0])


def test_a_wish_for_another_size_is_refused(tiny, at_work):
    photo, prepared, code = at_work
    wish = wish_of(photo, [Hint(1, 1, "#aa3311")], (8, 8))
    with pytest.raises(ShapeError, match=r"\(16, 24\).*\(8, 8\)"):
        _steer(tiny, code, prepared, wish)
