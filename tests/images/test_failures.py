"""What is said of files that cannot be read is true, and in one line."""

from __future__ import annotations

import logging
import struct

import numpy as np
import pytest
from pictures import random_pixels, saved
from PIL import Image
from scans import chunk

from colorflow.batch.memory import pixels_of
from colorflow.errors import ImageError
from colorflow.images.read import read_photo


def message_for(path) -> str:
    with pytest.raises(ImageError) as caught:
        read_photo(path)
    message = str(caught.value)
    assert "\n" not in message
    assert message.startswith(str(path))
    return message


def bmp(**changes: int) -> bytes:
    head = {"width": 4, "height": 4, "planes": 1, "bits": 24, "compression": 0, **changes}
    info = struct.pack("<IiiHHIIiiII", 40, *head.values(), 48, 0, 0, 0, 0)
    return b"BM" + struct.pack("<IHHI", 54 + 48, 0, 0, 54) + info + bytes(48)


@pytest.mark.parametrize(
    ("name", "data", "part"),
    [
        ("a.pdf", b"%PDF-1.7\n", "PDF document"),
        ("a.jxl", b"\xff\x0a" + bytes(50), "JPEG XL"),
        ("a.svg", b"  <svg xmlns='x'></svg>", "SVG drawing"),
        ("a.dcm", bytes(128) + b"DICM" + bytes(50), "DICOM"),
        ("a.cr3", b"\0\0\0\x18ftypcrx \0\0\0\1" + bytes(50), "camera raw data"),
        ("a.fpx", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600), "compound file"),
        ("a.zip", b"PK\x03\x04" + bytes(50), "ZIP archive"),
        ("a.png", b"\x89PNG\r\n\x1a\n" + bytes(50), "type PNG, with a header that is damaged"),
        ("a.wmf", b"\xd7\xcd\xc6\x9a\0\0" + struct.pack("<4hH", 0, 0, 9, 9, 72) + bytes(6)
         + b"\x01\0\t\0" + bytes(50), "WMF files are only recognised"),
        ("a.bmp", bmp(bits=2), "pixel depth is not supported for BMP"),
        ("b.bmp", bmp(width=3000, height=3000), "truncated"),
    ],
)  # fmt: skip
def test_reason(tmp_path, name, data, part):
    (tmp_path / name).write_bytes(data)
    message = message_for(tmp_path / name)
    assert part in message
    assert pixels_of(tmp_path / name) >= 0


def test_formats_that_are_not_supported_are_not_called_damaged(tmp_path):
    (tmp_path / "a.pdf").write_bytes(b"%PDF-1.7\n")
    assert "damaged" not in message_for(tmp_path / "a.pdf")


@pytest.mark.parametrize(
    "error", [ZeroDivisionError(), NotImplementedError("x"), RuntimeError("x")]
)
def test_whatever_a_decoder_raises_becomes_one_line(tmp_path, monkeypatch, error):
    path = saved(tmp_path, Image.new("L", (3, 3)))

    def fail(*_):
        raise error

    monkeypatch.setattr("PIL.ImageFile.ImageFile.load", fail)
    assert "cannot be decoded" in message_for(path)


def test_memory_that_does_not_suffice(tmp_path, monkeypatch):
    path = saved(tmp_path, Image.new("L", (3, 3)))

    def fail(*_):
        raise MemoryError

    monkeypatch.setattr("PIL.ImageFile.ImageFile.load", fail)
    assert "memory" in message_for(path)


def test_pictures_within_files_keep_to_the_limit(tmp_path):
    # An icon that calls itself small and holds a PNG that claims 15000 x 15000 pixels.
    header = struct.pack(">IIBBBBB", 15000, 15000, 8, 2, 0, 0, 0)
    inner = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", bytes(20))
    entry = struct.pack("<BBBBHHII", 16, 16, 0, 0, 1, 32, len(inner), 22)
    path = tmp_path / "a.ico"
    path.write_bytes(struct.pack("<HHH", 0, 1, 1) + entry + inner)
    with pytest.raises(ImageError, match="--max-pixels"):
        read_photo(path, max_pixels=100_000_000)


# ---- silence ----


def test_nothing_is_printed_about_odd_files(tmp_path, recwarn, capfd, monkeypatch):
    monkeypatch.setattr(logging.getLogger(), "handlers", [])
    pixels = random_pixels(8, 8)
    block = b"Exif\0\0MM\0*\0\0\0\x08\0\x09damage"
    path = saved(tmp_path, Image.fromarray(pixels), exif=block)
    assert np.array_equal(read_photo(path).pixels, pixels)
    cut = saved(tmp_path, Image.fromarray(pixels), "cut.tif")
    cut.write_bytes(cut.read_bytes()[:-40])
    message_for(cut)
    pixels_of(cut)
    assert not recwarn.list
    assert capfd.readouterr().err == ""
