"""Photos in pairs: what is read, what is left out and why, and the warnings."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from colorflow.errors import ConfigError, NothingFoundError
from colorflow.images.photo import Photo
from colorflow.training.alignment import misaligned
from colorflow.training.layouts import DOUBLE, SINGLE
from colorflow.training.pairs import SAME, SHAPE, read_pair, survey_pairs
from colorflow.training.survey import SMALL, UNREADABLE


def scene(seed: int, height: int = 80, width: int = 100, night: bool = False) -> np.ndarray:
    """Blocks of colour; by night the same ones, dark, with a lamp."""
    rng = np.random.default_rng(seed)
    blocks = rng.integers(30, 250, (height // 10, width // 10, 3))
    day = np.kron(blocks, np.ones((10, 10, 1))).astype(np.uint8)
    if not night:
        return day
    dark = day // 4
    dark[height // 4 :: height // 2, 5::20] = 250
    return dark


def save(path: Path, pixels: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path)


def by_names(folder: Path, sites: int = 3, each: int = 2) -> Path:
    for site in range(sites):
        for number in range(each):
            for half in ("day", "night"):
                pixels = scene(10 * site + number, night=half == "night")
                save(folder / f"place{site}_{number:02}_{half}.png", pixels)
    return folder


@pytest.mark.parametrize("layout", ["names", "folders", "table", "side by side"])
def test_four_layouts_give_the_same_pairs(tmp_path, layout):
    place = tmp_path / "pairs"
    rows = ["day,night,scene"]
    for site in ("a", "b"):
        for number in (1, 2):
            seed = 10 * ord(site) + number
            day, night = scene(seed, 80, 80), scene(seed, 80, 80, night=True)
            if layout == "names":
                save(place / f"{site}_{number}_day.png", day)
                save(place / f"{site}_{number}_night.png", night)
            elif layout == "folders":
                save(place / f"day/sub/{site}_{number}.png", day)
                save(place / f"night/sub/{site}_{number}.png", night)
            elif layout == "table":
                save(place / f"x/{site}{number}.png", day)
                save(place / f"y/{site}{number}.png", night)
                rows.append(f"x/{site}{number}.png,y/{site}{number}.png,{site}")
            else:
                save(place / f"{site}_{number}.png", np.concatenate([day, night], 1))
    if layout == "table":
        place = place / "pairs.csv"
        place.write_text("\n".join(rows))
    found = survey_pairs(place, 32, log=pytest.fail)
    assert [file.site for file in found.good] == ["a", "a", "b", "b"]
    assert len({file.content for file in found.good}) == 4
    assert found.summary() == f"{place}: 4 pairs"
    day, night = read_pair(found.good[0])
    assert np.array_equal(day.pixels, scene(10 * ord("a") + 1, 80, 80))
    assert np.array_equal(night.pixels, scene(10 * ord("a") + 1, 80, 80, night=True))


def test_what_cannot_be_a_pair_is_left_out_with_its_reason(tmp_path):
    by_names(tmp_path, 2, 1)
    save(tmp_path / "lonely_1_day.png", scene(50))
    save(tmp_path / "same_1_day.png", scene(51))
    Image.fromarray(scene(51)).save(tmp_path / "same_1_night.jpg", quality=95)
    save(tmp_path / "tall_1_day.png", scene(52))
    save(tmp_path / "tall_1_night.png", scene(52, 100, 80, night=True))
    save(tmp_path / "small_1_day.png", scene(53, 20, 30))
    save(tmp_path / "small_1_night.png", scene(53, 20, 30, night=True))
    save(tmp_path / "broken_1_day.png", scene(54))
    (tmp_path / "broken_1_night.png").write_bytes(b"no picture")
    found = survey_pairs(tmp_path, 32)
    reasons = {Path(file.path).name.split("_")[0]: file.reason for file in found.files}
    expected = {"lonely": SINGLE, "same": SAME, "tall": SHAPE, "small": SMALL, "broken": UNREADABLE}
    assert {name: reason for name, reason in reasons.items() if reason} == expected
    details = {file.reason: file.detail for file in found.files}
    assert details[SHAPE].endswith("100 x 80 and 80 x 100")
    assert "broken_1_night.png" in details[UNREADABLE]
    assert found.summary().startswith(f"{tmp_path}: 2 pairs; left out: ")


def test_halves_of_different_size_and_equal_shape_are_a_pair(tmp_path):
    save(tmp_path / "a_1_day.png", scene(1))
    small = Image.fromarray(scene(1, night=True)).resize((50, 40))
    small.save(tmp_path / "a_1_night.png")
    (file,) = survey_pairs(tmp_path, 32).good
    day, night = read_pair(file)
    assert day.size == night.size == (80, 100)
    assert (night.lightness - Photo(scene(1, night=True)).lightness).abs().mean() < 8


def test_a_folder_without_pairs_says_what_is_expected(tmp_path):
    save(tmp_path / "a.png", scene(1))
    with pytest.raises(NothingFoundError, match="1 without a partner; expected NAME_day"):
        survey_pairs(tmp_path, 32)


def test_shifted_halves_are_told_from_aligned_ones(tmp_path):
    day, night = scene(1, 200, 200), scene(1, 200, 200, night=True)
    assert not misaligned(Photo(day), Photo(night))
    shifted = np.roll(night, (0, 12), (0, 1))
    assert misaligned(Photo(day), Photo(shifted))
    save(tmp_path / "a_1_day.png", day)
    save(tmp_path / "a_1_night.png", shifted)
    for number in range(2, 5):
        save(tmp_path / f"sub/a_{number}_day.png", day)
        save(tmp_path / f"sub/a_{number}_night.png", shifted)
    lines: list[str] = []
    record = tmp_path / "run" / "survey.json"
    assert len(survey_pairs(tmp_path, 32, lines.append, record=record).good) == 4
    assert lines == [
        "warning: the halves of 4 pairs seem to be shifted: a_1_day.png, sub/a_2_day.png, "
        f"sub/a_3_day.png and 1 more; all of them are in {record}"
    ]
    listed = json.loads(record.read_text())
    assert [entry["detail"] for entry in listed] == [
        f"{entry['path']}: the halves seem to be shifted" for entry in listed
    ]


def test_a_survey_lists_what_is_left_out_and_why(tmp_path):
    place, record = by_names(tmp_path / "pairs", 1, 2), tmp_path / "survey.json"
    save(place / "notes.png", scene(3))
    save(place / "place0_00_day.jpg", scene(4))
    survey_pairs(place, 32, record=record)
    listed = json.loads(record.read_text())
    reasons = {Path(entry["path"]).name: entry["reason"] for entry in listed if entry["reason"]}
    # Of two files for one half the first by name is taken.
    assert reasons == {"notes.png": SINGLE, "place0_00_day.png": DOUBLE}


def test_the_site_is_found_by_a_regular_expression(tmp_path):
    by_names(tmp_path / "north", 1, 2)
    by_names(tmp_path / "south", 1, 2)
    save(tmp_path / "odd_day.png", scene(1))  # without a partner: its name does not matter
    found = survey_pairs(tmp_path, 32, site="(n|s)o.*0(?P<shot>.)$")
    assert [file.site for file in found.good] == ["n", "n", "s", "s"]
    with pytest.raises(ConfigError) as caught:
        survey_pairs(tmp_path, 32, site="north")
    assert str(caught.value) == (
        f"{tmp_path}: expected a match of --site north in the name of every pair, 2 of 4 have "
        "none, e.g. 'south/place0_00'"
    )
    with pytest.raises(ConfigError, match=r"--site \[: expected a regular expression"):
        survey_pairs(tmp_path, 32, site="[")
