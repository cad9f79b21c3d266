"""The promise of the tool: the size and the lightness of the photo stay as they are."""

from __future__ import annotations

import functools
import warnings

import numpy as np
import pytest
import torch
from PIL import Image
from skimage.color import rgb2lab
from torch import Tensor

from colorflow.images import finish, upsample
from colorflow.images.finish import Finisher, finish_photo
from colorflow.images.lab import row_strips
from colorflow.images.photo import Photo
from colorflow.images.read import read_photo


def strong_chroma(*size: int) -> Tensor:
    """Colours up to 120 units from grey, most of them beyond sRGB."""
    return 240 * torch.rand(2, *size, generator=torch.Generator().manual_seed(8)) - 120


def scene(dtype: type, channels: int | None) -> np.ndarray:
    """Slopes, edges and noise, black and white among them."""
    y, x = np.mgrid[:90, :130] / 100
    unit = np.clip(0.5 + 0.6 * np.sin(9 * x) * np.cos(7 * y * y), 0, 1)
    unit[30:60, 50:70] = 0.9
    if channels:
        shift = np.random.default_rng(1).random((90, 130, channels)) * 0.3
        unit = np.clip(unit[..., None] + shift, 0, 1)
    unit[:5], unit[-5:] = 0, 1
    top = 1 if dtype is np.float32 else np.iinfo(dtype).max
    return (unit * top).astype(dtype)


def unit_rgb(pixels: np.ndarray) -> np.ndarray:
    scale = 1 if pixels.dtype == np.float32 else np.iinfo(pixels.dtype).max
    return np.repeat((pixels / scale)[..., None], 3, axis=2) if pixels.ndim == 2 else pixels / scale


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
@pytest.mark.parametrize("channels", [None, 3])
def test_lightness_is_the_photos_for_any_chroma(dtype, channels):
    pixels = scene(dtype, channels)
    image = finish_photo(Photo(pixels), strong_chroma(8, 12))
    assert image.mode == "RGB"
    assert image.size == (130, 90)
    found = rgb2lab(np.asarray(image))
    np.testing.assert_allclose(found[..., 0], rgb2lab(unit_rgb(pixels))[..., 0], atol=1.0)
    # Black and white stay; between them there is colour, and a lot of it.
    assert np.hypot(found[..., 1], found[..., 2])[5:-5].mean() > 15


@pytest.mark.parametrize("size", [(1, 1), (1, 77), (203, 3), (64, 64)])
def test_result_has_the_size_of_the_photo(size):
    pixels = np.full(size, 128, np.uint8)
    assert finish_photo(Photo(pixels), strong_chroma(8, 8)).size == size[::-1]


def test_no_chroma_gives_the_grey_picture_back():
    pixels = np.arange(256, dtype=np.uint8).repeat(8).reshape(32, 64)
    image = finish_photo(Photo(pixels), torch.zeros(2, 8, 8))
    difference = np.asarray(image).astype(int) - pixels[..., None]
    assert np.abs(difference).max() <= 1
    assert (difference == 0).mean() > 0.95


def test_chroma_in_gamut_is_the_chroma_of_the_result():
    pixels = np.full((40, 60), 128, np.uint8)
    chroma = torch.tensor([12.0, -20.0]).view(2, 1, 1).expand(2, 8, 8)
    found = rgb2lab(np.asarray(finish_photo(Photo(pixels), chroma)))
    np.testing.assert_allclose(found[..., 1], 12, atol=1)
    np.testing.assert_allclose(found[..., 2], -20, atol=1)


def test_colours_stand_where_the_chroma_says():
    chroma = torch.zeros(2, 8, 8)
    chroma[0, :4], chroma[1, :, :4] = 40, -40  # red above, blue on the left
    found = rgb2lab(np.asarray(finish_photo(Photo(np.full((96, 120), 128, np.uint8)), chroma)))
    assert found[:30, :, 1].mean() > 30 > 10 > abs(found[-30:, :, 1].mean())
    assert found[:, :30, 2].mean() < -30 < -10 < -abs(found[:, -30:, 2].mean())


@pytest.mark.parametrize("channels", [2, 4])
def test_alpha_is_passed_through(channels):
    array = np.random.default_rng(2).integers(0, 256, (50, 70, channels), dtype=np.uint8)
    image = finish_photo(read_photo(array), strong_chroma(8, 8))
    assert image.mode == "RGBA"
    assert np.array_equal(image.getchannel("A"), array[..., -1])


def test_alpha_of_a_file_gives_no_warning(tmp_path):
    """Pillow's arrays may not be written to, of which PyTorch warns, once in a process."""
    Image.new("LA", (20, 10), (100, 50)).save(tmp_path / "alpha.png")
    photo = read_photo(tmp_path / "alpha.png")
    always = torch.is_warn_always_enabled()
    torch.set_warn_always(True)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            image = finish_photo(photo, strong_chroma(4, 4))
    finally:
        torch.set_warn_always(always)
    assert image.getchannel("A").getextrema() == (50, 50)


def test_alpha_does_not_change_the_colours():
    lightness, chroma = torch.full((30, 40), 60.0), strong_chroma(4, 4)
    plain = Finisher(lightness).picture(chroma)
    shown = Finisher(lightness, np.zeros((30, 40), np.uint8)).picture(chroma)
    assert np.array_equal(plain, np.asarray(shown)[..., :3])


def test_strips_give_the_same_as_the_whole_picture(monkeypatch):
    photo, chroma = Photo(scene(np.uint8, None)), strong_chroma(8, 12)
    whole = np.asarray(finish_photo(photo, chroma)).astype(int)
    monkeypatch.setattr(upsample, "row_strips", functools.partial(row_strips, pixels=700))
    difference = np.asarray(finish_photo(photo, chroma)) - whole
    # The last bit of a float may tip a rounding here and there.
    assert np.abs(difference).max() <= 1
    assert (difference == 0).mean() > 0.999


def test_blocks_give_the_same_bytes_as_the_whole_picture(monkeypatch):
    """However many strips are waited for until colours are fitted to the gamut."""
    monkeypatch.setattr(upsample, "row_strips", functools.partial(row_strips, pixels=700))
    photo, chromas = Photo(scene(np.uint16, None)), [strong_chroma(8, 12), strong_chroma(8, 12) / 3]
    finisher = Finisher(photo.lightness_rows)
    whole = [np.asarray(picture) for picture in finisher.pictures(chromas)]
    deep = finisher.deep(chromas[0])
    for pixels in (700, 2000, 5000):
        monkeypatch.setattr(finish, "BLOCK_PIXELS", pixels)
        assert np.array_equal(finisher.pictures(chromas), whole)
        assert np.array_equal(finisher.deep(chromas[0]), deep)


def test_lightness_by_rows_gives_the_bytes_of_the_whole_plane():
    photo, chroma = Photo(scene(np.uint8, None)), strong_chroma(8, 12)
    by_rows, whole = Finisher(photo.lightness_rows), Finisher(photo.lightness)
    assert np.array_equal(by_rows.picture(chroma), whole.picture(chroma))
    assert np.array_equal(by_rows.deep(chroma), whole.deep(chroma))


def test_photo_and_chroma_are_left_alone():
    photo, chroma = Photo(scene(np.uint8, None)), strong_chroma(8, 12)
    before = photo.lightness.clone(), chroma.clone()
    first = finish_photo(photo, chroma)
    assert torch.equal(photo.lightness, before[0])
    assert torch.equal(chroma, before[1])
    assert np.array_equal(first, finish_photo(photo, chroma))


def test_variants_of_one_photo_are_what_they_are_alone():
    photo = Photo(scene(np.uint8, None))
    shared = Finisher(photo.lightness)
    for size in ((8, 12), (8, 8), (16, 24)):
        chroma = strong_chroma(*size)
        expected = np.asarray(finish_photo(photo, chroma))
        assert np.array_equal(shared.picture(chroma), expected)
        # Strong and weak chroma: some of the variants leave the gamut at other pixels than others.
        variants = [chroma, 0.1 * chroma, chroma.flip(0), chroma]
        together = shared.pictures(variants)
        assert np.array_equal(together[0], expected)
        for variant, picture in zip(variants, together, strict=True):
            assert np.array_equal(picture, finish_photo(photo, variant))


def test_a_grey_ramp_of_16_bits_keeps_every_value():
    ramp = np.arange(65536, dtype=np.uint16).reshape(256, 256)
    deep = Finisher(Photo(ramp).lightness).deep(torch.zeros(2, 8, 8))
    assert deep.dtype == np.uint16
    # float32 Lab is good for about a quarter of a 16-bit step; the last step may round either way
    difference = np.abs(deep.astype(int) - ramp[..., None])
    assert difference.max() <= 2
    assert len(np.unique(deep[..., 1])) > 60000


def test_16_and_8_bits_show_the_same_picture():
    photo = Photo(scene(np.uint16, 3), alpha=np.arange(90 * 130).reshape(90, 130).astype(np.uint8))
    finisher = Finisher(photo.lightness, photo.alpha)
    chroma = strong_chroma(8, 12)
    deep, plain = finisher.deep(chroma), np.asarray(finisher.picture(chroma))
    assert deep.shape == plain.shape == (90, 130, 4)
    assert np.abs(deep / 257 - plain).max() < 0.55
    assert np.array_equal(deep[..., 3], plain[..., 3].astype(np.uint16) * 257)


def test_the_number_of_threads_changes_not_one_byte():
    lightness = Photo(scene(np.uint8, None)).lightness.repeat(5, 7)
    before = torch.get_num_threads()
    results = []
    try:
        for threads in (1, 2, 3):
            torch.set_num_threads(threads)
            results.append(Finisher(lightness).picture(strong_chroma(32, 40)).tobytes())
    finally:
        torch.set_num_threads(before)
    assert results[0] == results[1] == results[2]
