"""Photos and results at URLs: an object store, and a place where files are renamed."""

from __future__ import annotations

import json
import os
import sys
import tempfile
import warnings
from pathlib import Path

import fsspec
import numpy as np
import pytest
from fsspec.implementations.local import LocalFileSystem
from PIL import Image
from upath import UPath

from colorflow.batch import places
from colorflow.batch.config import BatchConfig
from colorflow.batch.discover import discover
from colorflow.batch.painters import SamplePainter, TransferPainter
from colorflow.batch.places import is_local, local_copy, place, real_path, stage
from colorflow.batch.report import NAME, Report, read_report
from colorflow.batch.results import Result
from colorflow.batch.run import run_jobs
from colorflow.cli.batch import run_batch
from colorflow.cli.request import Request
from colorflow.errors import ConfigError, ImageError, NothingFoundError


class Disk(LocalFileSystem):
    """Like the disk of a file server that does not rename onto a file."""

    protocol = ("disk", "share")

    @classmethod
    def _strip_protocol(cls, path):
        return super()._strip_protocol(str(path).removeprefix("disk://").removeprefix("share://"))

    def unstrip_protocol(self, name):
        return f"disk://{self._strip_protocol(name)}"

    def mv(self, path1, path2, **kwargs):
        if os.path.exists(path2):
            raise FileExistsError(path2)
        super().mv(path1, path2, **kwargs)


@pytest.fixture(params=["memory", "disk"])
def root(request, tmp_path):
    """A folder at a URL."""
    if request.param == "memory":
        memory = fsspec.filesystem("memory")
        memory.store.clear()
        memory.pseudo_dirs[:] = [""]
        yield place("memory://box")
        memory.store.clear()
        return
    for name in Disk.protocol:
        fsspec.register_implementation(name, Disk, clobber=True)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that universal_pathlib has never met this kind
        yield place(f"disk://{tmp_path}/box")


@pytest.fixture
def photos(root, tmp_path, grey_cat):
    """The same photos in a folder of this machine and at the URL."""
    here = tmp_path / "here/in"
    (here / "sub").mkdir(parents=True)
    Image.fromarray(grey_cat).save(here / "a.jpg")
    Image.fromarray(grey_cat[:80]).save(here / "sub/b.png")
    (here / "notes.txt").write_text("no photo")
    for path in here.rglob("*.*"):
        copy = root / "in" / path.relative_to(here).as_posix()
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.write_bytes(path.read_bytes())
    return here


def tree(folder) -> dict[str, bytes]:
    found = {}
    for path in folder.rglob("*"):
        if path.is_file():
            found[str(path)[len(str(folder)) :].lstrip("/")] = path.read_bytes()
    return found


def run(tiny, source, out, **settings):
    config = BatchConfig(**{"samples": 2, **settings})
    jobs = discover([source], out).jobs
    results = list(run_jobs(SamplePainter(tiny, config), jobs, config))
    return sorted(results, key=lambda result: str(result.source))


def test_results_are_those_of_local_files_in_the_same_tree(tiny, root, photos, tmp_path):
    run(tiny, photos, tmp_path / "out", latents=True)
    found = run(tiny, root / "in", root / "out", latents=True)
    assert [r.status for r in found] == ["ok", "ok"]
    assert tree(root / "out") == tree(tmp_path / "out")
    assert sorted(tree(root / "out"))[:2] == ["a_v1.jpg", "a_v1.latents.safetensors"]
    assert found[1].outputs == [root / "out/sub/b_v1.png", root / "out/sub/b_v2.png"]


@pytest.mark.parametrize("ways", [("here", "there"), ("there", "here")])
def test_one_side_may_be_of_this_machine(tiny, root, photos, tmp_path, ways):
    run(tiny, photos, tmp_path / "whole")
    source = photos if ways[0] == "here" else root / "in"
    out = tmp_path / "out" if ways[1] == "here" else root / "out"
    run(tiny, source, out)
    assert tree(out) == tree(tmp_path / "whole")
    # Also where one of the sides does not tell when a file was written.
    assert {r.status for r in run(tiny, source, out)} == {"skipped"}


def test_what_is_done_is_skipped_and_what_is_stale_is_left_or_made_again(tiny, root, photos):
    run(tiny, root / "in", root / "out")
    before = tree(root / "out")
    assert {r.status for r in run(tiny, root / "in", root / "out")} == {"skipped"}
    stale = run(tiny, root / "in", root / "out", seed=1)
    assert {r.status for r in stale} == {"stale"}
    assert "seed 0 instead of 1" in stale[0].reason
    assert str(root) not in stale[0].reason
    assert tree(root / "out") == before
    assert {r.status for r in run(tiny, root / "in", root / "out", seed=1, rerun="changed")} == {
        "ok"
    }
    after = tree(root / "out")
    assert set(after) == set(before)
    assert all(after[name] != before[name] for name in before)


def test_a_file_that_is_not_ours_is_left_alone(tiny, root, photos):
    (root / "out").mkdir(parents=True, exist_ok=True)
    (root / "out/a_v1.jpg").write_bytes(b"precious")
    found = run(tiny, root / "in", root / "out")
    assert [r.status for r in found] == ["stale", "ok"]
    assert str(root / "out/a_v1.jpg") in found[0].reason
    assert (root / "out/a_v1.jpg").read_bytes() == b"precious"


def test_failures_name_the_url_and_leave_nothing(tiny, root, photos):
    (root / "in/broken.jpg").write_bytes(b"no picture")
    (root / "in/empty.png").write_bytes(b"")
    found = {r.source.name: r for r in run(tiny, root / "in", root / "out")}
    for name in ("broken.jpg", "empty.png"):
        assert found[name].status == "failed"
        assert found[name].reason.startswith(str(root / "in" / name))
        assert tempfile.gettempdir() not in found[name].reason.replace(str(root), "")
    assert len(tree(root / "out")) == 4


def test_a_result_that_cannot_be_written_fails_its_photo(tiny, root, photos, monkeypatch):
    def refuse(self):
        raise PermissionError(13, "Forbidden")

    monkeypatch.setattr(places._RemoteFile, "commit", refuse)
    found = run(tiny, root / "in", root / "out")
    assert {r.status for r in found} == {"failed"}
    assert "Forbidden" in found[0].reason
    assert str(root / "in/a.jpg") in found[0].reason


def test_copies_of_photos_do_not_stay(tiny, root, photos, tmp_path, monkeypatch):
    folder = tmp_path / "copies"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    (root / "in/broken.jpg").write_bytes(b"no picture")
    run(tiny, root / "in", root / "out")
    run(tiny, root / "in", root / "out")
    assert list(folder.iterdir()) == []


def test_hidden_files_and_the_output_folder_are_passed_over(root, photos):
    for name in ("in/out/a_v1.jpg", "in/.cache/x.jpg", "in/._a.jpg"):
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"x")
    found = discover([root / "in"], root / "in/out").jobs
    assert [str(j.source) for j in found] == [str(root / "in/a.jpg"), str(root / "in/sub/b.png")]
    assert [str(j.target) for j in found] == [str(root / "in/out/a"), str(root / "in/out/sub/b")]
    (named,) = discover([root / "in/a.jpg"], root / "out").jobs
    assert named.named
    assert str(named.target) == str(root / "out/a")
    with pytest.raises(NothingFoundError, match="nowhere"):
        discover([root / "nowhere"], root / "out")


def test_a_transfer_takes_its_reference_from_a_url(tiny, root, photos, cat, tmp_path):
    cat.save(tmp_path / "reference.png")
    (root / "reference.png").write_bytes((tmp_path / "reference.png").read_bytes())
    here = TransferPainter(tiny, tmp_path / "reference.png", BatchConfig())
    there = TransferPainter(tiny, root / "reference.png", BatchConfig())
    assert there.settings == here.settings
    (root / "broken.png").write_bytes(b"no picture")
    for name in ("broken.png", "missing.png"):
        with pytest.raises(ImageError, match=f"^{root / name}"):
            TransferPainter(tiny, root / name, BatchConfig())


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


def test_the_command_leaves_results_report_and_contact_sheet_at_a_url(
    root, photos, tiny_checkpoint, capsys
):
    request = Request(
        [str(root / "in")], str(root / "out"), BatchConfig(samples=1), str(tiny_checkpoint), "cpu",
        sheet=True,
    )  # fmt: skip
    look = Request(**{**request.__dict__, "dry_run": True})
    assert run_batch(look) == 0
    assert tree(root / "out") == {}
    assert "2 to do" in capsys.readouterr().err
    assert run_batch(request) == 0
    assert sorted(tree(root / "out")) == [
        "a_v1.jpg", NAME, "contact_sheet.jpg", "sub/b_v1.png",
    ]  # fmt: skip
    with (root / "out/contact_sheet.jpg").open("rb") as file, Image.open(file) as page:
        assert page.height > 400
    lines = (root / "out" / NAME).read_bytes().splitlines()
    assert sorted(json.loads(line)["input"] for line in lines[1:]) == [
        str(root / "in/a.jpg"), str(root / "in/sub/b.png"),
    ]  # fmt: skip


def test_an_input_is_not_overwritten_however_it_is_spelt(root, photos, tiny):
    spelt = UPath(str(root).replace("memory://", "memory:///").replace("disk://", "share://"))
    config = BatchConfig(samples=1, name="{stem}{ext}", rerun="overwrite")
    jobs = discover([root / "in"], spelt / "in").jobs
    with pytest.raises(ConfigError, match="overwrite an input"):
        list(run_jobs(SamplePainter(tiny, config), jobs, config))


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
