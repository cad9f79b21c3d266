"""Which files belong together: by names, folders and tables, as cameras and programs write them."""

from __future__ import annotations

from pathlib import Path

import pytest

from colorflow.errors import ConfigError, NothingFoundError
from colorflow.training.layouts import DOUBLE, SINGLE, find_pairs


@pytest.fixture
def made(tmp_path: Path):
    """Make empty files below a folder."""

    def make(*names: str) -> Path:
        for name in names:
            path = tmp_path / "pairs" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.touch()
        return tmp_path / "pairs"

    return make


def whole(place: Path) -> dict[str, tuple[str, str | None]]:
    root = place.parent if place.suffix else place
    return {
        pair.name: (
            pair.first.relative_to(root).as_posix(),
            pair.second and pair.second.relative_to(root).as_posix(),
        )
        for pair in find_pairs(place)
        if not pair.reason
    }


def left_out(place: Path) -> dict[str, str]:
    return {pair.first.name: pair.reason for pair in find_pairs(place) if pair.reason}


def test_names_as_a_camera_gives_them(made):
    place = made(
        "IMG_0001_day.JPG", "IMG_0001_night.JPG", "sub/IMG_2_Day.jpg", "sub/IMG_2_NIGHT.png"
    )
    assert whole(place) == {
        "IMG_0001": ("IMG_0001_day.JPG", "IMG_0001_night.JPG"),
        "sub/IMG_2": ("sub/IMG_2_Day.jpg", "sub/IMG_2_NIGHT.png"),
    }


@pytest.mark.parametrize("names", [("a.b", "a.b"), ("a.b_day", "a.b_night"), ("a.b_DAY", "a.b")])
def test_folders_with_and_without_the_word_in_the_names(made, names):
    place = made(f"Day/x/{names[0]}.jpg", f"NIGHT/x/{names[1]}.jpg")
    assert whole(place) == {"x/a.b": (f"Day/x/{names[0]}.jpg", f"NIGHT/x/{names[1]}.jpg")}


def test_a_single_name_that_ends_with_the_word_does_not_hide_pictures_side_by_side(made):
    place = made("a_1.jpg", "a_2.jpg", "the_day.jpg", "night/walk.jpg")
    assert whole(place) == {"a_1": ("a_1.jpg", None), "a_2": ("a_2.jpg", None)}
    assert left_out(place) == {"the_day.jpg": SINGLE, "walk.jpg": SINGLE}


def test_files_of_no_pair_are_listed(made):
    place = made("a_day.jpg", "a_night.jpg", "b_day.jpg", "c.jpg", "a_day.png")
    assert whole(place) == {"a": ("a_day.jpg", "a_night.jpg")}
    assert left_out(place) == {"b_day.jpg": SINGLE, "c.jpg": SINGLE, "a_day.png": DOUBLE}
    place = made("day/d.jpg", "night/d.jpg")
    assert whole(place) == {"d": ("day/d.jpg", "night/d.jpg")}
    assert len(left_out(place)) == 5


def test_a_place_that_is_not_there(tmp_path):
    with pytest.raises(NothingFoundError, match="expected a folder"):
        find_pairs(tmp_path / "nowhere")
    with pytest.raises(NothingFoundError, match="no such file"):
        find_pairs(tmp_path / "nowhere.csv")


# --- tables


@pytest.mark.parametrize(
    "text",
    [
        b"day,night,scene\nx/1.jpg,y/1.jpg,harbour\n",
        b"\xef\xbb\xbfday;night;scene\r\nx/1.jpg;y/1.jpg;harbour\r\n",
        b"Scene\tNight \tDay\nharbour\ty/1.jpg\tx/1.jpg\n",
        b'night, day, scene\n"y/1.jpg", "x/1.jpg", harbour\n\n',
    ],
    ids=["plain", "spreadsheet", "tabs", "spaces"],
)
def test_tables_as_programs_write_them(made, text):
    place = made("x/1.jpg", "y/1.jpg")
    (place / "pairs.csv").write_bytes(text)
    (pair,) = find_pairs(place / "pairs.csv")
    assert (pair.first, pair.second) == (place / "x/1.jpg", place / "y/1.jpg")
    assert (pair.name, pair.scene, pair.reason) == ("x/1", "harbour", "")


def test_a_table_needs_its_columns_and_its_files(tmp_path):
    table = tmp_path / "pairs.csv"
    table.write_text("one,two\na,b\n")
    with pytest.raises(ConfigError, match="columns day and night, found one, two"):
        find_pairs(table)
    table.write_text("day,night\na.png,b.png\nc.png\n")
    assert [pair.reason for pair in find_pairs(table)] == [SINGLE, SINGLE]
    table.write_bytes("day,night\nmünchen.png,b.png\n".encode("latin-1"))
    with pytest.raises(ConfigError, match="expected a CSV file in UTF-8"):
        find_pairs(table)
    table.write_bytes(b"")
    with pytest.raises(ConfigError, match="columns day and night"):
        find_pairs(table)
