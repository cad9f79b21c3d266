"""Places at URLs: an object store, and one where files are renamed."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from upath import UPath

from batch.jobs import tree
from colorflow.batch import places
from colorflow.batch.places import is_local, local_copy, place, real_path, stage
from colorflow.batch.report import Report, read_report
from colorflow.batch.results import Result
from colorflow.errors import ConfigError, ImageError

JOB = {"settings": {"seed": 0}, "device": "cpu"}


def test_a_report_at_a_url_is_there_when_it_is_closed_and_gone_on_with(root):
    path = root / "reports/r.jsonl"
    report = Report(path, JOB)
    report.add(Result(root / "a.jpg", outputs=[root / "a_v1.jpg"], seconds=2.0))
    report.add(Result(root / "b.jpg", "failed", reason="b: broken"))
    assert not path.exists()  # object stores cannot append
    report.close()
    again = Report(path, JOB)
    again.add(Result(root / "a.jpg", "skipped", reason="done before"))
    again.add(Result(root / "b.jpg"))
    again.close()
    lines = read_report(path)
    assert [(line["input"], line["status"]) for line in lines] == [
        (str(root / "a.jpg"), "ok"),
        (str(root / "b.jpg"), "ok"),
    ]
    assert lines[0]["outputs"] == [str(root / "a_v1.jpg")]
    assert list(tree(root)) == ["reports/r.jsonl"]


def test_the_report_of_another_job_is_set_aside_at_a_url_too(root):
    for seed in range(2):
        report = Report(root / "r.jsonl", {"settings": {"seed": seed}})
        report.close()
    assert sorted(tree(root)) == ["r.1.jsonl", "r.jsonl"]
    assert report.set_aside == root / "r.1.jsonl"
    assert b'"seed": 0' in (root / "r.1.jsonl").read_bytes()
    (root / "r.jsonl").write_bytes(b"dear diary")
    with pytest.raises(ConfigError, match="--report"):
        Report(root / "r.jsonl", JOB)


def test_staged_bytes_appear_when_committed_in_place_of_older_ones(root):
    (root / "deep").mkdir(parents=True, exist_ok=True)
    (root / "deep/x").write_bytes(b"old")
    for data in (b"new", b"newer"):
        staged = stage(root / "deep/x", data)
        before = (root / "deep/x").read_bytes()
        assert before != data
        staged.commit()
        assert (root / "deep/x").read_bytes() == data
    stage(root / "deep/y", b"").discard()
    assert list(tree(root)) == ["deep/x"]


def test_a_file_that_cannot_get_its_name_leaves_nothing(root, monkeypatch):
    if root.protocol == "memory":
        pytest.skip("is not renamed there")
    staged = stage(root / "x", b"abc")

    def refuse(*paths):
        raise PermissionError(13, "Forbidden")

    monkeypatch.setattr(places, "_move", refuse)
    with pytest.raises(PermissionError):
        staged.commit()
    assert tree(root) == {}


def test_a_copy_of_this_machine_lasts_as_long_as_the_block(root, tmp_path):
    root.mkdir(parents=True, exist_ok=True)
    (root / "x.png").write_bytes(b"abc")
    with local_copy(root / "x.png") as copy:
        assert is_local(copy)
        assert copy.suffix == ".png"
        assert copy.read_bytes() == b"abc"
    assert not copy.exists()
    (tmp_path / "y").touch()
    with local_copy(tmp_path / "y") as same:
        assert same == tmp_path / "y"
    assert same.exists()
    with pytest.raises(FileNotFoundError), local_copy(root / "none"):
        pass


def test_urls_of_this_machine_are_paths(tmp_path):
    assert place(f"file://{tmp_path}/a b%20.jpg") == tmp_path / "a b%20.jpg"
    assert place(f"local://{tmp_path}") == tmp_path
    assert is_local(place(f"file://{tmp_path}"))
    assert place("in/a.jpg") == Path("in/a.jpg")


def test_real_paths_see_through_links_and_spellings(tmp_path):
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "real")
    (tmp_path / "real/a").touch()
    (tmp_path / "real/b").symlink_to(tmp_path / "real/a")
    folders: dict[str, str] = {}
    names = ("real/a", "link/a", "real/b", "real/../link/b")
    assert len({real_path(tmp_path / name, folders) for name in names}) == 1
    assert real_path(tmp_path / "link/new", folders) == str(tmp_path / "real/new")
    spelt = {real_path(UPath(url), {}) for url in ("memory://a/b", "memory:///a/b")}
    assert len(spelt) == 1


def test_kinds_of_urls_nobody_knows_are_refused():
    with pytest.raises(ConfigError, match="nonsense://x"):
        place("nonsense://x")


def test_without_the_packages_one_line_says_how_to_get_them(monkeypatch):
    monkeypatch.setitem(sys.modules, "upath", None)
    with pytest.raises(ConfigError, match=r"pip install 'colorflow-cinn\[remote\]'"):
        place("memory://x")
    assert place("x") == Path("x")


def test_an_object_store_is_not_written_under_another_name(monkeypatch):
    monkeypatch.setattr(places, "_move", lambda *_: pytest.fail("a store has no names to change"))
    stage(place("memory://box/x"), b"abc").commit()
    assert place("memory://box/x").read_bytes() == b"abc"


def test_a_page_that_cannot_be_written_says_where(root, monkeypatch):
    from colorflow.batch.sheets import write_page

    def refuse(self):
        raise PermissionError(13, "Forbidden")

    monkeypatch.setattr(places._RemoteFile, "commit", refuse)
    with pytest.raises(ImageError, match=f"^{root / 'page.jpg'}.*Forbidden"):
        write_page(Image.fromarray(np.zeros((4, 4, 3), np.uint8)), root / "page.jpg")


def test_a_file_can_be_written_while_it_is_made(root, tmp_path):
    def write(file):
        file.write(b"....")
        file.seek(0)
        file.write(b"ab")

    for folder in (root, tmp_path):
        staged = stage(folder / "sub" / "made", write)
        assert not (folder / "sub" / "made").exists()
        staged.commit()
        assert (folder / "sub" / "made").read_bytes() == b"ab.."


def test_a_file_whose_writing_fails_leaves_nothing(tmp_path):
    def write(file):
        file.write(b"half")
        raise OSError("disk full")

    with pytest.raises(OSError, match="disk full"):
        stage(tmp_path / "made", write)
    assert list(tmp_path.iterdir()) == []
