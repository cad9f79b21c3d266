"""Files of every common kind are read upright and whole, or refused in one line."""

from __future__ import annotations

import os
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from colorflow.errors import ImageError
from colorflow.images.finish import finish_photo
from colorflow.images.read import MAX_PIXELS, read_photo

ORIENTATION = 0x0112
ARTIST = 0x013B

# Where the rows and columns of the stored picture lie in the upright one (EXIF 2.32, tag 0x0112):
# "row 0 is the visual top, column 0 the visual left side" for 1, and so on.
STORED = {
    1: lambda upright: upright,
    2: lambda upright: upright[:, ::-1],
    3: lambda upright: upright[::-1, ::-1],
    4: lambda upright: upright[::-1],
    5: lambda upright: upright.T,
    6: lambda upright: upright[:, ::-1].T,
    7: lambda upright: upright[::-1, ::-1].T,
    8: lambda upright: upright[::-1].T,
}


def random_pixels(*shape: int) -> np.ndarray:
    return np.random.default_rng(11).integers(0, 256, shape, dtype=np.uint8)


def saved(folder: Path, picture: Image.Image, name: str = "picture.png", **options) -> Path:
    picture.save(folder / name, **options)
    return folder / name


def oriented(value: int) -> Image.Exif:
    exif = Image.Exif()
    exif[ORIENTATION] = value
    exif[ARTIST] = "somebody"
    return exif


def png_claiming(width: int, height: int) -> bytes:
    """A PNG whose header names a size, with next to no data behind it."""

    def chunk(name: bytes, data: bytes) -> bytes:
        return (
            struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
        )

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    data = zlib.compress(bytes(100))
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", data) + chunk(b"IEND", b"")
    )


def message_for(source: Path | Image.Image, **options) -> str:
    with pytest.raises(ImageError) as caught:
        read_photo(source, **options)
    message = str(caught.value)
    assert "\n" not in message
    if isinstance(source, Path):
        assert source.name in message
    return message


# ---- orientation ----


@pytest.mark.parametrize("suffix", [".png", ".tif"])
@pytest.mark.parametrize("value", STORED)
def test_photo_is_upright_for_every_orientation(tmp_path, value, suffix):
    upright = random_pixels(3, 5)
    stored = Image.fromarray(np.ascontiguousarray(STORED[value](upright)))
    photo = read_photo(saved(tmp_path, stored, f"turned{suffix}", exif=oriented(value)))
    assert np.array_equal(photo.pixels, upright)


@pytest.mark.parametrize("value", STORED)
def test_jpeg_is_upright_for_every_orientation(tmp_path, value):
    upright = np.full((16, 24), 30, np.uint8)
    upright[:8, :8] = 220  # one light corner tells all eight apart, with the shape
    upright[:8, 8:16] = 120
    stored = Image.fromarray(np.ascontiguousarray(STORED[value](upright)))
    path = saved(tmp_path, stored, "turned.jpg", exif=oriented(value), quality=95)
    photo = read_photo(path)
    assert photo.size == (16, 24)
    assert np.abs(photo.pixels.astype(int) - upright).max() < 20


def test_alpha_and_16_bit_grey_are_turned_too(tmp_path):
    upright = random_pixels(3, 5, 4)
    stored = Image.fromarray(np.ascontiguousarray(upright[:, ::-1].transpose(1, 0, 2)))
    photo = read_photo(saved(tmp_path, stored, exif=oriented(6)))
    assert np.array_equal(photo.pixels, upright[..., :3])
    assert np.array_equal(photo.alpha, upright[..., 3])
    deep = random_pixels(3, 5).astype(np.uint16) * 257
    stored = Image.fromarray(np.ascontiguousarray(deep[::-1].T))
    photo = read_photo(saved(tmp_path, stored, exif=oriented(8)))
    assert photo.pixels.dtype == np.uint16
    assert np.array_equal(photo.pixels, deep)


def test_exif_is_kept_with_its_orientation_reset(tmp_path):
    path = saved(tmp_path, Image.new("RGB", (4, 2)), "turned.jpg", exif=oriented(6))
    exif = Image.Exif()
    exif.load(read_photo(path).metadata.exif)
    assert exif[ARTIST] == "somebody"
    assert exif.get(ORIENTATION, 1) == 1


def test_reading_a_picture_object_leaves_it_as_it_was(tmp_path):
    path = saved(tmp_path, Image.fromarray(random_pixels(3, 5)), exif=oriented(6))
    with Image.open(path) as picture:
        first = read_photo(picture)
        assert picture.getexif()[ORIENTATION] == 6
        assert picture.size == (5, 3)
        second = read_photo(picture)
    assert np.array_equal(first.pixels, second.pixels)


# ---- modes ----


def test_grey_and_colour_come_as_they_are(tmp_path):
    for pixels in (random_pixels(6, 7), random_pixels(6, 7, 3)):
        photo = read_photo(saved(tmp_path, Image.fromarray(pixels)))
        assert np.array_equal(photo.pixels, pixels)
        assert photo.alpha is None
        assert photo.notes == []


@pytest.mark.parametrize("channels", [2, 4])
def test_alpha_is_set_aside(tmp_path, channels):
    pixels = random_pixels(6, 7, channels)
    photo = read_photo(saved(tmp_path, Image.fromarray(pixels)))
    assert np.array_equal(photo.pixels, pixels[..., 0] if channels == 2 else pixels[..., :3])
    assert np.array_equal(photo.alpha, pixels[..., -1])


@pytest.mark.parametrize("channels", [2, 4])
def test_opaque_alpha_is_left_out(tmp_path, channels):
    pixels = random_pixels(6, 7, channels)
    pixels[..., -1] = 255
    assert read_photo(saved(tmp_path, Image.fromarray(pixels))).alpha is None


def test_palette_of_greys_is_grey(tmp_path):
    indices = random_pixels(6, 7)
    picture = Image.fromarray(indices).convert("P")
    ramp = np.arange(255, -1, -1, dtype=np.uint8)  # not the identity
    picture.putpalette(np.repeat(ramp, 3).tobytes())
    photo = read_photo(saved(tmp_path, picture))
    assert np.array_equal(photo.pixels, ramp[np.asarray(picture)])


def test_palette_of_colours_is_colour(tmp_path):
    picture = Image.fromarray(random_pixels(6, 7)).convert("P")
    palette = random_pixels(256, 3)
    picture.putpalette(palette.tobytes())
    photo = read_photo(saved(tmp_path, picture))
    assert np.array_equal(photo.pixels, palette[np.asarray(picture)])
    assert photo.alpha is None


@pytest.mark.parametrize("suffix", [".png", ".gif"])
def test_transparent_palette_entry_becomes_alpha(tmp_path, suffix):
    indices = np.array([[0, 1, 2], [2, 1, 0]], np.uint8)
    picture = Image.fromarray(indices).convert("P")
    picture.putpalette(bytes([255, 0, 0, 0, 255, 0, 0, 0, 255]))
    photo = read_photo(saved(tmp_path, picture, f"p{suffix}", transparency=1))
    assert photo.pixels.shape == (2, 3, 3)
    assert np.array_equal(photo.alpha, np.where(indices == 1, 0, 255))


def test_transparent_grey_value_becomes_alpha(tmp_path):
    pixels = np.array([[0, 100], [200, 100]], np.uint8)
    photo = read_photo(saved(tmp_path, Image.fromarray(pixels), transparency=100))
    assert np.array_equal(photo.pixels, pixels)
    assert np.array_equal(photo.alpha, np.where(pixels == 100, 0, 255))


@pytest.mark.parametrize("suffix", [".png", ".tif"])
def test_bilevel_becomes_black_and_white(tmp_path, suffix):
    bits = random_pixels(6, 7) > 127
    photo = read_photo(saved(tmp_path, Image.fromarray(bits), f"bits{suffix}"))
    assert photo.pixels.dtype == np.uint8
    assert np.array_equal(photo.pixels, bits * np.uint8(255))


def test_cmyk_becomes_rgb(tmp_path):
    inks = np.zeros((1, 3, 4), np.uint8)
    inks[0, 1] = (0, 255, 255, 0)  # magenta and yellow make red
    inks[0, 2] = (0, 0, 0, 255)
    picture = Image.frombytes("CMYK", (3, 1), inks.tobytes())
    photo = read_photo(saved(tmp_path, picture, "inks.tif"))
    expected = [[[255, 255, 255], [255, 0, 0], [0, 0, 0]]]
    assert np.array_equal(photo.pixels, expected)


@pytest.mark.parametrize("suffix", [".png", ".tif"])
def test_16_bit_grey_keeps_every_value(tmp_path, suffix):
    pixels = np.random.default_rng(3).integers(0, 65536, (9, 8)).astype(np.uint16)
    pixels[0, :2] = 0, 65535
    photo = read_photo(saved(tmp_path, Image.fromarray(pixels), f"deep{suffix}"))
    assert photo.pixels.dtype == np.uint16
    assert np.array_equal(photo.pixels, pixels)


def test_32_bit_integers_that_fit_into_16_keep_their_values(tmp_path):
    pixels = np.array([[0, 300], [40000, 65535]], np.int32)
    photo = read_photo(saved(tmp_path, Image.fromarray(pixels), "deep.tif"))
    assert photo.pixels.dtype == np.uint16
    assert np.array_equal(photo.pixels, pixels)


@pytest.mark.parametrize("scale", [1.0, 255.0, 65535.0])
def test_float_tiff_is_brought_to_the_unit_interval(tmp_path, scale):
    unit = np.linspace(0, 1, 12, dtype=np.float32).reshape(3, 4)
    photo = read_photo(saved(tmp_path, Image.fromarray(unit * np.float32(scale)), "f.tif"))
    assert photo.pixels.dtype == np.float32
    np.testing.assert_allclose(photo.pixels, unit, atol=1e-6)


@pytest.mark.parametrize("suffix", [".gif", ".tif", ".png", ".webp"])
def test_only_the_first_of_several_frames_is_used_and_the_user_told(tmp_path, suffix):
    frames = [Image.new("RGB", (5, 4), colour) for colour in ("red", "lime", "blue")]
    path = saved(
        tmp_path, frames[0], f"many{suffix}", save_all=True, append_images=frames[1:], lossless=True
    )
    photo = read_photo(path)
    assert np.array_equal(photo.pixels, np.asarray(frames[0]))
    assert len(photo.notes) == 1
    assert "3 frames" in photo.notes[0]


@pytest.mark.parametrize(
    ("suffix", "kind"),
    [(".bmp", "BMP"), (".ppm", "PPM"), (".png", "PNG"), (".tif", "TIFF"), (".gif", "GIF")],
)
def test_format_source_and_resolution_are_remembered(tmp_path, suffix, kind):
    path = saved(tmp_path, Image.new("RGB", (5, 4)), f"p{suffix}", dpi=(300, 200))
    photo = read_photo(str(path))
    assert photo.format == kind
    assert photo.source == path
    if suffix in (".png", ".tif", ".bmp"):
        assert photo.metadata.dpi == pytest.approx(
            (300, 200), abs=0.1
        )  # PNG and BMP count per metre


# ---- arrays ----


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32, np.float64])
@pytest.mark.parametrize("channels", [None, 1, 2, 3, 4])
def test_arrays_of_every_type_and_number_of_channels(dtype, channels):
    shape = (5, 6) if channels is None else (5, 6, channels)
    unit = np.random.default_rng(4).random(shape)
    top = 1 if dtype in (np.float32, np.float64) else np.iinfo(dtype).max
    array = (unit * top).astype(dtype)
    photo = read_photo(array)
    expected = array if array.dtype != np.float64 else array.astype(np.float32)
    if channels in (1, 2):
        expected = expected[..., 0]
    elif channels == 4:
        expected = expected[..., :3]
    assert photo.pixels.dtype == expected.dtype
    assert np.array_equal(photo.pixels, expected)
    if channels in (2, 4):
        assert photo.alpha.dtype == np.uint8
        assert np.abs(photo.alpha - unit[..., -1] * 255).max() <= 1
    else:
        assert photo.alpha is None


@pytest.mark.parametrize("dtype", [np.uint8, np.float32, np.float64])
@pytest.mark.parametrize("turn", [np.transpose, np.flipud, np.fliplr, np.rot90])
def test_turned_views_of_arrays_are_read_like_copies(turn, dtype):
    pixels = (np.random.default_rng(5).random((40, 50)) * 255).astype(np.uint8)
    array = pixels if dtype is np.uint8 else (pixels / 255).astype(dtype)
    chroma = torch.full((2, 4, 4), 20.0)
    view = finish_photo(read_photo(turn(array)), chroma)
    copy = finish_photo(read_photo(np.ascontiguousarray(turn(array))), chroma)
    assert np.array_equal(np.asarray(view), np.asarray(copy))


@pytest.mark.parametrize("array", [np.zeros((3, 3), np.int64), np.zeros((3, 3, 5), np.uint8)])
def test_arrays_of_other_kinds_are_refused(array):
    with pytest.raises(ImageError, match="expected uint8, uint16 or float32"):
        read_photo(array)


# ---- bad input ----


def test_missing_file(tmp_path):
    assert "found nothing" in message_for(tmp_path / "missing.jpg")


def test_empty_file(tmp_path):
    path = tmp_path / "nothing.jpg"
    path.touch()
    assert "empty file (0 bytes)" in message_for(path)


def test_file_of_zero_bytes_only(tmp_path):
    path = tmp_path / "zeros.jpg"
    path.write_bytes(bytes(5000))
    assert "unknown kind" in message_for(path)


def test_text_with_the_name_of_a_picture(tmp_path):
    path = tmp_path / "text.jpg"
    path.write_text("This is no picture.\n" * 100)
    assert "unknown kind" in message_for(path)


def test_folder(tmp_path):
    path = tmp_path / "directory.png"
    path.mkdir()
    assert "found a folder" in message_for(path)


@pytest.mark.parametrize("suffix", [".jpg", ".png", ".tif", ".gif", ".webp", ".bmp"])
@pytest.mark.parametrize("share", [0.01, 0.3, 0.7, 0.97])
def test_file_that_breaks_off(tmp_path, suffix, share):
    path = saved(tmp_path, Image.fromarray(random_pixels(80, 80, 3)), f"cut{suffix}")
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data) * share)])
    message_for(path)


@pytest.mark.filterwarnings("ignore:Corrupt EXIF data")
def test_damaged_exif_does_not_spoil_a_photo(tmp_path):
    pixels = random_pixels(8, 8)
    path = saved(tmp_path, Image.fromarray(pixels), exif=b"Exif\0\0MM\0*\0\0\0\x08\0\x09damage")
    assert np.array_equal(read_photo(path).pixels, pixels)


def test_mislabelled_picture_is_read(tmp_path):
    pixels = random_pixels(6, 7)
    path = saved(tmp_path, Image.fromarray(pixels), "really_png.jpg", format="PNG")
    photo = read_photo(path)
    assert np.array_equal(photo.pixels, pixels)
    assert photo.format == "PNG"


@pytest.mark.skipif(
    not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may read everything"
)
def test_file_without_permission(tmp_path):
    path = saved(tmp_path, Image.new("L", (3, 3)))
    path.chmod(0)
    assert "permissions" in message_for(path)


@pytest.mark.parametrize("values", [[-1.0, 0.5], [np.nan, 0.5], [np.inf, 0.5]])
def test_float_picture_with_impossible_values(tmp_path, values):
    picture = Image.fromarray(np.array([values], np.float32))
    message_for(saved(tmp_path, picture, "wrong.tif"))


def test_32_bit_picture_beyond_16_bits(tmp_path):
    picture = Image.fromarray(np.array([[0, 70000]], np.int32))
    assert "70000" in message_for(saved(tmp_path, picture, "wrong.tif"))


@pytest.mark.parametrize("value", [-1.0, np.nan])
def test_picture_object_with_impossible_values(value):
    message_for(Image.fromarray(np.array([[value, 0.5]], np.float32)))


def test_picture_object_of_a_file_that_breaks_off(tmp_path):
    path = saved(tmp_path, Image.fromarray(random_pixels(80, 80, 3)), "cut.jpg")
    path.write_bytes(path.read_bytes()[:3000])
    with Image.open(path) as picture:
        message_for(picture)


# ---- size limits ----


@pytest.mark.parametrize("side", [15000, 100_000])  # 0.7 and 30 GB of pixels
def test_decompression_bomb_is_refused_without_decoding(tmp_path, monkeypatch, side):
    path = tmp_path / "bomb.png"
    path.write_bytes(png_claiming(side, side))

    def decode(*_):
        raise AssertionError("was decoded")

    monkeypatch.setattr("PIL.ImageFile.ImageFile.load", decode)
    assert f"{MAX_PIXELS:,} pixels" in message_for(path)


def test_limit_is_the_callers(tmp_path):
    path = saved(tmp_path, Image.new("L", (20, 20)))
    assert read_photo(path, max_pixels=400).size == (20, 20)
    assert "399 pixels" in message_for(path, max_pixels=399)
    with Image.open(path) as picture:
        assert "399 pixels" in message_for(picture, max_pixels=399)


def test_limit_of_pillow_does_not_undercut_ours(tmp_path, monkeypatch):
    path = saved(tmp_path, Image.new("L", (20, 20)))
    # Pillow refuses pictures of more than twice this.
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 100)
    assert read_photo(path, max_pixels=400).size == (20, 20)
    assert Image.MAX_IMAGE_PIXELS == 100


def test_large_picture_below_the_limit_gives_no_warning(tmp_path, monkeypatch, recwarn):
    path = saved(tmp_path, Image.new("L", (20, 20)))
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 300)
    assert read_photo(path, max_pixels=400).size == (20, 20)
    assert not recwarn.list
