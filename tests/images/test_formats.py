"""Which files are taken for photos, what their results are, and what other files are called."""

from pathlib import PurePath

import pytest
from PIL import Image

from colorflow.images.formats import (
    CHOICES,
    WRITERS,
    choice_of,
    is_readable,
    kind_of,
    output_suffix,
    readable_suffixes,
)


def test_all_that_pillow_opens_is_taken_but_what_is_no_photo():
    opened = {
        suffix for suffix, name in Image.registered_extensions().items() if name in Image.OPEN
    }
    left_out = opened - readable_suffixes()
    assert {".ico", ".cur", ".fli", ".mpg", ".eps", ".wmf", ".dds", ".h5"} <= left_out
    assert not left_out & {".jfif", ".jpe", ".jp2", ".tga", ".pnm", ".pbm", ".psd", ".qoi"}
    assert {".mpo", ".heic", ".hif", ".avif"} <= readable_suffixes()
    assert set(WRITERS) <= readable_suffixes()


def test_case_does_not_matter():
    assert is_readable(PurePath("a.JFIF"))
    assert not is_readable(PurePath("a.DNG"))
    assert not is_readable(PurePath("jpg"))


@pytest.mark.parametrize(
    ("source", "wanted", "expected"),
    [
        (".JPG", "keep", ".JPG"),
        (".tiff", "keep", ".tiff"),
        (".bmp", "keep", ".png"),
        (".gif", "keep", ".png"),
        (".HEIC", "keep", ".jpg"),
        (".heif", "keep", ".jpg"),
        (".avif", "keep", ".jpg"),
        (".heic", "tif", ".tif"),
        (".jpg", "png", ".png"),
        (".bmp", "tif", ".tif"),
        (".jfif", "keep", ".jfif"),
        (".JPE", "keep", ".JPE"),
        (".mpo", "keep", ".jpg"),
        (".HIF", "keep", ".jpg"),
        (".jp2", "keep", ".png"),
        (".tga", "keep", ".png"),
        ("", "keep", ".png"),
        (".jfif", "tif", ".tif"),
    ],
)
def test_suffixes_of_results(source, wanted, expected):
    assert output_suffix(source, wanted) == expected


@pytest.mark.parametrize("suffix", WRITERS)
def test_what_is_written_is_a_choice(suffix):
    assert choice_of(PurePath(f"a{suffix}")) in CHOICES
    assert WRITERS[output_suffix("", choice_of(PurePath(f"a{suffix}")))] == WRITERS[suffix]


@pytest.mark.parametrize(
    ("name", "head", "kind"),
    [
        ("a.dng", b"", "camera raw (.dng)"),
        ("a.DDS", b"", "texture (.dds)"),
        ("a.jxl", b"", "picture of another format (.jxl)"),
        ("a.pdf", b"", "drawing or document (.pdf)"),
        ("scan", b"\x89PNG\r\n\x1a\n", "PNG picture of unknown suffix"),
        ("scan.bak", b"II*\0" + bytes(28), "TIFF picture of unknown suffix (.bak)"),
        ("a.txt", b"hello", "other file (.txt)"),
        ("README", b"", "other file"),
    ],
)
def test_kinds_of_other_files(name, head, kind):
    assert kind_of(PurePath(name), head) == kind
