"""Whole jobs whose photos and results are at URLs."""

from __future__ import annotations

import json
import tempfile

import pytest
from PIL import Image
from upath import UPath

from batch.jobs import run, tree
from colorflow.batch import places
from colorflow.batch.config import BatchConfig
from colorflow.batch.discover import discover
from colorflow.batch.painters import SamplePainter, TransferPainter
from colorflow.batch.report import NAME
from colorflow.batch.run import run_jobs
from colorflow.cli.batch import run_batch
from colorflow.cli.request import Request
from colorflow.errors import ConfigError, ImageError, NothingFoundError


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
    found = {line["input"]: line["status"] for line in map(json.loads, lines[1:])}
    assert found == {
        str(root / "in/a.jpg"): "ok",
        str(root / "in/sub/b.png"): "ok",
        str(root / "in/notes.txt"): "passed over",
    }


def test_an_input_is_not_overwritten_however_it_is_spelt(root, photos, tiny):
    spelt = UPath(str(root).replace("memory://", "memory:///").replace("disk://", "share://"))
    config = BatchConfig(samples=1, name="{stem}{ext}", rerun="overwrite")
    jobs = discover([root / "in"], spelt / "in").jobs
    with pytest.raises(ConfigError, match="overwrite an input"):
        list(run_jobs(SamplePainter(tiny, config), jobs, config))
