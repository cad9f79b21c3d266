import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from colorflow.files import StagedFile, is_special, sweep, written_whole


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


def _temporary(folder, host, process):
    path = folder / f".colorflow-{host}~{process}~abc.tmp"
    path.touch()
    return path


def test_so_does_one_that_its_writer_put_in_the_place_of_ours(tmp_path):
    (tmp_path / "plain").touch()
    with written_whole(tmp_path / "ours") as temporary:
        temporary.unlink()
        os.close(os.open(temporary, os.O_CREAT | os.O_WRONLY, 0o600))
    assert (tmp_path / "ours").stat().st_mode == (tmp_path / "plain").stat().st_mode


def test_sweeping_takes_what_killed_processes_left_and_nothing_else(tmp_path):
    killed = subprocess.Popen([sys.executable, "-c", ""])
    killed.wait()
    here = StagedFile(tmp_path / "x").temporary.name.split("-")[1].split("~")[0]
    left = _temporary(tmp_path, here, killed.pid)
    at_work = _temporary(tmp_path, here, os.getppid())
    elsewhere = _temporary(tmp_path, "another.host", killed.pid)
    old = _temporary(tmp_path, "another.host", killed.pid + 1)
    os.utime(old, (0, 0))
    foreign = tmp_path / ".colorflow-notes.tmp"
    foreign.touch()
    assert sweep(tmp_path) == 3  # also the one of this process, which nobody works on
    assert not left.exists()
    assert not old.exists()
    assert sorted(os.listdir(tmp_path)) == sorted([at_work.name, elsewhere.name, foreign.name])


def test_a_job_of_many_machines_sweeps_its_own_files_only(tmp_path):
    ours = StagedFile(tmp_path / "a", "job1")
    far = tmp_path / ".colorflow-another.host~1~job1-abc.tmp"
    far.touch()
    theirs = StagedFile(tmp_path / "b", "job2")
    nobodys = StagedFile(tmp_path / "c")
    assert sweep(tmp_path, "job1") == 2
    assert not ours.temporary.exists()
    assert sorted(tmp_path.iterdir()) == sorted([theirs.temporary, nobodys.temporary])


def test_files_of_an_owner_are_swept_like_others_when_their_process_is_gone(tmp_path):
    old = tmp_path / ".colorflow-another.host~1~job1-abc.tmp"
    old.touch()
    assert sweep(tmp_path) == 0
    os.utime(old, (0, 0))
    assert sweep(tmp_path) == 1


def test_sweeping_a_folder_that_is_not_there_is_no_error(tmp_path):
    assert sweep(tmp_path / "nowhere") == 0


def test_a_staged_file_appears_when_committed_and_not_before(tmp_path):
    staged = StagedFile(tmp_path / "a")
    staged.temporary.write_text("whole")
    assert not (tmp_path / "a").exists()
    staged.commit()
    assert (tmp_path / "a").read_text() == "whole"
    staged.discard()
    assert (tmp_path / "a").exists()


def test_a_discarded_file_leaves_nothing(tmp_path):
    staged = StagedFile(tmp_path / "a")
    staged.discard()
    staged.discard()
    assert os.listdir(tmp_path) == []


def test_a_pipe_is_written_to_and_stays_a_pipe(pipe, tmp_path):
    path, received = pipe
    with written_whole(path) as temporary:
        temporary.write_bytes(b"whole")
    assert received() == b"whole"
    assert stat.S_ISFIFO(path.stat().st_mode)
    assert not temporary.exists()
    assert os.listdir(tmp_path) == ["pipe"]


@pytest.mark.parametrize("name", ["/dev/stdout", "/dev/stderr", "/dev/fd/1", "/proc/self/fd/1"])
def test_standard_streams_are_special_whatever_they_lead_to(name):
    assert is_special(Path(name))


def test_files_folders_and_nothing_are_not_special(tmp_path):
    (tmp_path / "file").touch()
    os.symlink("file", tmp_path / "link")
    for name in ("file", "link", ".", "nothing"):
        assert not is_special(tmp_path / name)
