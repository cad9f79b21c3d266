"""Jobs that meet results of earlier ones: done, stale, incomplete or somebody else's."""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from PIL import Image

from batch.jobs import run, tree
from batch.jobs import tree as tree_of
from batch.trees import TREE
from colorflow.batch import line
from colorflow.batch.config import BatchConfig
from colorflow.batch.report import NAME, read_report
from colorflow.cli.batch import run_batch
from colorflow.cli.request import Request
from colorflow.images.read import read_photo
from colorflow.images.write import read_history


def test_what_is_done_is_not_done_again(tiny, folder, tmp_path):
    out = tmp_path / "out"
    run(tiny, folder, out)
    times = {path: path.stat().st_mtime_ns for path in out.rglob("*.*")}
    found = run(tiny, folder, out)
    assert [r.status for r in found] == ["skipped", "skipped"]
    assert {path: path.stat().st_mtime_ns for path in out.rglob("*.*")} == times


def test_what_a_killed_run_left_out_is_made(tiny, folder, tmp_path):
    out = tmp_path / "out"
    run(tiny, folder, out)
    before = tree(out)
    (out / "a_v1.jpg").unlink()
    assert [r.status for r in run(tiny, folder, out)] == ["ok", "skipped"]
    assert tree(out) == before


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"saturation": 0.5}, "saturation 1.0 instead of 0.5"),
        ({"seed": 4}, "seed 0 instead of 4"),
        ({"temperature": 0.3}, "temperature"),
        ({"metadata": "strip"}, "metadata keep instead of strip"),
        ({"quality": 80}, "quality 95 instead of 80"),
    ],
)
def test_results_of_other_settings_are_named_kept_and_made_again_on_request(
    tiny, folder, tmp_path, change, named
):
    out = tmp_path / "out"
    run(tiny, folder, out)
    before = tree(out)
    found = run(tiny, folder, out, **change)
    assert [r.status for r in found] == ["stale", "stale"]
    assert named in found[0].reason
    assert tree(out) == before
    assert [r.status for r in run(tiny, folder, out, rerun="changed", **change)] == ["ok", "ok"]
    assert [r.status for r in run(tiny, folder, out, **change)] == ["skipped", "skipped"]


def _pixels(out: Path) -> dict[str, bytes]:
    """Read all pictures; the share of a variant depends on how many there are."""
    found = {}
    for name in tree(out):
        with Image.open(out / name) as image:
            found[name] = image.tobytes()
    return found


def test_more_variants_complete_those_that_are_there(tiny, folder, tmp_path):
    out = tmp_path / "out"
    run(tiny, folder, out, samples=1)
    before = _pixels(out)
    run(tiny, folder, out, samples=3)
    after = _pixels(out)
    assert len(after) == 6
    assert {name: after[name] for name in before} == before


def test_a_photo_that_was_replaced_is_not_taken_for_done_whatever_its_date(
    tiny, folder, tmp_path, grey_cat
):
    out = tmp_path / "out"
    run(tiny, folder, out)
    Image.fromarray(255 - grey_cat).save(folder / "a.jpg")
    os.utime(folder / "a.jpg", (1e9, 1e9))
    found = run(tiny, folder, out)
    assert [r.status for r in found] == ["stale", "skipped"]
    assert "made of another photo" in found[0].reason
    assert [r.status for r in run(tiny, folder, out, rerun="changed")] == ["ok", "skipped"]
    assert [r.status for r in run(tiny, folder, out)] == ["skipped", "skipped"]


@pytest.mark.parametrize("samples", [1, 4])
def test_a_second_folder_of_equal_names_is_not_taken_for_done(
    tiny, folder, tmp_path, grey_cat, samples
):
    out = tmp_path / "out"
    run(tiny, folder, out)
    before = tree(out)
    (tmp_path / "other").mkdir()
    Image.fromarray(grey_cat.T).save(tmp_path / "other/a.jpg")
    (found,) = run(tiny, tmp_path / "other", out, samples=samples)
    assert found.status == "stale"
    assert "made of another photo" in found.reason
    assert tree(out) == before


def test_copies_and_photos_that_were_touched_are_the_same(tiny, folder, tmp_path):
    run(tiny, folder, tmp_path / "out")
    shutil.copytree(folder, tmp_path / "copy", copy_function=shutil.copyfile)
    for path in (tmp_path / "copy").rglob("*.*"):
        os.utime(path, (4e9, 4e9))
    assert {r.status for r in run(tiny, tmp_path / "copy", tmp_path / "out")} == {"skipped"}


def test_a_photo_with_other_metadata_is_the_same(tiny, folder, tmp_path):
    """Its file has another hash, its pixels have not."""
    run(tiny, folder, tmp_path / "out")
    with Image.open(folder / "sub/b.png") as picture:
        picture.save(folder / "sub/b.png", dpi=(300, 300), compress_level=9)
    assert [r.status for r in run(tiny, folder, tmp_path / "out")] == ["skipped", "skipped"]


def test_what_is_done_is_known_without_decoding_the_photo(tiny, folder, tmp_path, monkeypatch):
    run(tiny, folder, tmp_path / "out")

    def refuse(*_):
        raise AssertionError("decoded")

    monkeypatch.setattr(line, "read_photo", refuse)
    assert [r.status for r in run(tiny, folder, tmp_path / "out")] == ["skipped", "skipped"]


def test_a_file_of_somebody_else_is_overwritten_only_by_order(tiny, folder, tmp_path):
    out = tmp_path / "out"
    out.mkdir()
    (out / "a_v1.jpg").write_bytes(b"precious")
    found = run(tiny, folder, out, rerun="changed")
    assert [r.status for r in found] == ["stale", "ok"]
    assert "a_v1.jpg" in found[0].reason
    assert (out / "a_v1.jpg").read_bytes() == b"precious"
    assert [r.status for r in run(tiny, folder, out, rerun="overwrite")] == ["ok", "ok"]


def test_results_among_the_photos_are_not_coloured_again(tiny, folder):
    """Output beside input: the second run meets the results of the first."""
    run(tiny, folder, folder)
    found = {r.source.name: r for r in run(tiny, folder, folder)}
    assert found["a.jpg"].status == "skipped"
    assert found["a_v1.jpg"].status == "skipped"
    assert "made by colorflow" in found["a_v1.jpg"].reason
    assert sorted(tree(folder)) == [
        "a.jpg", "a_v1.jpg", "a_v2.jpg", "sub/b.png", "sub/b_v1.png", "sub/b_v2.png",
    ]  # fmt: skip
    named = run(tiny, folder / "a_v1.jpg", folder.parent / "out")
    assert [r.status for r in named] == ["ok"]


def test_results_of_another_job_are_not_taken_for_photos(tiny, folder, tmp_path):
    run(tiny, folder, tmp_path / "first")
    found = run(tiny, tmp_path / "first", tmp_path / "second")
    assert {r.status for r in found} == {"skipped"}
    assert tree(tmp_path / "second") == {}


@contextlib.contextmanager
def _inside(folder: str) -> Iterator[None]:
    before = os.getcwd()
    os.chdir(folder)
    try:
        yield
    finally:
        os.chdir(before)


def _write(root: Path, tree: Iterable[Path]) -> dict[str, str]:
    """Write a different picture under each name; give the digests of those that could be."""
    digests = {}
    for number, below in enumerate(sorted(tree)):
        path = root / below
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(np.full((32, 32), number, np.uint8)).save(path)
        except (NotADirectoryError, FileExistsError, IsADirectoryError):
            continue  # a file of that name is where the folder has to be, or the other way round
        digests[str(path)] = read_photo(path).digest()
    return digests


@settings(max_examples=8, deadline=None, derandomize=True)
@given(tree=TREE)
def test_any_tree_gives_one_result_per_photo_that_the_report_leads_back_from(tiny_checkpoint, tree):
    with tempfile.TemporaryDirectory() as folder, _inside(folder):
        root, out = Path(folder) / "in", Path(folder) / "out"
        digests = _write(root, tree)
        config = BatchConfig(samples=2)
        request = Request(["./in/"], "out", config, str(tiny_checkpoint), "cpu", quiet=True)
        assert run_batch(request) == 0
        report = {line["input"]: line for line in read_report(out / NAME)}
        assert set(report) == set(digests)
        outputs = [Path(name) for line in report.values() for name in line["outputs"]]
        assert len(set(outputs)) == len(outputs) == 2 * len(digests)
        assert {*out.rglob("*")} - {out / NAME} == {
            path for output in outputs for path in (output, *output.parents) if out in path.parents
        }
        for name, line in report.items():
            for number, output in enumerate(line["outputs"], 1):
                history = read_history(Path(output))
                assert (history["photo"], history["variant"]) == (digests[name], number)
        again = Request([str(root)], str(out), config, str(tiny_checkpoint), "cpu", json=True)
        before = tree_of(out)
        assert run_batch(again) == 0
        assert {name: data for name, data in tree_of(out).items() if name != NAME} == {
            name: data for name, data in before.items() if name != NAME
        }


def test_a_result_that_was_cut_short_is_made_again(tiny, folder, tmp_path):
    out = tmp_path / "out"
    run(tiny, folder, out)
    before = tree(out)
    for name in ("a_v1.jpg", "sub/b_v2.png"):
        (out / name).write_bytes(before[name][:-200])
    assert [r.status for r in run(tiny, folder, out)] == ["ok", "ok"]
    assert tree(out) == before


def test_latents_that_are_missing_are_made(tiny, folder, tmp_path):
    out = tmp_path / "out"
    run(tiny, folder, out)
    results = tree(out)
    assert [r.status for r in run(tiny, folder, out, latents=True)] == ["ok", "ok"]
    assert results.items() <= tree(out).items()
    assert (out / "a_v2.latents.safetensors").exists()
    (out / "sub/b_v1.latents.safetensors").unlink()
    assert [r.status for r in run(tiny, folder, out, latents=True)] == ["skipped", "ok"]


def test_latents_of_somebody_else_are_left_alone(tiny, folder, tmp_path):
    out = tmp_path / "out"
    out.mkdir()
    (out / "a_v1.latents.safetensors").write_bytes(b"mine")
    found = run(tiny, folder, out, latents=True)
    assert [r.status for r in found] == ["stale", "ok"]
    assert "a_v1.latents.safetensors is there" in found[0].reason
    assert (out / "a_v1.latents.safetensors").read_bytes() == b"mine"


def test_the_border_is_named_where_it_makes_the_difference(tiny, folder, tmp_path):
    run(tiny, folder, tmp_path / "out", ignore_border=True)
    found = run(tiny, folder, tmp_path / "out")
    assert {r.reason.partition(";")[0] for r in found} == {
        "results exist, made with ignore_border on"
    }
