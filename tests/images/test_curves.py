"""Tone curves of profiles, against their formulas."""

from __future__ import annotations

import icc
import numpy as np
import pytest
import torch

from colorflow.images.curves import (
    grey_to_srgb,
    profile_tags,
    rgb_to_srgb,
    srgb_encoded,
    tone_curve,
)
from colorflow.images.lab import lightness_to_grey

X = np.linspace(0, 1, 257)


def test_a_curve_without_samples_changes_nothing():
    assert np.array_equal(tone_curve(icc.linear())(X), X)


def test_a_curve_of_one_number_is_a_power():
    for exponent in (1.0, 1.75, 563 / 256):
        np.testing.assert_allclose(tone_curve(icc.gamma(exponent))(X), X**exponent, atol=1e-12)


def test_a_curve_of_samples_is_straight_between_them():
    curve = tone_curve(icc.sampled([0, 0.25, 1]))
    np.testing.assert_allclose(
        curve(np.array([0, 0.25, 0.5, 0.75, 1])), [0, 1 / 8, 1 / 4, 5 / 8, 1], atol=1e-5
    )


G, A, B, C, D, E, F = 2.5, 0.9, 0.1, 0.25, 0.2, 0.05, 0.01
FORMULAS = {
    0: ((G,), lambda x: x**G),
    1: ((G, A, -B), lambda x: (A * x - B) ** G if x >= B / A else 0),
    2: ((G, A, -B, C), lambda x: (A * x - B) ** G + C if x >= B / A else C),
    3: ((G, A, B, C, D), lambda x: (A * x + B) ** G if x >= D else C * x),
    4: ((G, A, B, C, D, E, F), lambda x: (A * x + B) ** G + E if x >= D else C * x + F),
}


@pytest.mark.parametrize("kind", FORMULAS)
def test_parametric_curves_follow_their_formulas(kind):
    numbers, formula = FORMULAS[kind]
    got = tone_curve(icc.parametric(kind, *numbers))(X)
    expected = np.clip([formula(x) for x in X], 0, 1)
    np.testing.assert_allclose(got, expected, atol=1e-4)


@pytest.mark.parametrize(
    "tag",
    [
        b"",
        b"mft2" + bytes(40),
        b"curv\0\0\0\0\0\0\0\2\0\0",
        b"curv\0\0\0\0\0\0\0\1",
        icc.gamma(0),
        icc.parametric(5, 1),
        icc.parametric(3, 1, 1),
        icc.parametric(0, -1),
        icc.parametric(1, 2, 0, 1),
    ],
)
def test_damaged_curves_are_refused(tag):
    with pytest.raises(ValueError, match="tone curve"):
        tone_curve(tag)


def test_srgb_curve_is_that_of_the_lab_conversion():
    luminance = torch.linspace(0, 1, 100, dtype=torch.float64)
    f = torch.where(
        luminance > (6 / 29) ** 3, luminance ** (1 / 3), luminance / 0.12841855 + 4 / 29
    )
    expected = lightness_to_grey(116 * f - 16)
    np.testing.assert_allclose(srgb_encoded(luminance.numpy()), expected, atol=1e-6)
    assert srgb_encoded(np.array([-1.0, 2.0])).tolist() == [0, pytest.approx(1)]


def test_grey_under_its_own_curve_is_srgb():
    tags = profile_tags(icc.grey(icc.parametric(3, *icc.SRGB_CURVE)))
    np.testing.assert_allclose(grey_to_srgb(tags)(X), X, atol=1e-4)
    tags = profile_tags(icc.rgb(icc.SRGB, icc.parametric(3, *icc.SRGB_CURVE)))
    np.testing.assert_allclose(grey_to_srgb(tags)(X), X, atol=1e-4)


def test_curves_of_lightness():
    # L = 50 is a luminance of 0.18419.
    tags = profile_tags(icc.grey(icc.linear(), pcs=b"Lab "))
    expected = srgb_encoded(np.array([0.0, 0.184187, 1.0]))
    np.testing.assert_allclose(grey_to_srgb(tags)(np.array([0, 0.5, 1])), expected, atol=1e-6)


def test_profiles_of_tables_and_inks_have_no_curve():
    assert grey_to_srgb(profile_tags(icc.profile(b"CMYK", {b"kTRC": icc.linear()}))) is None
    assert grey_to_srgb(profile_tags(icc.profile(b"GRAY", {}))) is None
    assert rgb_to_srgb(profile_tags(icc.profile(b"RGB ", {}))) is None


def test_matrix_of_srgb_is_the_identity():
    curves, matrix = rgb_to_srgb(profile_tags(icc.rgb(icc.SRGB, icc.gamma(2.0))))
    np.testing.assert_allclose(matrix, np.eye(3), atol=4e-4)
    np.testing.assert_allclose(curves[2](X), X**2)


def test_profiles_that_break_off_are_refused():
    whole = icc.rgb(icc.SRGB, icc.gamma(2.2))
    profile_tags(whole)
    for end in range(0, len(whole) - 4, 5):
        with pytest.raises(ValueError, match="ICC profile"):
            profile_tags(whole[:end])
