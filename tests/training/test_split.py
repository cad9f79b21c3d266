"""What is held back for the reports: photos by content, pairs by site or in blocks of names."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from colorflow.training.sites import BY_COLUMN, BY_FOLDER, BY_NAME, BY_OPTION, site_of
from colorflow.training.split import (
    Split,
    hold_back_given,
    hold_back_nothing,
    hold_back_pairs,
    hold_back_photos,
)
from colorflow.training.survey import Survey, Surveyed


def photos(count: int) -> Survey:
    files = [Surveyed(f"{number}.png", f"{number * 7919 % 1009:04}") for number in range(count)]
    return Survey(Path("photos"), (*files, Surveyed("grey.png", "g", "grey")))


def pairs(sites: list[str], by: str = BY_NAME) -> Survey:
    files = [
        Surveyed(f"pairs/{site}_{number}_day.png", f"{number}", partner="night", site=site)
        for number, site in enumerate(sites)
    ]
    return Survey(Path("pairs"), tuple(files), "pairs", by)


def numbers(files: tuple[Surveyed, ...]) -> list[int]:
    return [int(file.content) for file in files]


def whole(split: Split) -> list[int]:
    return sorted(numbers(split.train) + numbers(split.held))


# --- photos


@pytest.mark.parametrize(("count", "held"), [(2, 1), (3, 1), (50, 1), (51, 2), (100, 2), (500, 10)])
def test_about_one_photo_in_fifty_is_held_back(count: int, held: int):
    split = hold_back_photos(photos(count))
    assert len(split.held) == held
    both = sorted((*split.train, *split.held), key=lambda file: int(file.path[:-4]))
    assert both == list(photos(count).good)
    assert split.notes == (
        f"no --val: {held} photos are held back for the reports, {count - held} train",
    )


def test_what_is_held_back_depends_on_the_content_alone():
    survey = photos(120)
    shuffled = dataclasses.replace(survey, files=survey.files[::-1])
    held = {file.content for file in hold_back_photos(survey).held}
    assert {file.content for file in hold_back_photos(shuffled).held} == held


def test_a_copy_of_a_held_back_photo_is_not_trained_on():
    survey = photos(60)
    copies = tuple(dataclasses.replace(file, path=f"copy_{file.path}") for file in survey.good)
    split = hold_back_photos(dataclasses.replace(survey, files=survey.files + copies))
    assert not {file.content for file in split.train} & {file.content for file in split.held}


def test_a_single_photo_is_on_both_sides_and_a_warning_says_so():
    split = hold_back_photos(photos(1))
    assert split.train == split.held == photos(1).good
    (warning,) = split.notes
    assert warning.startswith("warning: photos: expected at least two different photos, found one;")
    assert "trained on and held back both" in warning


@pytest.mark.parametrize("survey", [photos(3), pairs(["a", "a", "b"])])
def test_nothing_is_held_back_where_that_is_wished(survey: Survey):
    split = hold_back_nothing(survey)
    assert (split.train, split.held) == (survey.good, ())
    assert split.notes[0].startswith(f"--val none: nothing is held back, all 3 {survey.kind} train")


# --- pairs


@pytest.mark.parametrize("by", [BY_FOLDER, BY_NAME, BY_OPTION, BY_COLUMN])
def test_sites_are_never_on_both_sides(by: str):
    split = hold_back_pairs(pairs([f"place{row // 3}" for row in range(60)], by))
    held = {file.site for file in split.held}
    assert len(held) == 2
    assert len(split.held) == 6
    assert not held & {file.site for file in split.train}
    assert whole(split) == list(range(60))
    assert not any("warning" in note for note in split.notes)


def test_the_sites_held_back_depend_on_their_names_alone():
    survey = pairs([f"place{row // 3}" for row in range(60)])
    moved = [dataclasses.replace(file, path=f"/x/{file.path}") for file in survey.files[::-1]]
    again = hold_back_pairs(Survey(Path("/x/pairs"), tuple(moved), "pairs", BY_NAME))
    assert {file.site for file in again.held} == {f.site for f in hold_back_pairs(survey).held}


@pytest.mark.parametrize("names", [("IMG", "DSC"), ("a", "b"), ("north", "south")])
@pytest.mark.parametrize("large", [0, 1])
def test_a_site_of_more_than_half_of_the_pairs_is_trained_on(names: tuple[str, str], large: int):
    split = hold_back_pairs(pairs([names[large]] * 28 + [names[1 - large]]))
    assert numbers(split.held) == [28]


def test_pairs_of_one_site_are_held_back_in_a_block_of_neighbours():
    split = hold_back_pairs(pairs(["IMG"] * 29))
    assert numbers(split.held) == [15, 16, 17]  # of ten blocks of three the one in the middle
    assert whole(split) == list(range(29))
    told, warning = split.notes
    assert told == (
        "no --val: 3 pairs in blocks of neighbouring names are held back for the reports, 26 train"
    )
    assert warning.startswith("warning: held-back pairs may show the same scenes")
    assert "evaluate" in warning
    assert "too kind" in warning


def test_a_guess_of_one_site_per_pair_is_no_guess_but_a_statement_is_believed():
    sites = [f"{row:02}" for row in range(20)]
    for by in (BY_NAME, BY_FOLDER):
        assert numbers(hold_back_pairs(pairs(sites, by)).held) == [10, 11]
    for by in (BY_OPTION, BY_COLUMN):
        split = hold_back_pairs(pairs(sites, by))
        assert " of the sites " in split.notes[0]
        assert len(split.held) == 2


def test_many_pairs_are_held_back_in_several_blocks_of_ten():
    held = numbers(hold_back_pairs(pairs(["IMG"] * 300)).held)
    assert held == [*range(50, 60), *range(150, 160), *range(250, 260)]


@pytest.mark.parametrize("count", [2, 3, 9, 10, 11, 99, 101])
def test_at_least_one_pair_is_held_back_and_about_a_tenth(count: int):
    split = hold_back_pairs(pairs(["IMG"] * count))
    assert max(1, count // 20) <= len(split.held) <= max(1, count // 5)
    assert whole(split) == list(range(count))


def test_blocks_follow_the_numbers_in_the_names():
    survey = pairs(["IMG"] * 20)
    by_text = sorted(survey.files, key=lambda file: file.path)
    assert numbers(tuple(by_text)) != list(range(20))
    split = hold_back_pairs(dataclasses.replace(survey, files=tuple(by_text)))
    assert sorted(numbers(split.held)) == [10, 11]


def test_a_single_pair_is_on_both_sides_and_a_warning_says_so():
    split = hold_back_pairs(pairs(["IMG"]))
    assert split.train == split.held
    (warning,) = split.notes
    assert "expected at least two different pairs, found one" in warning


# --- a folder of its own


def test_photos_in_both_folders_are_counted_and_three_are_named(tmp_path: Path):
    names = [f"{number}.png" for number in range(5)]
    ours = Survey(tmp_path, tuple(Surveyed(str(tmp_path / "a" / n), n) for n in names))
    val = tmp_path / "val"
    theirs = Survey(val, tuple(Surveyed(str(val / "sub" / n), n) for n in names))
    split = hold_back_given(ours, theirs, tmp_path / "run")
    assert (split.train, split.held) == (ours.good, theirs.good)
    assert len(split.shared) == 5
    assert split.notes == (
        "warning: 5 photos of --val are among those of --data too, the figures will be too kind: "
        f"sub/0.png, sub/1.png, sub/2.png and 2 more; all of them are in "
        f"{tmp_path / 'run' / 'split.json'}",
    )


def test_sites_in_both_folders_are_counted_and_three_are_named():
    ours = pairs([f"s{row // 2}" for row in range(10)])
    theirs = Survey(
        Path("val"),
        tuple(dataclasses.replace(f, content=f"v{f.content}") for f in ours.files),
        "pairs",
        BY_NAME,
    )
    split = hold_back_given(ours, theirs, Path("run"))
    assert split.notes == (
        "warning: 5 sites of --val are among those of --data too, the figures will be too kind: "
        "s0, s1, s2 and 2 more",
    )
    # Names of folders and parts of names are not compared.
    other = dataclasses.replace(theirs, sites_by=BY_FOLDER)
    assert hold_back_given(ours, other, Path("run")).notes == ()


def test_names_of_cameras_are_one_site():
    assert {site_of(f"IMG_{number:04}") for number in range(20)} == {"IMG"}
