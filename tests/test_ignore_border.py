"""Scans with a border: the picture inside is coloured as if it were alone."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from colorflow.errors import ImageError
from colorflow.hints import Hint
from colorflow.images.border import without_border
from colorflow.images.photo import Photo
from colorflow.photo_session import PhotoSession


@pytest.fixture
def scan(grey_cat) -> np.ndarray:
    """The cat on white paper: 12 rows above, 20 below, 15 columns on both sides."""
    return np.pad(grey_cat, ((12, 20), (15, 15)), constant_values=245)


def test_the_inside_is_that_of_the_picture_alone_and_the_border_is_kept(tiny, scan):
    inside = without_border(Photo(scan))
    rows, columns = inside.frame.border.inside(scan.shape)
    framed = tiny.sample(scan, n=2, seed=4, ignore_border=True)
    alone = tiny.sample(np.ascontiguousarray(scan[rows, columns]), n=2, seed=4)
    for one, other in zip(framed, alone, strict=True):
        assert torch.equal(one.target, other.target)
        assert one.log_prob == other.log_prob
        found = np.array(one.image)
        np.testing.assert_array_equal(found[rows, columns], np.asarray(other.image))
        np.testing.assert_array_equal(one.deep()[rows, columns], other.deep())
        found[rows, columns] = scan[rows, columns, None]
        np.testing.assert_array_equal(found, np.repeat(scan[..., None], 3, axis=2))


def test_without_a_border_and_without_the_option_nothing_changes(tiny, grey_cat, scan):
    (plain,), (asked,) = tiny.sample(grey_cat, n=1), tiny.sample(grey_cat, 1, ignore_border=True)
    assert plain.image.tobytes() == asked.image.tobytes()
    (whole,), (inside,) = tiny.sample(scan, n=1), tiny.sample(scan, n=1, ignore_border=True)
    assert whole.target.shape != inside.target.shape or not torch.equal(whole.target, inside.target)


def test_hints_count_from_the_corner_of_the_scan(tiny, scan):
    border = without_border(Photo(scan)).frame.border
    rows, columns = border.inside(scan.shape)
    hint = Hint(75 + border.left, 50 + border.top, "#aa5533")
    (framed,) = tiny.sample(scan, n=1, hints=[hint], ignore_border=True)
    (alone,) = tiny.sample(scan[rows, columns], n=1, hints=[Hint(75, 50, "#aa5533")])
    assert torch.equal(framed.target, alone.target)
    assert framed.residuals == alone.residuals


def test_a_hint_on_the_border_is_refused(tiny, scan):
    hints = [Hint(60, 60, "#335577"), Hint(4, 60, "#aa5533")]
    with pytest.raises(ImageError, match=r"hint 2, #aa5533 at \(4, 60\), lies on the border"):
        tiny.sample(scan, n=1, hints=hints, ignore_border=True)


def test_translation_leaves_the_border_as_well(tiny_translator, cat):
    scan = np.pad(np.asarray(cat.convert("RGB")), ((20, 20), (25, 25), (0, 0)), constant_values=8)
    rows, columns = without_border(Photo(scan)).frame.border.inside(scan.shape[:2])
    (framed,) = tiny_translator.sample(scan, n=1, ignore_border=True)
    (alone,) = tiny_translator.sample(np.ascontiguousarray(scan[rows, columns]), n=1)
    found = np.array(framed.image)
    np.testing.assert_array_equal(found[rows, columns], np.asarray(alone.image))
    found[rows, columns] = scan[rows, columns]
    np.testing.assert_array_equal(found, scan)


def test_a_session_of_the_inside_gives_full_size_pictures_with_the_border(tiny, scan):
    inside = without_border(Photo(scan))
    session = PhotoSession(tiny, inside)
    (variant,) = session.paint(session.draw(1, seed=4))
    (whole,) = tiny.sample(scan, n=1, seed=4, ignore_border=True)
    assert session.full_size(variant, inside).image.tobytes() == whole.image.tobytes()
