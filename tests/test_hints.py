"""Hints as values and as JSON: what is understood, and what is refused in one line."""

from __future__ import annotations

import json

import pytest

from colorflow.errors import ConfigError, ImageError
from colorflow.hints import (
    MAX_HINTS,
    Hint,
    hints_to_json,
    move_inside,
    parse_hints,
    read_hints,
    require_inside,
)


def one_line(caught: pytest.ExceptionInfo) -> str:
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize("text", ["#AA3311", "#aa3311", "#a31", "#A31"])
def test_a_colour_may_be_written_in_several_ways_and_is_kept_in_one(text):
    assert Hint(3, 4.5, text) == Hint(3.0, 4.5, "#aa3311")
    assert Hint(3, 4.5, text).rgb == (0xAA, 0x33, 0x11)


@pytest.mark.parametrize("text", ["aa3311", "#aa331", "#aa33111", "#gg0000", "red", "", 7, None])
def test_what_is_no_colour_is_refused(text):
    with pytest.raises(ConfigError, match='hex: expected a colour like "#aa3311"') as caught:
        Hint(0, 0, text)
    assert repr(text) in one_line(caught)


@pytest.mark.parametrize("name", ["x", "y"])
@pytest.mark.parametrize("value", [-1, -0.01, float("nan"), float("inf"), "3", None, True, [1]])
def test_what_is_no_place_is_refused_by_name(name, value):
    with pytest.raises(ConfigError, match=f"^{name}: expected a number of pixels"):
        Hint(**{"x": 0, "y": 0, "hex": "#fff", name: value})


def test_hints_come_back_from_their_json():
    hints = (Hint(0, 7.25, "#000"), Hint(12, 3, "#A1b2C3"))
    text = json.dumps(hints_to_json(hints))
    assert parse_hints(json.loads(text), "here") == hints
    assert hints_to_json(()) == []
    # The same wish is the same text, however its numbers were written.
    assert (
        json.dumps(hints_to_json((Hint(-0.0, 7.25, "#000000"), Hint(12.0, 3, "#a1b2c3")))) == text
    )


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        ({"x": 1}, "in.json: expected a list of hints"),
        ("text", "in.json: expected a list of hints"),
        (None, "got null"),
        (3, "got a number"),
        ([[1, 2, "#fff"]], "in.json: hint 1: expected .* got a list"),
        ([{"x": 1, "y": 2, "hex": "#fff"}, {"x": 1, "y": 2}], "in.json: hint 2: .* got x, y$"),
        ([{}], "got nothing"),
        ([{"x": 1, "y": 2, "hex": "#fff", "r": 1}], "hint 1: expected the fields x, y, hex"),
        ([{"x": 1, "y": -2, "hex": "#fff"}], r"in\.json: hint 1: y: expected .* got -2"),
        ([{"x": 1, "y": 2, "hex": "blue"}], r"in\.json: hint 1: hex: .* got 'blue'"),
        ([{"x": 1, "y": 2, "hex": "#fff"}] * (MAX_HINTS + 1), "at most 100 hints, got 101"),
    ],
)
def test_malformed_hints_are_named_with_place_and_row(data, expected):
    with pytest.raises(ConfigError, match=expected) as caught:
        parse_hints(data, "in.json")
    one_line(caught)


def test_hints_are_read_from_a_file(tmp_path):
    path = tmp_path / "hints.json"
    path.write_bytes(
        b'\xef\xbb\xbf[{"x": 1, "y": 2, "hex": "#AA3311"}]'
    )  # as editors of Windows do
    assert read_hints(path) == (Hint(1, 2, "#aa3311"),)


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (None, "cannot be read"),
        (b'[\n{"x": 1,]', "line 2 is none"),
        (b"", "line 1 is none"),
        (b"\xff\xd8\xff", "expected JSON in UTF-8"),
        (b"[" * 100_000, "expected JSON"),
        (b"{}", "expected a list of hints"),
    ],
)
def test_a_file_that_holds_no_hints_is_named(tmp_path, content, expected):
    path = tmp_path / "hints.json"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(ConfigError, match=expected) as caught:
        read_hints(path)
    assert one_line(caught).startswith(str(path))


@pytest.mark.parametrize(("x", "y", "inside"), [(0, 0, True), (149.9, 99.9, True), (150, 0, False)])
def test_hints_have_to_lie_within_the_photo(x, y, inside):
    hints = (Hint(1, 1, "#fff"), Hint(x, y, "#a31"))
    if inside:
        require_inside(hints, (100, 150), "cat.jpg")
        return
    with pytest.raises(ImageError, match=r"cat\.jpg: hint 2, #aa3311 at \(150, 0\)") as caught:
        require_inside(hints, (100, 150), "cat.jpg")
    assert "150 x 100" in one_line(caught)


@pytest.mark.parametrize(
    ("x", "y", "good"),
    [(10, 20, True), (109, 69, True), (110, 30, False), (9, 30, False), (50, 70, False)],
)
def test_hints_of_a_scan_move_to_the_picture_inside(x, y, good):
    hints = [Hint(10, 20, "#aa3311"), Hint(x, y, "#335577")]
    if good:
        moved = move_inside(hints, (10, 20), (50, 100), "scan.tif")
        assert moved == (Hint(0, 0, "#aa3311"), Hint(x - 10, y - 20, "#335577"))
        return
    with pytest.raises(ImageError, match=r"scan\.tif: hint 2, .* lies on the border") as caught:
        move_inside(hints, (10, 20), (50, 100), "scan.tif")
    assert "columns 10 to 109 and rows 20 to 69" in one_line(caught)
