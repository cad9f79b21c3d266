"""Samples with hints: wishes are met in the finished picture, and all else stays a sample."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from PIL import Image

from colorflow.colorize import Colorizer
from colorflow.errors import ConfigError, ImageError
from colorflow.hints import MAX_HINTS, Hint
from colorflow.images.lab import lab_planes
from colorflow.images.read import read_photo
from colorflow.wishes import wish_of

HINTS = (Hint(75, 50, "#aa5533"), Hint(20, 80, "#335577"))


def chroma_at(image: Image.Image, hint: Hint) -> torch.Tensor:
    """Mean (a, b) of some pixels around a hint."""
    x, y = int(hint.x), int(hint.y)
    planes = lab_planes(np.asarray(image.convert("RGB")))
    return planes[1:, max(0, y - 1) : y + 2, max(0, x - 1) : x + 2].mean((1, 2))


def test_hints_are_reached_in_the_finished_picture(tiny, grey_cat):
    plain = tiny.sample(grey_cat, n=3)
    variants = tiny.sample(grey_cat, n=3, hints=HINTS)
    photo = read_photo(grey_cat)
    wished = wish_of(photo, HINTS, tuple(plain[0].target.shape[1:])).chroma
    for before, variant in zip(plain, variants, strict=True):
        assert len(variant.residuals) == 2
        for hint, wish, residual in zip(HINTS, wished, variant.residuals, strict=True):
            assert residual < 5
            assert float((chroma_at(before.image, hint) - wish).norm()) > 8
            assert float((chroma_at(variant.image, hint) - wish).norm()) < residual + 4


def test_lightness_and_log_density_are_those_of_the_variant(tiny, grey_cat):
    (variant,) = tiny.sample(grey_cat, n=1, hints=HINTS)
    difference = lab_planes(np.asarray(variant.image))[0] - read_photo(grey_cat).lightness
    assert float(difference.abs().max()) <= 1.0
    again = tiny.decode(grey_cat, variant.latents, vivid=tiny.domain.gain)
    assert again.tobytes() == variant.image.tobytes()


def test_without_hints_nothing_changes(tiny, grey_cat):
    for plain, empty in zip(tiny.sample(grey_cat), tiny.sample(grey_cat, hints=()), strict=True):
        assert torch.equal(plain.target, empty.target)
        assert plain.residuals == empty.residuals == ()


def test_variants_differ_away_from_hints(tiny, grey_cat):
    plain, variants = (tiny.sample(grey_cat, n=4, hints=h) for h in ((), HINTS[:1]))
    size = tuple(plain[0].target.shape[1:])
    (nearness,) = wish_of(read_photo(grey_cat), HINTS[:1], size).nearness

    def spread(given, where):
        deviation = torch.stack([v.target for v in given]).var(0).sum(0).sqrt()
        return float(deviation[where].mean())

    far, near = nearness < 0.05, nearness > 0.8
    assert spread(variants, far) > 0.6 * spread(plain, far)
    assert spread(variants, near) < 0.6 * spread(plain, near)


def test_a_variant_depends_neither_on_company_nor_on_threads(tiny, grey_cat):
    many = tiny.sample(grey_cat, n=6, hints=HINTS)
    before = torch.get_num_threads()
    torch.set_num_threads(1 if before > 1 else 2)
    try:
        few = tiny.sample(grey_cat, n=1, hints=HINTS)
    finally:
        torch.set_num_threads(before)
    assert torch.equal(few[0].target, many[0].target)
    assert few[0].residuals == many[0].residuals
    # Nor do other photos in the same call change it.
    photo = read_photo(grey_cat)
    item = photo, tiny.domain.condition(photo), tiny.plan(photo, 1)
    shared = tiny.paint([item, item], hints=[HINTS, ()])
    assert torch.equal(shared[0][0].target, many[0].target)
    assert torch.equal(shared[1][0].target, tiny.sample(grey_cat, n=1)[0].target)


def test_two_colours_at_one_place_meet_between_and_say_so(tiny, grey_cat):
    hints = (Hint(75, 50, "#cc3333"), Hint(75, 50, "#33aa33"))
    for variant in tiny.sample(grey_cat, n=2, hints=hints):
        assert torch.isfinite(variant.target).all()
        assert min(variant.residuals) > 10
        wished = wish_of(read_photo(grey_cat), hints, tuple(variant.target.shape[1:])).chroma
        apart = float((wished[0] - wished[1]).norm())
        assert sum(variant.residuals) == pytest.approx(apart, abs=6)


@pytest.mark.parametrize("settings", [{"saturation": 0.0}, {"temperature": 0.0}])
def test_the_muted_picture_follows_hints_too(tiny, grey_cat, settings):
    (variant,) = tiny.sample(grey_cat, n=1, hints=HINTS[:1], **settings)
    assert variant.residuals[0] < 5


def test_transparent_and_very_wide_photos_have_hints_where_they_are_seen(tiny, grey_cat):
    wide = np.tile(grey_cat, (1, 8))
    alpha = np.full(wide.shape, 128, dtype=np.uint8)
    picture = Image.merge("LA", [Image.fromarray(wide), Image.fromarray(alpha)])
    hint = Hint(1100, 50, "#aa5533")
    (variant,) = tiny.sample(picture, n=1, hints=[hint])
    assert variant.image.mode == "RGBA"
    wish = wish_of(read_photo(picture), [hint], tuple(variant.target.shape[1:]))
    assert float((chroma_at(variant.image, hint) - wish.chroma[0]).norm()) < 10


def test_places_are_those_of_the_upright_photo(tiny, grey_cat, tmp_path):
    upright = tmp_path / "upright.png"
    turned = tmp_path / "turned.png"
    Image.fromarray(grey_cat).save(upright)
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned clockwise for viewing
    Image.fromarray(np.rot90(grey_cat).copy()).save(turned, exif=exif)
    hint = Hint(140, 10, "#aa5533")
    first, second = (tiny.sample(p, n=1, hints=[hint])[0] for p in (upright, turned))
    assert torch.equal(first.target, second.target)


def test_hints_outside_the_photo_and_too_many_are_refused(tiny, grey_cat):
    with pytest.raises(ImageError, match=r"hint 2, #aa5533 at \(150, 0\)"):
        tiny.sample(grey_cat, hints=[HINTS[0], Hint(150, 0, "#aa5533")])
    with pytest.raises(ConfigError, match="at most 100"):
        tiny.sample(grey_cat, hints=HINTS[:1] * (MAX_HINTS + 1))


def test_the_bundled_model_follows_a_hint_and_leaves_the_rest_much_as_it_was(grey_cat):
    colorizer = Colorizer.from_pretrained("photo", device="cpu")
    hint = Hint(75, 60, "#8a5a3a")
    plain, hinted = (colorizer.sample(grey_cat, n=1, hints=h)[0] for h in ((), [hint]))
    assert hinted.residuals[0] < 3
    size = tuple(plain.target.shape[1:])
    (nearness,) = wish_of(read_photo(grey_cat), [hint], size).nearness
    change = colorizer.domain.chroma(hinted.target - plain.target).norm(dim=0)
    assert float(change[nearness < 0.05].mean()) < 0.6 * float(change[nearness > 0.8].mean())
