"""Heat maps, their legend, and marks."""

from __future__ import annotations

import numpy as np
from PIL import Image

from colorflow_ui.drawing import (
    RAMP,
    SCALE_END,
    heat_map,
    legend_html,
    marked,
    peaks,
    ramp_colours,
)


def test_the_ramp_gets_lighter_all_the_way():
    colours = ramp_colours(np.linspace(0, 1, 50)).astype(float)
    luma = colours @ [0.3, 0.59, 0.11]
    assert (np.diff(luma) > 0).all()
    assert tuple(ramp_colours(np.array(-1.0))) == (27, 16, 51)
    assert tuple(ramp_colours(np.array(7.0))) == (247, 227, 122)


def test_more_difference_is_lighter_on_the_map():
    delta_e = np.zeros((20, 30), np.float32)
    delta_e[:, 15:] = SCALE_END
    pixels = np.asarray(heat_map(Image.new("L", (30, 20), 90), delta_e)).astype(int)
    assert pixels.shape == (20, 30, 3)
    assert (pixels[:, 20:].sum(2) > pixels[:, :10].sum(2)).all()


def test_the_legend_names_the_ends_and_shows_the_ramp():
    legend = legend_html()
    assert all(colour in legend for colour in RAMP)
    assert f"{SCALE_END:.0f}+" in legend


def test_peaks_are_found_apart_and_in_order():
    delta_e = np.full((120, 240), 2.0, np.float32)
    delta_e[10:30, 10:30] = 20
    delta_e[80:100, 200:220] = 40
    (x1, y1, first), (x2, y2, second), third = peaks(delta_e)
    assert (200 <= x1 < 220, 80 <= y1 < 100) == (True, True)
    assert (10 <= x2 < 30, 10 <= y2 < 30) == (True, True)
    assert first > second > third[2]


def test_peaks_of_tiny_and_of_certain_maps():
    assert peaks(np.zeros((5, 5), np.float32)) == []
    assert peaks(np.ones((1, 1), np.float32)) == [(0, 0, 1.0)]


def test_marks_show_their_colour_where_they_are():
    picture = marked(Image.new("L", (200, 100), 128), [(50, 40, "#ff0000"), (0, 0, "#00ff00")])
    assert picture.getpixel((46, 40)) == (255, 0, 0)
    assert picture.getpixel((1, 1)) != (128, 128, 128)
    assert picture.getpixel((150, 80)) == (128, 128, 128)
