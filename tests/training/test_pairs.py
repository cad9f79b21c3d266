"""Photos in pairs: four layouts, what is left out, and a split by sites."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from colorflow.errors import ConfigError, NothingFoundError
from colorflow.images.photo import Photo
from colorflow.training.alignment import misaligned
from colorflow.training.pairs import (
    SAME,
    SHAPE,
    SINGLE,
    find_pairs,
    hold_back_sites,
    read_pair,
    site_of,
    survey_pairs,
)
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


def test_names_of_sites():
    assert site_of("harbour_017") == "harbour"
    assert site_of("s00_3") == "s00"
    assert site_of("12") == "12"
    assert site_of("old town") == "old town"


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
    with pytest.raises(NothingFoundError, match="expected a folder"):
        find_pairs(tmp_path / "nowhere")
    with pytest.raises(NothingFoundError, match="no such file"):
        find_pairs(tmp_path / "nowhere.csv")


def test_a_table_needs_its_columns_and_its_files(tmp_path):
    table = tmp_path / "pairs.csv"
    table.write_text("one,two\na,b\n")
    with pytest.raises(ConfigError, match="columns day and night, found one, two"):
        find_pairs(table)
    table.write_text("day,night\na.png,b.png\n")
    assert find_pairs(table)[0].reason == SINGLE


def test_sites_are_never_on_both_sides(tmp_path):
    train, held = hold_back_sites(survey_pairs(by_names(tmp_path, 12, 2), 32))
    assert len(train) == 22
    assert len(held) == 2
    assert not {file.site for file in train} & {file.site for file in held}


def test_one_site_alone_cannot_be_split(tmp_path):
    with pytest.raises(ConfigError, match="all pairs are of the site 'place0'"):
        hold_back_sites(survey_pairs(by_names(tmp_path, 1, 3), 32))


def test_shifted_halves_are_told_from_aligned_ones(tmp_path):
    day, night = scene(1, 200, 200), scene(1, 200, 200, night=True)
    assert not misaligned(Photo(day), Photo(night))
    shifted = np.roll(night, (0, 12), (0, 1))
    assert misaligned(Photo(day), Photo(shifted))
    save(tmp_path / "a_1_day.png", day)
    save(tmp_path / "a_1_night.png", shifted)
    lines: list[str] = []
    assert len(survey_pairs(tmp_path, 32, lines.append).good) == 1
    assert "1 pairs seem to be shifted" in lines[0]
