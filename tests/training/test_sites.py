"""Which site a pair belongs to: said by the user, or guessed from folders and names."""

from __future__ import annotations

from pathlib import Path

import pytest

from colorflow.errors import ConfigError
from colorflow.training.sites import (
    BY_COLUMN,
    BY_FOLDER,
    BY_NAME,
    BY_OPTION,
    assign_sites,
    site_of,
    sites_line,
    tells_apart,
)
from colorflow.training.survey import Survey, Surveyed

PAIRS = Path("pairs")


def surveyed(
    names: list[str], scenes: list[str] | None = None, pattern: str | None = None
) -> Survey:
    files = [Surveyed(f"pairs/{name}_day.png", name) for name in names]
    sited, rule = assign_sites(PAIRS, files, names, scenes or [""] * len(names), pattern)
    return Survey(PAIRS, sited, "pairs", rule)


def sites(survey: Survey) -> list[str]:
    return [file.site for file in survey.files]


def test_names_without_their_last_number():
    assert site_of("harbour_017") == "harbour"
    assert site_of("s00_3") == "s00"
    assert site_of("12") == "12"
    assert site_of("old town") == "old town"
    assert site_of("bridge/2024-5") == "2024"


def test_the_same_numbers_in_two_folders_are_two_sites():
    found = surveyed(["harbour/001", "harbour/002", "bridge/001", "bridge/002"])
    assert sites(found) == ["harbour", "harbour", "bridge", "bridge"]
    assert sites_line(found) == "pairs: 2 sites by folder"
    assert tells_apart(found)


def test_the_whole_folder_counts_and_the_root_is_one():
    found = surveyed(["1", "north/a/1", "north/b/1", "north/b/2"])
    assert sites(found) == [".", "north/a", "north/b", "north/b"]


@pytest.mark.parametrize("folder", ["", "all/"])
def test_in_one_folder_names_tell_the_site(folder: str):
    found = surveyed([f"{folder}a_1", f"{folder}a_2", f"{folder}b_1"])
    assert sites(found) == ["a", "a", "b"]
    assert (found.sites_by, sites_line(found)) == (BY_NAME, "pairs: 2 sites by name")


def test_a_table_is_believed_before_folders_and_an_empty_scene_goes_by_name():
    found = surveyed(["x/a_1", "y/a_2", "y/b_3"], ["harbour", "harbour", ""])
    assert sites(found) == ["harbour", "harbour", "b"]
    assert found.sites_by == BY_COLUMN
    assert sites_line(found) == "pairs: 2 sites by table column scene"


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [("^[a-z]+", ["x", "x", "y"]), ("_([ab])", ["a", "b", "a"]), ("x|y", ["x", "x", "y"])],
)
def test_the_expression_wins_by_its_first_group_or_whole_match(pattern: str, expected: list[str]):
    found = surveyed(["x/1_a", "x/2_b", "y/3_a"], ["s", "s", "t"], pattern)
    assert sites(found) == expected
    assert found.sites_by == BY_OPTION
    assert sites_line(found) == "pairs: 2 sites by --site"


@pytest.mark.parametrize("pattern", ["^c_(.)", "c()", "c(x)?", ""])
def test_a_pair_without_a_match_is_named_and_all_are_counted(pattern: str):
    with pytest.raises(ConfigError) as caught:
        surveyed(["a_1", "b_1", "b_2"], None, pattern)
    assert f"of --site {pattern} in the name of every pair, 3 of 3" in str(caught.value)
    assert "e.g. 'a_1'" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_what_is_left_out_has_no_site_and_needs_no_match():
    files = [Surveyed("pairs/odd_day.png", "", "without a partner"), Surveyed("pairs/a_1.png", "1")]
    sited, _ = assign_sites(PAIRS, files, ["sub/odd", "a_1"], ["", ""], "^a")
    assert [file.site for file in sited] == ["", "a"]
    assert assign_sites(PAIRS, files, ["sub/odd", "a_1"], ["", ""])[1] == BY_NAME


def test_a_guess_that_tells_nothing_is_said_in_one_line():
    one = surveyed([f"IMG_{number:04}" for number in range(29)])
    assert not tells_apart(one)
    assert sites_line(one) == (
        "pairs: 1 site by name, only 'IMG', which does not tell scenes apart"
    )
    each = surveyed([f"{number:03}/x" for number in range(29)])
    assert each.sites_by == BY_FOLDER
    assert not tells_apart(each)
    assert sites_line(each) == (
        "pairs: 29 sites by folder, one for each pair, which does not tell scenes apart"
    )


def test_a_site_for_each_pair_is_believed_where_the_user_says_so():
    assert tells_apart(surveyed(["a1", "a2"], None, "a(.)"))
    assert tells_apart(surveyed(["a1", "a2"], ["one", "two"]))
    assert not tells_apart(surveyed(["a1", "a2"], None, "a"))
