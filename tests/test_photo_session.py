"""A session gives what the colorizer gives, without doing the work twice."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from colorflow.errors import ConfigError
from colorflow.images.photo import Photo
from colorflow.images.read import read_photo
from colorflow.photo_session import PhotoSession


@pytest.fixture
def photo(cat) -> Photo:
    return read_photo(cat)


@pytest.fixture
def session(tiny, photo) -> PhotoSession:
    return PhotoSession(tiny, photo, side=60)


def test_variants_are_those_of_the_colorizer_to_the_bit(tiny, photo, session):
    usual = tiny.sample(photo, n=3, saturation=0.7, seed=4)
    ours = session.paint(session.draw(3, seed=4), 0.7)
    for mine, theirs in zip(ours, usual, strict=True):
        assert torch.equal(mine.target, theirs.target)
        assert mine.log_prob == theirs.log_prob
        full = session.full_size(mine, photo)
        assert full.image.tobytes() == theirs.image.tobytes()
        for name in ("index", "seed", "number", "attempt", "share"):
            assert getattr(mine, name) == getattr(theirs, name), name


def test_another_saturation_runs_the_inverse_pass_only(session, monkeypatch):
    code = session.draw(1, seed=4)
    first = session.paint(code)[0]

    def never(*_: object) -> None:
        raise AssertionError("the condition is computed again")

    monkeypatch.setattr(session.sampler, "prepare", never)
    monkeypatch.setattr(session.sampler.domain, "condition", never)
    calm = session.paint(code, 0.2)[0]
    assert not torch.equal(calm.target, first.target)


def test_previews_have_the_photos_shape_and_smaller_ones_can_be_asked_for(session):
    variant = session.paint(session.draw(1))[0]
    assert session.picture(variant).size == (60, 40)
    assert session.picture(variant, 30).size == (30, 20)
    assert session.before.size == (60, 40)
    assert session.before.mode == "L"


def test_the_grey_preview_is_the_photo(cat, session):
    expected = np.asarray(cat.convert("L").resize((60, 40)), float)
    assert np.abs(np.asarray(session.before, float) - expected).mean() < 8


def test_small_photos_are_not_enlarged(tiny, photo):
    assert PhotoSession(tiny, photo, side=1000).before.size == (150, 100)


def test_the_pixels_of_the_photo_are_not_kept(tiny):
    photo = Photo(np.zeros((400, 600), np.uint8))
    session = PhotoSession(tiny, photo, side=60)
    small = [v for v in vars(session).values() if isinstance(v, Photo)]
    assert all(max(kept.size) <= 60 for kept in small)


def test_another_photo_is_refused(session, grey_cat):
    variant = session.paint(session.draw(1))[0]
    with pytest.raises(ConfigError, match="another"):
        session.full_size(variant, read_photo(grey_cat))


def test_uncertainty_is_that_of_the_colorizer(tiny, photo):
    whole = PhotoSession(tiny, photo, side=150).uncertainty(n=6, seed=2)
    assert whole.shape == (100, 150)
    # The preview is made of the lightness alone, rounded once more.
    assert np.abs(whole - tiny.uncertainty(photo, n=6, seed=2)).max() < 0.05
    with pytest.raises(ConfigError, match="at least 2"):
        PhotoSession(tiny, photo).uncertainty(n=1)


def test_a_session_in_another_geometry_takes_its_codes(tiny, photo):
    size = tiny.domain.geometry.side, tiny.domain.geometry.side
    session = PhotoSession(tiny, photo, 60, size)
    code = session.draw(1, seed=4)
    assert tiny.decode(photo, code.latents).tobytes() == (
        # Decoding leaves colours as they are, without the gain of variants.
        session.full_size(session.paint(code)[0], photo, 1 / tiny.domain.gain).image.tobytes()
    )


def test_sides_must_be_positive(tiny, photo):
    with pytest.raises(ConfigError, match="side"):
        PhotoSession(tiny, photo, side=0)


def test_vivid_is_that_of_the_colorizer_without_another_pass(tiny, photo, session, monkeypatch):
    (usual,) = tiny.sample(photo, n=1, vivid=1.3, seed=4)
    (mine,) = session.paint(session.draw(1, seed=4))
    full = session.full_size(mine, photo, 1.3)
    assert full.image.tobytes() == usual.image.tobytes()
    monkeypatch.setattr(session.sampler.domain, "finishing", None)
    pale, strong = (np.asarray(session.picture(mine, None, v), float) for v in (0.5, 1.5))
    assert np.ptp(strong, axis=2).mean() > 1.5 * np.ptp(pale, axis=2).mean()
    with pytest.raises(ConfigError, match="vivid"):
        session.picture(mine, None, 2.5)
    with pytest.raises(ConfigError, match="vivid"):
        session.full_size(mine, photo, -1)
