"""Hints as rows of a table and as JSON."""

from __future__ import annotations

import json

import pytest

from colorflow.errors import ConfigError
from colorflow.hints import parse_hints
from colorflow_ui.hint_rows import colour_of, hint_at, rows_from_json, rows_of, rows_to_json


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("#B5412D", "#b5412d"),
        ("#fa0", "#ffaa00"),
        ("b5412d", "#b5412d"),
        ("#b5412dff", "#b5412d"),
        ("rgba(181, 65, 45, 1)", "#b5412d"),
        ("rgb(181.4,65,300)", "#b541ff"),
    ],
)
def test_colours_as_pickers_and_people_write_them(text, expected):
    assert colour_of(text) == expected


@pytest.mark.parametrize("text", ["red", "", "#12", "rgba(1,2)", None, "#gggggg"])
def test_what_is_no_colour(text):
    with pytest.raises(ConfigError, match="colour"):
        colour_of(text)


@pytest.mark.parametrize(
    ("place", "expected"),
    [((0, 0), (2, 2)), ((99, 149), (997, 1497)), ((100, 150), (999, 1499)), ((-5, 3), (0, 35))],
)
def test_a_click_on_a_small_preview_is_a_pixel_of_the_photo(place, expected):
    x, y, colour = hint_at(place, (150, 100), (1500, 1000), "#fff")
    # The middle of the ten photo pixels below one of the preview, and never outside.
    assert abs(x - expected[0]) <= 3
    assert abs(y - expected[1]) <= 3
    assert 0 <= x < 1000
    assert 0 <= y < 1500
    assert colour == "#ffffff"


def test_clicks_on_a_preview_of_the_photos_own_size_are_exact():
    assert hint_at((7, 9), (50, 40), (50, 40), "#000000") == (7, 9, "#000000")


def test_tables_as_typed():
    table = [["12", 3.0, "#FFF"], [None, "", ""], ["", None, None], [0, 0.5, "#102030"]]
    assert rows_of(table) == [(12, 3, "#ffffff"), (0, 0.5, "#102030")]
    assert rows_of(None) == []


@pytest.mark.parametrize("row", [["x", 1, "#fff"], [1, None, "#fff"], [1], ["nan", 1, "#fff"]])
def test_rows_that_are_no_points_are_named(row):
    with pytest.raises(ConfigError, match="point 2"):
        rows_of([[1, 2, "#fff"], row])


def test_json_there_and_back():
    rows = [(12, 3, "#ffffff"), (0, 0.5, "#102030")]
    text = rows_to_json(rows)
    assert json.loads(text)[0] == {"x": 12, "y": 3, "hex": "#ffffff"}
    assert rows_from_json(text) == rows
    assert rows_from_json("") == []
    assert json.loads(rows_to_json([])) == []


@pytest.mark.parametrize("text", ["{", "[1]", '[{"x": 1}]', '"a"', "[[1, 2, 3]]", "[" * 99999])
def test_other_json_is_refused(text):
    with pytest.raises(ConfigError, match="hints"):
        rows_from_json(text)


def test_the_json_is_that_of_the_command_line():
    data = json.loads(rows_to_json([(12, 3, "#ffffff"), (0, 0.5, "#102030")]))
    parsed = parse_hints(data, "table")
    assert [(hint.x, hint.y, hint.hex) for hint in parsed] == [
        (12, 3, "#ffffff"),
        (0, 0.5, "#102030"),
    ]
