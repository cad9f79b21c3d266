"""Colours come out as the embedded profile says, against exact computations."""

from __future__ import annotations

import io

import icc
import numpy as np
import pytest
from PIL import Image, ImageCms

from colorflow.images.curves import profile_tags
from colorflow.images.profiles import cmyk_to_srgb, srgb_profile, to_srgb

RAMP = np.arange(256, dtype=np.uint8).reshape(16, 16)
DEEP = np.arange(65536).astype(np.uint16).reshape(256, 256)


def encoded(linear: np.ndarray) -> np.ndarray:
    """sRGB of IEC 61966-2-1, written out once more."""
    linear = np.clip(linear, 0, 1)
    return np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055)


def samples(x: np.ndarray) -> np.ndarray:
    return np.interp(x, np.linspace(0, 1, 256), np.round(np.array(icc.dot_gain()) * 65535) / 65535)


GREYS = {
    "gamma 2.2": (icc.gamma(563 / 256), lambda x: x ** (563 / 256)),
    "linear": (icc.linear(), lambda x: x),
    "dot gain": (icc.sampled(icc.dot_gain()), samples),
}


@pytest.mark.parametrize("kind", GREYS)
def test_grey_of_8_bits_is_exact(kind):
    curve, formula = GREYS[kind]
    pixels, notes = to_srgb(RAMP, icc.grey(curve))
    assert notes == []
    assert pixels.dtype == np.uint8
    assert np.array_equal(pixels, np.round(encoded(formula(RAMP / 255)) * 255))
    assert not np.array_equal(pixels, RAMP)


@pytest.mark.parametrize("kind", GREYS)
def test_grey_of_16_bits_is_exact_to_the_last(kind):
    curve, formula = GREYS[kind]
    pixels, notes = to_srgb(DEEP, icc.grey(curve))
    assert notes == []
    assert pixels.dtype == np.uint16
    assert np.array_equal(pixels, np.round(encoded(formula(DEEP / 65535)) * 65535))


@pytest.mark.parametrize("kind", GREYS)
def test_float_grey_is_exact(kind):
    curve, formula = GREYS[kind]
    unit = np.random.default_rng(0).random((40, 50), dtype=np.float32)
    pixels, _ = to_srgb(unit, icc.grey(curve))
    assert pixels.dtype == np.float32
    np.testing.assert_allclose(pixels, encoded(formula(unit)), atol=2e-4)


@pytest.mark.parametrize("kind", GREYS)
def test_grey_is_what_the_colour_engine_makes_of_it(kind):
    profile = icc.grey(GREYS[kind][0])
    source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
    expected = ImageCms.profileToProfile(
        Image.fromarray(RAMP), source, ImageCms.createProfile("sRGB"), 1, "RGB"
    )
    difference = to_srgb(RAMP, profile)[0].astype(int) - np.asarray(expected)[..., 0]
    # The engine samples its curves, too coarsely for the blacks of linear light.
    assert np.abs(difference.reshape(-1)[16:]).max() <= 1


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_grey_under_an_rgb_profile_follows_its_neutral_axis(dtype):
    pixels = RAMP if dtype is np.uint8 else DEEP
    top = np.iinfo(dtype).max
    got, notes = to_srgb(pixels, icc.rgb(icc.ADOBE_RGB, icc.gamma(1.8)))
    assert notes == []
    exponent = round(1.8 * 256) / 256
    assert np.array_equal(got, np.round(encoded((pixels / top) ** exponent) * top))


def test_srgb_of_another_maker_changes_no_pixel():
    rng = np.random.default_rng(1)
    profiles = [srgb_profile(), icc.rgb(icc.SRGB, icc.parametric(3, *icc.SRGB_CURVE))]
    for profile in profiles:
        for pixels in (RAMP, DEEP, rng.integers(0, 256, (30, 40, 3), dtype=np.uint8)):
            got, notes = to_srgb(pixels, profile)
            assert got is pixels
            assert notes == []
    grey = icc.grey(icc.parametric(3, *icc.SRGB_CURVE))
    assert to_srgb(DEEP, grey)[0] is DEEP


# Display P3 colours in sRGB, by the matrices of both (CSS Color 4): P3 red is out of its gamut.
P3_TO_SRGB = np.array(
    [
        [1.2249401762805598, -0.22494017628055996, 0.0],
        [-0.042056954709688163, 1.0420569547096881, 0.0],
        [-0.019637554590334432, -0.078636045550631889, 1.0982736001409663],
    ]
)


def p3(values: np.ndarray) -> np.ndarray:
    linear = np.where(values <= 0.04045, values / 12.92, ((values + 0.055) / 1.055) ** 2.4)
    return encoded(linear @ P3_TO_SRGB.T)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
def test_display_p3(dtype):
    rng = np.random.default_rng(2)
    unit = np.concatenate([rng.random((50, 40, 3)), np.eye(3)[None].repeat(50, 0)], axis=1)
    top = 1 if dtype is np.float32 else np.iinfo(dtype).max
    pixels = unit.astype(dtype) if top == 1 else np.round(unit * top).astype(dtype)
    profile = icc.rgb(icc.DISPLAY_P3, icc.parametric(3, *icc.SRGB_CURVE))
    got, notes = to_srgb(pixels, profile)
    assert notes == []
    assert got.dtype == dtype
    # The engine of 8 bits is a step off now and then; ours is exact but for the colorants' digits.
    tolerance = 2.5 / 255 if dtype is np.uint8 else 2e-3
    np.testing.assert_allclose(got / top, p3(pixels / top), atol=tolerance)
    assert got[0, 40] / top == pytest.approx((1, 0, 0), abs=1e-5)  # the red of P3, clipped


def test_deep_colours_keep_their_depth():
    y, x = np.mgrid[:64, :1024]
    pixels = np.stack([20000 + x, 21000 + x, 22000 + y], axis=2).astype(np.uint16)
    got, _ = to_srgb(pixels, icc.rgb(icc.ADOBE_RGB, icc.gamma(563 / 256)))
    assert len(np.unique(got[0, :, 1])) > 900  # eight bits would leave five values


def test_deep_colours_under_a_profile_of_tables_say_what_they_lose():
    tags = profile_tags(icc.rgb(icc.ADOBE_RGB, icc.gamma(2.2)))
    parts = {name: data for name, data in tags.items() if name[1:] in (b"TRC", b"XYZ")}
    pixels = np.random.default_rng(3).integers(0, 65536, (8, 9, 3)).astype(np.uint16)
    for more in ({}, parts):
        got, notes = to_srgb(pixels, icc.profile(b"RGB ", {b"A2B0": lut(), **more}, pcs=b"Lab "))
        assert got.dtype == np.uint8
        assert notes == [
            "has 16 bits per channel in a colour space made of tables, only the upper 8 are used"
        ]
        assert np.ptp(got, axis=2).max() <= 2  # the table knows greys only
    assert to_srgb(pixels, icc.profile(b"RGB ", parts))[0].dtype == np.uint16


def lut() -> bytes:
    """A table (mft1) from RGB to Lab of two points a side: lightness is green, no colour."""
    import struct

    identity = icc.fixed([1, 0, 0, 0, 1, 0, 0, 0, 1])
    ramps = bytes(range(256)) * 3
    points = b"".join(
        bytes([255 * green, 128, 128]) for _ in (0, 1) for green in (0, 1) for _ in (0, 1)
    )
    return b"mft1\0\0\0\0" + struct.pack("BBBx", 3, 3, 2) + identity + ramps + points + ramps


def test_colours_under_a_profile_of_another_kind_stay_with_a_note():
    colours = np.random.default_rng(4).integers(0, 256, (5, 6, 3), dtype=np.uint8)
    cases = [
        (colours, icc.grey(icc.gamma(2.2))),
        (RAMP, icc.profile(b"CMYK", {})),
        (RAMP, icc.profile(b"GRAY", {})),
    ]
    for pixels, profile in cases:
        got, notes = to_srgb(pixels, profile)
        assert got is pixels
        assert len(notes) == 1
        assert "profile is not one for such pixels" in notes[0]


def test_damaged_profiles_leave_the_pixels_with_a_note():
    whole = icc.rgb(icc.DISPLAY_P3, icc.gamma(2.2))
    colours = np.random.default_rng(5).integers(0, 256, (5, 6, 3), dtype=np.uint8)
    damaged = [b"", b"x", bytes(16) + b"GRAY" + bytes(108)]
    damaged += [whole[:end] for end in range(1, len(whole) - 4, 37)]
    for profile in damaged:
        for pixels in (colours, RAMP, DEEP):
            got, notes = to_srgb(pixels, profile)
            assert got is pixels
            assert notes == ["its colour profile is damaged, sRGB is assumed"]
    broken = icc.grey(b"curv\0\0\0\0\0\0\1\0")
    assert to_srgb(RAMP, broken)[1] == ["its colour profile is damaged, sRGB is assumed"]


@pytest.mark.parametrize(
    ("profile", "word"),
    [(icc.rgb(icc.SRGB, icc.gamma(2.2)), "not one for"), (b"x", "damaged"), (None, None)],
)
def test_inks_without_a_usable_profile_become_their_complements(profile, word):
    inks = np.zeros((1, 2, 4), np.uint8)
    inks[0, 1] = (0, 255, 255, 0)
    pixels, notes = cmyk_to_srgb(Image.frombytes("CMYK", (2, 1), inks.tobytes()), profile)
    assert pixels.tolist() == [[[255, 255, 255], [255, 0, 0]]]
    assert [word in note for note in notes] == ([True] if word else [])


def test_inks_go_through_their_profile():
    import struct

    # A table of four inks: lightness falls with black alone, whatever the others do.
    identity = icc.fixed([1, 0, 0, 0, 1, 0, 0, 0, 1])
    # Its black is a dark grey, as that of inks is, and its white the yellowish one of paper.
    points = bytes([255, 128, 128, 40, 128, 128]) * 8
    table = b"mft1\0\0\0\0" + struct.pack("BBBx", 4, 3, 2) + identity
    table += bytes(range(256)) * 4 + points + bytes(range(256)) * 3
    paper = b"XYZ \0\0\0\0" + icc.fixed([0.85, 0.87, 0.6])
    profile = icc.profile(b"CMYK", {b"A2B0": table, b"A2B1": table, b"wtpt": paper}, pcs=b"Lab ")
    inks = np.zeros((1, 3, 4), np.uint8)
    inks[0, 1, :3] = 200
    inks[0, 2, 3] = 255
    picture = Image.frombytes("CMYK", (3, 1), inks.tobytes())
    pixels, notes = cmyk_to_srgb(picture, profile)
    assert notes == []
    assert np.abs(pixels - np.array([[[255] * 3, [255] * 3, [0] * 3]])).max() <= 3


def test_our_profile_is_srgb_and_the_same_every_time(monkeypatch):
    profile = srgb_profile()
    assert profile[16:20] == b"RGB "
    assert "sRGB" in ImageCms.getProfileDescription(ImageCms.ImageCmsProfile(io.BytesIO(profile)))

    def other_day(name: str) -> object:
        made = ImageCms.ImageCmsProfile(io.BytesIO(profile[:24] + b"\7\xea\0\5" + profile[28:]))
        return made.profile

    monkeypatch.setattr(ImageCms, "createProfile", other_day)
    assert srgb_profile() == profile
