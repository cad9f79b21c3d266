"""TIFF files of kinds that Pillow does not put together: read, or refused with the reason."""

from __future__ import annotations

import io
import struct

import numpy as np
import pytest
import tifffile
from blocks import directory
from PIL import Image, features
from scans import deep_pixels, saved, scan
from skimage.color import rgb2lab

from colorflow.errors import ImageError
from colorflow.images.read import read_photo

PIXELS = deep_pixels(20, 30, 4)


def by_libtiff(data: bytes, compression: str, width: int, rows: int) -> bytes:
    """Compress rows of bytes by Pillow's libtiff and return the only strip."""
    file = io.BytesIO()
    picture = Image.frombytes("L", (width, rows), data)
    picture.save(file, "TIFF", compression=compression, strip_size=1 << 20)
    file.seek(0)
    with tifffile.TiffFile(file) as tiff:
        page = tiff.pages.first
        file.seek(page.dataoffsets[0])
        return file.read(page.databytecounts[0])


def tiff(folder, strips: list[bytes], **tags: int | tuple[int, ...]):
    """A little-endian TIFF file of the strips given."""
    codes = {
        **{"width": 256, "height": 257, "bits": 258, "compression": 259, "photometric": 262},
        **{"samples": 277, "rows": 278, "planar": 284, "predictor": 317, "extra": 338},
        **{"sample_format": 339, "fill": 266},
    }
    starts = np.cumsum([1000, *map(len, strips)])[:-1]
    entries = {}
    for code, value in [
        *((codes[name], value) for name, value in tags.items()),
        (273, tuple(map(int, starts))),
        (279, tuple(map(len, strips))),
    ]:
        values = value if isinstance(value, tuple) else (value,)
        entries[code] = (4, len(values), struct.pack(f"<{len(values)}I", *values))
    head = b"II*\0\x08\0\0\0" + directory("<", 8, entries)
    return saved(folder, head.ljust(1000, b"\0") + b"".join(strips), "a.tif")


SIZE = {"width": 30, "height": 20}


@pytest.mark.parametrize("compression", ["tiff_lzw", "packbits", "tiff_adobe_deflate"])
@pytest.mark.parametrize("channels", [3, 4])
def test_separate_planes_of_16_bits(tmp_path, compression, channels):
    planes = PIXELS[..., :channels].transpose(2, 0, 1).astype("<u2")
    strips = [
        by_libtiff(plane[rows : rows + 10].tobytes(), compression, 60, 10)
        for plane in planes
        for rows in (0, 10)
    ]
    code = {"tiff_lzw": 5, "packbits": 32773, "tiff_adobe_deflate": 8}[compression]
    more = {"extra": 2} if channels == 4 else {}
    photo = read_photo(
        tiff(
            tmp_path, strips, **SIZE, bits=(16,) * channels, compression=code, photometric=2,
            samples=channels, rows=10, planar=2, **more,
        )
    )  # fmt: skip
    assert np.array_equal(photo.pixels, PIXELS[..., :3])
    assert photo.notes == []
    if channels == 4:
        np.testing.assert_allclose(photo.alpha, PIXELS[..., 3] / 257, atol=0.51)


def test_premultiplied_planes_of_16_bits(tmp_path):
    values = np.zeros((4, 20, 30), "<u2")
    values[:3], values[3] = 10000, 32768
    path = tmp_path / "a.tif"
    tifffile.imwrite(
        path, values, photometric="rgb", planarconfig="separate", extrasamples=["assocalpha"]
    )
    photo = read_photo(path)
    np.testing.assert_allclose(photo.pixels, 20000, atol=80)  # alpha has 8 bits
    assert (photo.alpha == 128).all()


def test_differences_of_separate_planes(tmp_path):
    planes = PIXELS[..., :3].transpose(2, 0, 1)
    apart = np.diff(planes, axis=2, prepend=np.uint16(0)).astype("<u2")
    strips = [by_libtiff(plane.tobytes(), "tiff_lzw", 60, 20) for plane in apart]
    path = tiff(
        tmp_path, strips, **SIZE, bits=(16,) * 3, compression=5, photometric=2, samples=3, rows=20,
        planar=2, predictor=2,
    )  # fmt: skip
    assert np.array_equal(read_photo(path).pixels, PIXELS[..., :3])


@pytest.mark.parametrize("compressed", [False, True])
def test_colours_of_32_bits(tmp_path, compressed):
    values = PIXELS[..., :3].astype("<u4") * 65537
    strip = values.tobytes()
    if compressed:
        strip = by_libtiff(strip, "tiff_lzw", 360, 20)
    path = tiff(
        tmp_path, [strip], **SIZE, bits=(32,) * 3, compression=5 if compressed else 1,
        photometric=2, samples=3, rows=20, sample_format=(1,) * 3,
    )  # fmt: skip
    photo = read_photo(path)
    assert np.array_equal(photo.pixels, PIXELS[..., :3])
    assert "4294967295 was taken" in photo.notes[0]


@pytest.mark.parametrize("kind", [np.float16, np.float32, np.float64])
def test_float_colours(tmp_path, kind):
    values = (PIXELS[..., :3] / 65535).astype(kind)
    photo = read_photo(scan(tmp_path, values))
    assert photo.pixels.dtype == np.float32
    np.testing.assert_allclose(photo.pixels, values, atol=1e-6)
    assert photo.notes == []


def test_float_colours_stored_as_differences_of_bytes(tmp_path):
    values = (PIXELS[..., :3] / 65535).astype(np.float32)
    # Adobe Photoshop TIFF Technical Note 3: bytes of equal weight together, then differences.
    rows = values.astype(">f4").view(np.uint8).reshape(20, 90, 4).transpose(0, 2, 1)
    rows = rows.reshape(20, 120, 3)
    apart = np.diff(rows, axis=1, prepend=np.uint8(0)).tobytes()
    path = tiff(
        tmp_path, [by_libtiff(apart, "tiff_lzw", 360, 20)], **SIZE, bits=(32,) * 3, compression=5,
        photometric=2, samples=3, rows=20, sample_format=(3,) * 3, predictor=3,
    )  # fmt: skip
    assert np.array_equal(read_photo(path).pixels, values)


@pytest.mark.parametrize("bits", [10, 12, 14])
@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("channels", [1, 3])
def test_stated_bits(tmp_path, bits, packed, channels):
    values = (PIXELS[..., :channels] >> (16 - bits)).reshape(20, -1)
    strip = values.astype("<u2").tobytes()
    if packed:
        rows = ["".join(f"{value:0{bits}b}" for value in row) for row in values]
        size = -(-len(rows[0]) // 8)
        strip = b"".join(int(row.ljust(8 * size, "0"), 2).to_bytes(size, "big") for row in rows)
    path = tiff(
        tmp_path, [strip], **SIZE, bits=(bits,) * channels, compression=1,
        photometric=2 if channels == 3 else 1, samples=channels, rows=20,
    )  # fmt: skip
    photo = read_photo(path)
    expected = values.reshape(20, 30, channels).squeeze() / (2**bits - 1)
    np.testing.assert_allclose(photo.pixels / 65535, expected, atol=1e-3 if bits == 10 else 1e-4)
    assert photo.notes == []


def test_lab_of_16_bits(tmp_path):
    # Mid grey, and the red of sRGB under D50.
    red = rgb2lab([[[1.0, 0, 0]]], illuminant="D65")[0, 0]
    lab = np.array([[[50, 0, 0], [54.29, 80.81, 69.89]]])
    assert np.abs(red - lab[0, 1]).max() < 5  # D50 and D65 differ a little
    stored = np.round(lab * [655.35, 256, 256]).astype(np.int16).view(np.uint16)
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, stored, photometric="cielab", metadata=None)
    photo = read_photo(path)
    expected = [[[119, 119, 119], [255, 0, 0]]]  # lightness 50 is 18.4 % of light
    np.testing.assert_allclose(photo.pixels / 257, expected, atol=1.5)


def test_inks_of_16_bits_in_planes(tmp_path):
    inks = np.zeros((4, 5, 6), np.uint16)
    inks[1:3] = 65535
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, inks, photometric="separated", planarconfig="separate", metadata=None)
    photo = read_photo(path)
    assert (photo.pixels == [255, 0, 0]).all()
    assert "only the upper 8 are used" in photo.notes[0]


def test_further_channels_are_named(tmp_path):
    path = tmp_path / "a.tif"
    tifffile.imwrite(
        path, deep_pixels(20, 30, 5), photometric="minisblack", planarconfig="contig", metadata=None
    )
    photo = read_photo(path)
    assert np.array_equal(photo.pixels, deep_pixels(20, 30, 5)[..., 0])
    assert photo.notes == ["has 5 channels, of which 4 are not used"]


@pytest.mark.skipif(not features.check("jpg_2000"), reason="this Pillow has no JPEG 2000")
def test_jpeg_2000_inside(tmp_path):
    pixels = (PIXELS[..., :3] >> 8).astype(np.uint8)
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "JPEG2000", no_jp2=True, mct=0)
    path = tiff(
        tmp_path, [file.getvalue()], **SIZE, bits=(8, 8, 8), compression=34712, photometric=2,
        samples=3, rows=20,
    )  # fmt: skip
    assert np.array_equal(read_photo(path).pixels, pixels)


@pytest.mark.skipif(not features.check("webp"), reason="this Pillow has no WebP")
def test_webp_inside(tmp_path, capfd):
    pixels = (PIXELS[..., :3] >> 8).astype(np.uint8)
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "WEBP", lossless=True)
    path = tiff(
        tmp_path, [file.getvalue()], **SIZE, bits=(8, 8, 8), compression=50001, photometric=2,
        samples=3, rows=20,
    )  # fmt: skip
    assert np.array_equal(read_photo(path).pixels, pixels)
    assert capfd.readouterr().err == ""


# ---- refusals ----


def refused(path) -> str:
    with pytest.raises(ImageError) as caught:
        read_photo(path)
    message = str(caught.value)
    assert "\n" not in message
    assert path.name in message
    return message


def test_unknown_compression_is_named_with_a_way_out(tmp_path):
    path = tiff(
        tmp_path, [bytes(600)], **SIZE, bits=8, compression=34887, photometric=1, samples=1, rows=20
    )
    message = refused(path)
    assert "LERC" in message
    assert "magick in.tif" in message
    assert "damaged" not in message


def test_camera_raw_data(tmp_path):
    path = tmp_path / "a.tif"
    tag = [(33421, "H", 2, (2, 2), True)]
    tifffile.imwrite(path, PIXELS[..., 0], photometric="cfa", metadata=None, extratags=tag)
    assert "camera raw data" in refused(path)


def test_complex_numbers(tmp_path):
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, np.ones((4, 5), np.complex64), metadata=None)
    assert "complex64 is not supported" in refused(path)


@pytest.mark.parametrize("planar", [1, 2])
@pytest.mark.parametrize("bits", [8, 16])
def test_pixels_that_are_not_there_are_missed_before_decoding(tmp_path, bits, planar, monkeypatch):
    path = tiff(
        tmp_path, [bytes(100)] * (1 if planar == 1 else 3), width=30000, height=6000, rows=6000,
        planar=planar, bits=(bits,) * 3, compression=1, photometric=2, samples=3,
    )  # fmt: skip
    monkeypatch.setattr(Image.Image, "load", None)
    monkeypatch.setattr(np, "zeros", None)
    assert "truncated" in refused(path)


def test_absurd_number_of_channels_is_refused_before_decoding(tmp_path):
    path = tiff(
        tmp_path, [bytes(100)], width=60000, height=1000, bits=8, compression=8, photometric=1,
        samples=60000, rows=1000,
    )  # fmt: skip
    assert "60000 channels" in refused(path)


def test_file_that_ends_before_its_planes(tmp_path):
    planes = PIXELS[..., :3].transpose(2, 0, 1)
    path = scan(tmp_path, planes, planarconfig="separate")
    path.write_bytes(path.read_bytes()[:-500])
    assert "truncated" in refused(path)


def test_damaged_compression(tmp_path):
    path = tiff(
        tmp_path, [b"x" * 600] * 3, **SIZE, bits=(16,) * 3, compression=8, photometric=2,
        samples=3, rows=20, planar=2,
    )  # fmt: skip
    assert "compressed data are damaged" in refused(path)
