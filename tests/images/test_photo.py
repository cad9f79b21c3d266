"""Identity, colourfulness and reduced copies of photos."""

from __future__ import annotations

import hashlib
import io

import numpy as np
import pytest
import torch
from PIL import Image
from skimage.color import lab2rgb

from colorflow.errors import ImageError
from colorflow.images.photo import Photo
from colorflow.images.planes import resize_planes
from colorflow.images.read import read_photo
from colorflow.resources import bundled


def random_pixels(*shape: int) -> np.ndarray:
    return np.random.default_rng(9).integers(0, 256, shape, dtype=np.uint8)


def as_jpeg(picture: Image.Image, quality: int) -> Image.Image:
    file = io.BytesIO()
    picture.save(file, "JPEG", quality=quality)
    return Image.open(file)


def example() -> Image.Image:
    with Image.open(bundled("examples", "cat.jpg")) as picture:
        return picture.convert("RGB")


def test_digest_is_the_same_for_the_same_pixels_in_another_format(tmp_path):
    picture = Image.fromarray(random_pixels(12, 17, 3))
    digests = set()
    for name in ("one.png", "two.tif", "three.bmp"):
        picture.save(tmp_path / name)
        digests.add(read_photo(tmp_path / name).digest())
    assert len(digests) == 1


def test_digest_does_not_depend_on_metadata(tmp_path):
    picture = Image.fromarray(random_pixels(12, 17))
    exif = Image.Exif()
    exif[0x013B] = "somebody"
    picture.save(tmp_path / "plain.png")
    picture.save(tmp_path / "described.png", exif=exif, dpi=(300, 300))
    digests = {read_photo(tmp_path / n).digest() for n in ("plain.png", "described.png")}
    assert len(digests) == 1


def test_digest_does_not_depend_on_memory_layout():
    pixels = random_pixels(12, 17, 3)
    assert Photo(np.asfortranarray(pixels)).digest() == Photo(pixels).digest()


def test_digest_differs_when_one_pixel_differs():
    pixels = random_pixels(12, 17)
    changed = pixels.copy()
    changed[11, 16] ^= 1
    assert Photo(changed).digest() != Photo(pixels).digest()


def test_digest_differs_for_other_shape_or_depth_of_the_same_bytes():
    pixels = random_pixels(4, 6)
    others = [pixels.reshape(6, 4), pixels.view(np.uint16), pixels.reshape(4, 2, 3)]
    assert len({Photo(p).digest() for p in [pixels, *others]}) == 4


def test_colour_photo_is_coloured():
    assert read_photo(example()).is_coloured()


def test_grey_photo_saved_as_colour_jpeg_is_not_coloured():
    grey = example().convert("L").convert("RGB")
    photo = read_photo(as_jpeg(grey, quality=75))
    assert photo.pixels.ndim == 3
    assert not photo.is_coloured()


def test_grey_picture_is_not_coloured():
    assert not read_photo(example().convert("L")).is_coloured()


@pytest.mark.parametrize(("chroma", "coloured"), [(0.8, False), (2.5, True)])
def test_faint_cast_is_not_coloured_but_a_mute_sepia_print_is(chroma, coloured):
    lightness = np.linspace(20, 90, 60 * 80).reshape(60, 80)
    lab = np.stack([lightness, np.zeros_like(lightness), np.full_like(lightness, chroma)], axis=2)
    assert Photo(lab2rgb(lab).astype(np.float32)).is_coloured() == coloured


@pytest.mark.parametrize("shape", [(1, 1, 3), (1, 700, 3), (700, 2, 3)])
def test_tiny_and_long_pictures_have_colours_or_not(shape):
    red = np.zeros(shape, np.uint8)
    red[..., 0] = 200
    assert Photo(red).is_coloured()
    assert not Photo(np.full(shape, 90, np.uint8)).is_coloured()


def test_size_is_height_then_width():
    assert Photo(np.zeros((3, 5, 3), np.uint8)).size == (3, 5)


def test_name_is_the_path_or_a_stand_in(tmp_path):
    pixels = np.zeros((2, 2), np.uint8)
    assert Photo(pixels, source=tmp_path / "a.png").name == str(tmp_path / "a.png")
    assert Photo(pixels).name == "<picture>"


@pytest.mark.parametrize(
    "pixels",
    [
        np.zeros((4, 4), np.int32),
        np.zeros((4, 4), np.float64),
        np.zeros((4, 4), bool),
        np.zeros((4, 4, 2), np.uint8),
        np.zeros((4, 4, 5), np.uint8),
        np.zeros((0, 4), np.uint8),
        np.zeros(4, np.uint8),
        np.zeros((1, 4, 4, 3), np.uint8),
        np.full((4, 4), np.nan, np.float32),
        np.full((4, 4), np.inf, np.float32),
    ],
)
def test_pixels_of_another_kind_are_refused(pixels):
    with pytest.raises(ImageError, match="expected"):
        Photo(pixels)


def test_lightness_is_the_first_lab_plane():
    photo = Photo(random_pixels(9, 8, 3))
    assert torch.equal(photo.lightness, photo.lab()[0])


@pytest.mark.parametrize(("size", "expected"), [((60, 90), (30, 20)), ((90, 60), (20, 30))])
def test_thumbnail_has_the_wanted_shorter_side(size, expected):
    thumbnail = Photo(random_pixels(*size)).thumbnail(20)
    assert thumbnail.mode == "L"
    assert thumbnail.size == expected


def test_thumbnail_of_a_flat_grey_keeps_its_value():
    for value in (0, 1, 128, 255):
        thumbnail = Photo(np.full((50, 70), value, np.uint8)).thumbnail(16)
        assert thumbnail.getextrema() == (value, value)


def test_thumbnail_of_a_very_long_photo_has_no_side_of_nought():
    assert Photo(random_pixels(3, 3000)).thumbnail(1).size == (1000, 1)


def test_resizing_keeps_constants_and_gives_the_size():
    planes = torch.tensor([3.0, -7.0]).view(2, 1, 1).expand(2, 33, 47).contiguous()
    for size in ((8, 8), (100, 3), (33, 50)):
        expected = planes[:, :1, :1].expand(2, *size)
        torch.testing.assert_close(resize_planes(planes, size), expected)


def test_reducing_averages_fine_patterns_away():
    noise = torch.rand(1, 256, 256, generator=torch.Generator().manual_seed(0))
    small = resize_planes(noise, (32, 32))
    # The mean of 64 pixels spreads an eighth as much as one; taking four of them, half as much.
    assert small.std() < noise.std() / 7


def test_reducing_keeps_the_mean_and_the_place():
    slope = torch.linspace(0, 100, 128).expand(64, 128)[None]
    small = resize_planes(slope, (8, 16))
    blocks = slope.reshape(1, 8, 8, 16, 8).mean((2, 4))
    inner = slice(1, -1)  # at the border the filter is cut off
    torch.testing.assert_close(small[..., inner], blocks[..., inner], atol=0.05, rtol=0)


def test_resizing_to_the_same_size_changes_nothing():
    planes = torch.rand(2, 9, 7, generator=torch.Generator().manual_seed(0))
    assert torch.equal(resize_planes(planes, (9, 7)), planes)


@pytest.mark.parametrize("kind", [np.uint8, np.uint16])
def test_lightness_stays_when_colours_are_dropped(kind):
    pixels = np.random.default_rng(0).integers(0, 256, (300, 500, 3)).astype(kind)
    photo = Photo(pixels)
    expected = Photo(pixels).lightness
    photo.drop_colours()
    assert torch.equal(photo.lightness_rows[0:300], expected)
    assert photo.size == (300, 500)
    assert photo.pixels.dtype == kind
    assert photo.pixels.base is not pixels


def test_a_grey_photo_has_no_colours_to_drop():
    photo = Photo(np.arange(256, dtype=np.uint8).reshape(16, 16))
    photo.drop_colours()
    assert photo.pixels[3, 4] == 52


def test_digest_of_a_photo_of_several_strips():
    pixels = np.random.default_rng(0).integers(0, 256, (700, 500, 3)).astype(np.uint8)
    content = b"(700, 500, 3)|u1" + pixels.tobytes()
    assert Photo(pixels).digest() == hashlib.sha256(content).hexdigest()
