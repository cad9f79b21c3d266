import os
from pathlib import Path

import pytest

from colorflow.batch.discover import check_collisions, discover
from colorflow.errors import ConfigError, NothingFoundError


def _touch(*paths: Path) -> None:
    for path in paths:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()


def test_folders_are_searched_and_their_tree_is_kept(tmp_path):
    _touch(tmp_path / "in/b.png", tmp_path / "in/deep/er/a.JPG", tmp_path / "in/notes.txt")
    found = discover([tmp_path / "in"], tmp_path / "out")
    assert [(j.source.name, j.target) for j in found.jobs] == [
        ("b.png", tmp_path / "out/b"),
        ("a.JPG", tmp_path / "out/deep/er/a"),
    ]


def test_order_does_not_depend_on_the_file_system(tmp_path):
    names = ["c.jpg", "a.jpg", "b.jpg", "z/a.jpg", "y/a.jpg"]
    _touch(*(tmp_path / "in" / name for name in names))
    jobs = discover([tmp_path / "in"], tmp_path / "out").jobs
    found = [str(j.source.relative_to(tmp_path / "in")) for j in jobs]
    assert found == ["a.jpg", "b.jpg", "c.jpg", "y/a.jpg", "z/a.jpg"]


def test_hidden_files_and_the_output_folder_are_passed_over(tmp_path):
    _touch(tmp_path / "a.jpg", tmp_path / "._a.jpg", tmp_path / ".cache/b.jpg")
    _touch(tmp_path / "out/a_v1.jpg")
    found = discover([tmp_path], tmp_path / "out")
    assert [j.source.name for j in found.jobs] == ["a.jpg"]


def test_a_file_named_twice_is_done_once(tmp_path):
    _touch(tmp_path / "a.jpg")
    os.symlink(tmp_path / "a.jpg", tmp_path / "b.jpg")
    found = discover([tmp_path / "a.jpg", tmp_path / "a.jpg", tmp_path], tmp_path / "out")
    assert len(found.jobs) == 1


def test_a_named_file_is_taken_whatever_its_suffix_and_a_missing_one_is_reported(tmp_path):
    _touch(tmp_path / "scan.xyz")
    found = discover([tmp_path / "scan.xyz", tmp_path / "gone.jpg"], tmp_path / "out")
    assert [j.source.name for j in found.jobs] == ["scan.xyz"]
    assert found.missing == [tmp_path / "gone.jpg"]


def test_nothing_found_names_the_folder_and_the_kinds(tmp_path):
    with pytest.raises(NothingFoundError, match=rf"{tmp_path}.*\.jpg"):
        discover([tmp_path], tmp_path / "out")


def test_only_missing_inputs_are_named(tmp_path):
    with pytest.raises(NothingFoundError, match="gone"):
        discover([tmp_path / "gone"], tmp_path / "out")


def test_two_sources_of_one_result_are_both_named(tmp_path):
    a, b = tmp_path / "a.jpg", tmp_path / "a.png"
    with pytest.raises(ConfigError, match=r"a\.jpg and .*a\.png"):
        check_collisions([(a, tmp_path / "o/a_v1.png"), (b, tmp_path / "o/a_v1.png")])


def test_an_input_is_never_a_result(tmp_path):
    a, b = tmp_path / "a.jpg", tmp_path / "a_v1.jpg"
    with pytest.raises(ConfigError, match="overwrite an input"):
        check_collisions([(a, tmp_path / "x/../a_v1.jpg"), (b, tmp_path / "a_v1_v1.jpg")])
