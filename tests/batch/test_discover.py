import os
from pathlib import Path

import pytest

from colorflow.batch.discover import discover
from colorflow.batch.places import place
from colorflow.errors import NothingFoundError


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
    assert [path for path, _ in found.problems] == [tmp_path / "gone.jpg"]


def test_nothing_found_names_the_folder_and_the_kinds(tmp_path):
    with pytest.raises(NothingFoundError, match=rf"{tmp_path}.*\.jpg"):
        discover([tmp_path], tmp_path / "out")


def test_only_missing_inputs_are_named(tmp_path):
    with pytest.raises(NothingFoundError, match="gone"):
        discover([tmp_path / "gone"], tmp_path / "out")


def test_a_pattern_chooses_in_folders_but_not_among_named_files(tmp_path):
    _touch(tmp_path / "in/a_grey.jpg", tmp_path / "in/b.jpg", tmp_path / "c.jpg")
    found = discover([tmp_path / "in", tmp_path / "c.jpg"], tmp_path / "out", "*_grey.*")
    assert [(j.source.name, j.named) for j in found.jobs] == [
        ("a_grey.jpg", False),
        ("c.jpg", True),
    ]


def test_links_are_followed_once_and_circles_end(tmp_path):
    _touch(tmp_path / "in/a/x.jpg", tmp_path / "elsewhere/y.jpg")
    os.symlink(tmp_path / "in", tmp_path / "in/a/again")
    os.symlink(tmp_path / "elsewhere", tmp_path / "in/b")
    os.symlink(tmp_path / "elsewhere", tmp_path / "in/c")
    os.symlink(tmp_path / "in/loop.jpg", tmp_path / "in/loop.jpg")
    found = discover([tmp_path / "in"], tmp_path / "out")
    assert [str(j.target.relative_to(tmp_path / "out")) for j in found.jobs][-2:] == ["a/x", "b/y"]
    assert not any(j.source.name in ("again", "c") for j in found.jobs)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_folder_that_may_not_be_read_is_a_problem_and_no_end(tmp_path):
    _touch(tmp_path / "in/a.jpg", tmp_path / "in/closed/b.jpg")
    (tmp_path / "in/closed").chmod(0)
    found = discover([tmp_path / "in"], tmp_path / "out")
    (tmp_path / "in/closed").chmod(0o755)
    assert [j.source.name for j in found.jobs] == ["a.jpg"]
    assert found.problems[0][0].name == "closed"


def test_an_error_of_the_system_is_a_problem_and_no_end(tmp_path, monkeypatch):
    _touch(tmp_path / "in/a.jpg", tmp_path / "in/closed/b.jpg")
    scan = os.scandir

    def refuse(path):
        if str(path).endswith("closed"):
            raise PermissionError(13, "Permission denied", str(path))
        return scan(path)

    monkeypatch.setattr(os, "scandir", refuse)
    found = discover([tmp_path / "in"], tmp_path / "out")
    assert [j.source.name for j in found.jobs] == ["a.jpg"]
    assert found.problems == [(tmp_path / "in/closed", "Permission denied")]


def test_names_that_are_no_text_are_taken(tmp_path):
    name = os.fsdecode(b"caf\xe9.jpg")
    _touch(tmp_path / "in" / name)
    found = discover([tmp_path / "in"], tmp_path / "out")
    assert [j.source.name for j in found.jobs] == [name]


def test_deep_trees_do_not_exhaust_the_stack(tmp_path):
    folder = tmp_path
    for _ in range(300):
        folder = folder / "d"
        folder.mkdir()
    _touch(folder / "a.jpg")
    assert len(discover([tmp_path / "d"], tmp_path / "out").jobs) == 1


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")
def test_pipes_are_no_photos(tmp_path):
    _touch(tmp_path / "in/a.jpg")
    os.mkfifo(tmp_path / "in/b.jpg")
    found = discover([tmp_path / "in", tmp_path / "in/b.jpg"], tmp_path / "out")
    assert [j.source.name for j in found.jobs] == ["a.jpg"]
    assert [path.name for path, _ in found.problems] == ["b.jpg"]


ROOTS = [".", "./", "in/..", "in//deep/../..", "../here", "../here/", "link", "a[1]*"]


@pytest.mark.parametrize("root", ROOTS)
def test_names_are_whole_however_the_root_is_spelt(tmp_path, monkeypatch, root):
    here = tmp_path / "here"
    names = ["cat.jpg", "bat.jpg", "7.jpg", "1932/x.jpg"]
    (here / "in/deep").mkdir(parents=True)
    (here / "a[1]*").mkdir()
    os.symlink(here / "a[1]*", here / "link")
    folder = here / "a[1]*" if root in ("link", "a[1]*") else here
    _touch(*(folder / name for name in names))
    monkeypatch.chdir(here)
    found = discover([place(root)], tmp_path / "out")
    below = {job.target.relative_to(tmp_path / "out").as_posix() for job in found.jobs}
    # Here, the folder of special characters lies below the root and is empty.
    assert below == {"cat", "bat", "7", "1932/x"}


@pytest.mark.parametrize("suffix", ["jfif", "jpe", "mpo", "pnm", "pbm", "jp2", "tga", "HIF"])
def test_every_format_that_pillow_opens_is_taken(tmp_path, suffix):
    _touch(tmp_path / f"a.{suffix}")
    assert len(discover([tmp_path], tmp_path / "out").jobs) == 1


def test_what_is_passed_over_is_named_with_its_kind(tmp_path):
    _touch(tmp_path / "a.jpg", tmp_path / "b.dng", tmp_path / "c.ico", tmp_path / "d.txt")
    _touch(tmp_path / "._a.jpg", tmp_path / ".hidden")
    (tmp_path / "scan.jpg_large").write_bytes(b"\xff\xd8\xff\xe0" + bytes(28))
    os.mkfifo(tmp_path / "pipe.jpg")
    os.symlink("nowhere", tmp_path / "gone.txt")
    found = discover([tmp_path], tmp_path / "out")
    assert {path.name: kind for path, kind in found.passed} == {
        "b.dng": "camera raw (.dng)",
        "c.ico": "icon (.ico)",
        "d.txt": "other file (.txt)",
        "._a.jpg": "hidden file",
        "scan.jpg_large": "JPEG picture of unknown suffix (.jpg_large)",
        "pipe.jpg": "pipe, socket or device",
        "gone.txt": "dangling link",
    }
    assert found.problems == []


def test_kinds_are_counted_the_most_frequent_first(tmp_path):
    _touch(*(tmp_path / f"{k}.dng" for k in range(3)), tmp_path / "a.mov", tmp_path / "a.jpg")
    found = discover([tmp_path], tmp_path / "out")
    assert found.passed_over() == "3 x camera raw (.dng), 1 x video (.mov)"
    _touch(*(tmp_path / f"x.{k}" for k in "abcdefgh"))
    found = discover([tmp_path], tmp_path / "out")
    assert found.passed_over().endswith("x other kinds")
    counts = [int(part.split()[0]) for part in found.passed_over().split(", ")]
    assert sum(counts) == len(found.passed) == 12


def test_a_link_to_a_photo_that_is_gone_is_a_problem(tmp_path):
    _touch(tmp_path / "a.jpg")
    os.symlink("nowhere.jpg", tmp_path / "gone.jpg")
    found = discover([tmp_path, tmp_path / "gone.jpg"], tmp_path / "out")
    assert [path.name for path, _ in found.problems] == ["gone.jpg", "gone.jpg"]
    assert all("a link to nowhere.jpg" in reason for _, reason in found.problems)


def test_a_folder_of_other_files_says_which(tmp_path):
    _touch(tmp_path / "a.cr2", tmp_path / "b.cr2")
    with pytest.raises(NothingFoundError, match=r"passed over: 2 x camera raw \(\.cr2\)"):
        discover([tmp_path], tmp_path / "out")


def test_files_that_the_pattern_leaves_out_are_not_told(tmp_path):
    _touch(tmp_path / "a.jpg", tmp_path / "b.dng")
    assert discover([tmp_path], tmp_path / "out", "*.jpg").passed == []
