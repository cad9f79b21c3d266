"""Maps of what the pyramid tells the flow."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from colorflow.errors import ConfigError
from colorflow.explain import COLUMNS, GAP, LABEL, explain, principal_colours
from colorflow.images.read import read_photo


def test_a_picture_shows_the_photo_and_one_map_per_level(tiny, tiny_translator, cat):
    for sampler in (tiny, tiny_translator):
        picture = explain(sampler, cat, side=90)
        height, width = sampler.domain.geometry.condition_size(cat.height, cat.width)
        factor = round(90 / min(height, width))
        assert factor > 1
        levels = len(sampler.model.config.condition_strides)
        step_x, step_y = factor * width + GAP, LABEL + factor * height + GAP
        assert picture.size == (min(levels + 1, COLUMNS) * step_x - GAP, step_y - GAP)
        maps = np.asarray(picture)[LABEL:]
        first = maps[::factor, : factor * width : factor]
        condition = sampler.domain.condition(read_photo(cat))[0]
        assert np.abs(first / 255 - condition.permute(1, 2, 0).numpy()).max() < 0.01
        coarsest = maps[:, -factor * width :]
        block = factor * sampler.model.config.coarsest_stride
        assert (coarsest[:block, :block] == coarsest[0, 0]).all()


def test_more_maps_than_fit_beside_each_other_stand_in_rows(tiny, cat, monkeypatch):
    levels = len(tiny.model.config.condition_strides)
    flat = np.asarray(explain(tiny, cat))
    monkeypatch.setattr("colorflow.explain.COLUMNS", 2)
    rows = np.asarray(explain(tiny, cat))
    step = (rows.shape[1] + GAP) // 2, (rows.shape[0] + GAP) // -(-(levels + 1) // 2)
    third = flat[:, 2 * step[0] : 3 * step[0] - GAP]
    again = rows[step[1] : step[1] + len(third), : step[0] - GAP]
    # The maps are computed anew, and a rounding may tip.
    assert np.abs(again.astype(int) - third).max() <= 1


def test_a_picture_without_a_side_is_refused(tiny, cat):
    with pytest.raises(ConfigError, match="side"):
        explain(tiny, cat, side=0)


def test_two_kinds_of_places_get_two_colours():
    generator = torch.Generator().manual_seed(1)
    features = 0.01 * torch.randn(8, 6, 10, generator=generator)
    features[:, :, 5:] += torch.randn(8, 1, 1, generator=generator)
    red = principal_colours(features)[0]
    assert (red[:, :5].mean() - red[:, 5:].mean()).abs() > 0.8


def test_colours_do_not_depend_on_the_sign_or_the_offset_of_features():
    features = torch.randn(4, 5, 6, generator=torch.Generator().manual_seed(2))
    plain = principal_colours(features)
    torch.testing.assert_close(principal_colours(features + 3), plain)
    assert 0 <= plain.min() < plain.max() <= 1


def test_without_any_contrast_all_is_grey():
    assert (principal_colours(torch.ones(4, 3, 3)) == 0.5).all()
    one = torch.ones(4, 2, 2)
    one[:, 0] = 0
    found = principal_colours(one)
    # Singular vectors are good to a rounding, which is another one on every processor.
    ends = torch.tensor([[0.0, 0.0], [1.0, 1.0]])
    torch.testing.assert_close(found[0].sort(0).values, ends, atol=1e-6, rtol=0)
    assert (found[1:] == 0.5).all()
