import os

import pytest

from colorflow.files import written_whole


def test_a_block_that_ends_well_leaves_the_file_and_nothing_else(tmp_path):
    with written_whole(tmp_path / "new" / "a.txt") as temporary:
        temporary.write_text("whole")
        assert not (tmp_path / "new" / "a.txt").exists()
    assert (tmp_path / "new" / "a.txt").read_text() == "whole"
    assert os.listdir(tmp_path / "new") == ["a.txt"]


def _write_and_fail(path, error):
    with written_whole(path) as temporary:
        temporary.write_text("ha")
        raise error


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
def test_a_block_that_fails_leaves_what_was_there(tmp_path, error):
    path = tmp_path / "a.txt"
    path.write_text("old")
    with pytest.raises(error):
        _write_and_fail(path, error)
    assert path.read_text() == "old"
    assert os.listdir(tmp_path) == ["a.txt"]


def test_the_file_gets_the_rights_of_any_new_file(tmp_path):
    (tmp_path / "plain").touch()
    with written_whole(tmp_path / "ours") as temporary:
        temporary.touch()
    assert (tmp_path / "ours").stat().st_mode == (tmp_path / "plain").stat().st_mode
