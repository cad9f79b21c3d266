"""Whole jobs: results, names, reruns, failures."""

import errno
import os
import threading
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from colorflow.batch import line
from colorflow.batch.config import BatchConfig
from colorflow.batch.discover import Job, discover
from colorflow.batch.painters import SamplePainter, TransferPainter
from colorflow.batch.run import require_writable, run_jobs
from colorflow.batch.sheets import write_sheets
from colorflow.errors import ConfigError, ImageError
from colorflow.files import StagedFile
from colorflow.images.contact_sheet import ContactSheet
from colorflow.images.write import read_history
from colorflow.models.latents import Latents


@pytest.fixture
def folder(tmp_path: Path, grey_cat: np.ndarray) -> Path:
    source = tmp_path / "in"
    (source / "sub").mkdir(parents=True)
    Image.fromarray(grey_cat).save(source / "a.jpg")
    Image.fromarray(grey_cat[:80]).save(source / "sub" / "b.png")
    return source


def _run(colorizer, folder: Path, out: Path, listed=None, **settings):
    config = BatchConfig(**{"samples": 2, **settings})
    listed = listed or discover([folder], out).jobs
    done = list(run_jobs(SamplePainter(colorizer, config), listed, config))
    return sorted(done, key=lambda result: str(result.source))


def _tree(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def test_every_photo_gets_its_variants_in_the_same_tree_and_format(tiny, folder, tmp_path):
    out = tmp_path / "out"
    results = _run(tiny, folder, out)
    assert sorted(_tree(out)) == ["a_v1.jpg", "a_v2.jpg", "sub/b_v1.png", "sub/b_v2.png"]
    assert [r.status for r in results] == ["ok", "ok"]
    with Image.open(out / "sub/b_v1.png") as image:
        assert (image.mode, image.size) == ("RGB", (150, 80))


def test_bytes_do_not_depend_on_order_company_jobs_or_batches(tiny, folder, tmp_path):
    _run(tiny, folder, tmp_path / "all")
    jobs = discover([folder], tmp_path / "back").jobs
    _run(tiny, folder, tmp_path / "back", jobs[::-1], jobs=1, batch_size=3)
    _run(tiny, folder / "sub" / "b.png", tmp_path / "alone", samples=1, jobs=3)
    assert _tree(tmp_path / "back") == _tree(tmp_path / "all")
    expected = (tmp_path / "all/sub/b_v1.png").read_bytes()
    assert (tmp_path / "alone/b_v1.png").read_bytes() == expected


def test_a_variant_tells_how_it_was_made_and_can_be_made_again(tiny, folder, tmp_path):
    _run(tiny, folder, tmp_path / "out", seed=9, saturation=0.8, temperature=0.5)
    made_by = read_history(tmp_path / "out/sub/b_v2.png")
    assert made_by is not None
    assert made_by["model"] == tiny.model_id
    variant = tiny.sample(
        folder / "sub/b.png",
        n=made_by["variant"],
        seed=made_by["seed"],
        saturation=made_by["saturation"],
        temperature=made_by["temperature"],
    )[-1]
    assert made_by["log_prob_nats"] == round(variant.log_prob, 2)
    with Image.open(tmp_path / "out/sub/b_v2.png") as image:
        assert image.tobytes() == variant.image.tobytes()


def test_broken_files_fail_alone_and_leave_nothing(tiny, folder, tmp_path):
    (folder / "empty.jpg").touch()
    (folder / "text.png").write_text("no picture")
    (folder / "cut.jpg").write_bytes((folder / "a.jpg").read_bytes()[:900])
    found = {r.source.name: r for r in _run(tiny, folder, tmp_path / "out")}
    broken = {"empty.jpg", "text.png", "cut.jpg"}
    assert {name for name, r in found.items() if r.status == "failed"} == broken
    for name in broken:
        assert name in found[name].reason
        assert "\n" not in found[name].reason
        assert found[name].outputs == []
    assert len(_tree(tmp_path / "out")) == 4


def test_a_photo_is_done_as_a_whole_or_not_at_all(tiny, folder, tmp_path, monkeypatch):
    """A failure with the second variant leaves what an earlier run made of the first."""
    out = tmp_path / "out"
    _run(tiny, folder, out)
    before = _tree(out)
    write = line.stage

    def second_fails(path, data, owner):
        if path.name == "a_v2.jpg":
            raise OSError(errno.EIO, "Input/output error")
        return write(path, data, owner)

    monkeypatch.setattr(line, "stage", second_fails)
    found = _run(tiny, folder, out, seed=3, rerun="overwrite")
    assert [r.status for r in found] == ["failed", "ok"]
    after = _tree(out)
    assert set(after) == set(before)
    assert {name for name in before if after[name] != before[name]} == {
        "sub/b_v1.png",
        "sub/b_v2.png",
    }


def test_a_full_disk_ends_the_job(tiny, folder, tmp_path, monkeypatch):
    def full(path, data, owner):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(line, "stage", full)
    with pytest.raises(ImageError, match="No space left"):
        _run(tiny, folder, tmp_path / "out")
    assert _tree(tmp_path) == _tree(tmp_path)


def test_what_is_done_is_not_done_again(tiny, folder, tmp_path):
    out = tmp_path / "out"
    _run(tiny, folder, out)
    times = {path: path.stat().st_mtime_ns for path in out.rglob("*.*")}
    found = _run(tiny, folder, out)
    assert [r.status for r in found] == ["skipped", "skipped"]
    assert {path: path.stat().st_mtime_ns for path in out.rglob("*.*")} == times


def test_what_a_killed_run_left_out_is_made(tiny, folder, tmp_path):
    out = tmp_path / "out"
    _run(tiny, folder, out)
    before = _tree(out)
    (out / "a_v1.jpg").unlink()
    assert [r.status for r in _run(tiny, folder, out)] == ["ok", "skipped"]
    assert _tree(out) == before


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
    _run(tiny, folder, out)
    before = _tree(out)
    found = _run(tiny, folder, out, **change)
    assert [r.status for r in found] == ["stale", "stale"]
    assert named in found[0].reason
    assert _tree(out) == before
    assert [r.status for r in _run(tiny, folder, out, rerun="changed", **change)] == ["ok", "ok"]
    assert [r.status for r in _run(tiny, folder, out, **change)] == ["skipped", "skipped"]


def test_more_variants_complete_those_that_are_there(tiny, folder, tmp_path):
    out = tmp_path / "out"
    _run(tiny, folder, out, samples=1)
    before = _tree(out)
    _run(tiny, folder, out, samples=3)
    after = _tree(out)
    assert len(after) == 6
    assert {name: after[name] for name in before} == before


def test_a_photo_that_changed_is_not_taken_for_done(tiny, folder, tmp_path, grey_cat):
    out = tmp_path / "out"
    _run(tiny, folder, out)
    Image.fromarray(255 - grey_cat).save(folder / "a.jpg")
    now = time.time()
    for name in ("a_v1.jpg", "a_v2.jpg"):
        os.utime(out / name, (now - 60, now - 60))
    os.utime(folder / "a.jpg", (now - 30, now - 30))
    found = _run(tiny, folder, out)
    assert [r.status for r in found] == ["stale", "skipped"]
    assert "has changed" in found[0].reason
    assert [r.status for r in _run(tiny, folder, out, rerun="changed")] == ["ok", "skipped"]


def test_a_photo_from_the_future_is_not_new_for_ever(tiny, folder, tmp_path):
    os.utime(folder / "a.jpg", (4e9, 4e9))
    _run(tiny, folder, tmp_path / "out")
    assert [r.status for r in _run(tiny, folder, tmp_path / "out")] == ["skipped", "skipped"]


def test_a_file_of_somebody_else_is_overwritten_only_by_order(tiny, folder, tmp_path):
    out = tmp_path / "out"
    out.mkdir()
    (out / "a_v1.jpg").write_bytes(b"precious")
    found = _run(tiny, folder, out, rerun="changed")
    assert [r.status for r in found] == ["stale", "ok"]
    assert "a_v1.jpg" in found[0].reason
    assert (out / "a_v1.jpg").read_bytes() == b"precious"
    assert [r.status for r in _run(tiny, folder, out, rerun="overwrite")] == ["ok", "ok"]


def test_results_among_the_photos_are_not_coloured_again(tiny, folder):
    """Output beside input: the second run meets the results of the first."""
    _run(tiny, folder, folder)
    found = {r.source.name: r for r in _run(tiny, folder, folder)}
    assert found["a.jpg"].status == "skipped"
    assert found["a_v1.jpg"].status == "skipped"
    assert "made by colorflow" in found["a_v1.jpg"].reason
    assert sorted(_tree(folder)) == [
        "a.jpg", "a_v1.jpg", "a_v2.jpg", "sub/b.png", "sub/b_v1.png", "sub/b_v2.png",
    ]  # fmt: skip
    named = _run(tiny, folder / "a_v1.jpg", folder.parent / "out")
    assert [r.status for r in named] == ["ok"]


def test_results_of_another_job_are_not_taken_for_photos(tiny, folder, tmp_path):
    _run(tiny, folder, tmp_path / "first")
    found = _run(tiny, tmp_path / "first", tmp_path / "second")
    assert {r.status for r in found} == {"skipped"}
    assert _tree(tmp_path / "second") == {}


def test_metadata_is_kept_or_left_out_as_asked_for(tiny, tmp_path, grey_cat):
    exif = Image.Exif()
    exif[0x010E] = "grandmother's cat"
    exif.get_ifd(0x8825)[1] = "N"
    Image.fromarray(grey_cat).save(tmp_path / "a.jpg", exif=exif, dpi=(300, 300))
    kept = {}
    for policy in ("keep", "no-gps", "strip"):
        out = tmp_path / policy
        _run(tiny, tmp_path / "a.jpg", out, samples=1, metadata=policy)
        assert read_history(out / "a_v1.jpg") is not None
        with Image.open(out / "a_v1.jpg") as image:
            found = image.getexif()
            kept[policy] = found.get(0x010E), bool(found.get_ifd(0x8825))
            assert image.info["dpi"] == (300, 300)
    name = "grandmother's cat"
    assert kept == {"keep": (name, True), "no-gps": (name, False), "strip": (None, False)}


def test_looking_only_changes_nothing(tiny, folder, tmp_path):
    config = BatchConfig(samples=2)
    jobs = discover([folder], tmp_path / "out").jobs
    found = list(run_jobs(SamplePainter(tiny, config), jobs, config, look_only=True))
    assert [r.status for r in found] == ["to do", "to do"]
    assert not (tmp_path / "out").exists()


def test_the_first_failure_ends_the_job_on_request(tiny, tmp_path):
    (tmp_path / "in").mkdir()
    for number in range(50):
        (tmp_path / f"in/{number}.jpg").touch()
    found = _run(tiny, tmp_path / "in", tmp_path / "out", fail_fast=True)
    assert len(found) == 1


def test_leaving_a_job_leaves_no_threads_and_no_temporary_files(
    tiny, folder, tmp_path, grey_cat, monkeypatch
):
    for number in range(30):
        Image.fromarray(grey_cat).save(folder / f"{number}.png")
    finish = line.Line.finish

    def slow_second(self, leaves):
        # So that photos are left with their first result written and the second still to come.
        stem = leaves[0].outputs[0].stem
        if stem.endswith("_v2") and stem != "a_v2":
            time.sleep(0.3)
        return finish(self, leaves)

    monkeypatch.setattr(line, "TOGETHER_PIXELS", 1)
    monkeypatch.setattr(line.Line, "finish", slow_second)
    out = tmp_path / "out"
    config = BatchConfig(samples=2, jobs=4)
    threads = threading.active_count()
    running = run_jobs(SamplePainter(tiny, config), discover([folder], out).jobs, config)
    first = next(running)
    running.close()
    assert threading.active_count() == threads
    assert all(path.exists() for path in first.outputs)
    assert not list(out.rglob(".*"))
    assert 2 <= len(_tree(out)) < 60


@pytest.mark.parametrize("pixels", [1, 2 * 150 * 100])
def test_results_finished_together_are_those_finished_one_by_one(
    tiny, folder, tmp_path, monkeypatch, pixels
):
    _run(tiny, folder, tmp_path / "out", samples=3, latents=True)
    monkeypatch.setattr(line, "TOGETHER_PIXELS", pixels)
    _run(tiny, folder, tmp_path / "apart", samples=3, latents=True)
    assert _tree(tmp_path / "out") == _tree(tmp_path / "apart")


def test_a_part_of_a_shared_job_names_its_files_for_it_and_sweeps_nothing(
    tiny, folder, tmp_path, monkeypatch
):
    out = tmp_path / "out"
    (out / "sub").mkdir(parents=True)
    left = StagedFile(out / "x", "b2").temporary  # of this process, as after a restart
    written = []

    def look(staged):
        written.append(staged.temporary.name)
        commit(staged)

    commit = StagedFile.commit
    monkeypatch.setattr(StagedFile, "commit", look)
    config = BatchConfig(samples=1, latents=True)
    jobs = discover([folder], out).jobs
    list(run_jobs(SamplePainter(tiny, config), jobs, config, owner="a1"))
    assert len(written) == 4
    assert all("~a1-" in name for name in written)
    assert left.exists()
    list(run_jobs(SamplePainter(tiny, config), jobs, config))
    assert not left.exists()


def test_memory_that_is_short_for_good_fails_the_photo_and_never_writes_grey(
    tiny, folder, tmp_path, monkeypatch
):
    def short(*arguments, **settings):
        raise RuntimeError("CUDA out of memory")

    monkeypatch.setattr(type(tiny), "paint", short)
    found = _run(tiny, folder, tmp_path / "out")
    assert [r.status for r in found] == ["failed", "failed"]
    assert "memory" in found[0].reason
    assert not _tree(tmp_path / "out")


def test_memory_that_is_short_for_large_calls_only_costs_bits_not_photos(
    tiny, folder, tmp_path, monkeypatch
):
    paint = type(tiny).paint

    def short(self, photos, seed=0, rows=None, hints=()):
        if len(photos) > 1 or rows > 1:
            raise MemoryError
        return paint(self, photos, seed, rows, hints)

    monkeypatch.setattr(type(tiny), "paint", short)
    found = _run(tiny, folder, tmp_path / "out")
    assert [r.status for r in found] == ["ok", "ok"]
    assert found[0].notes == []


def test_a_smaller_work_size_is_the_last_resort_and_is_said(
    tiny, folder, tmp_path, monkeypatch, grey_cat
):
    paint = type(tiny).paint
    sizes = []

    def short(self, photos, seed=0, rows=None, hints=()):
        sizes.append(tuple(photos[0][1].shape[2:]))
        if max(sizes[-1]) > 16:
            raise MemoryError
        return paint(self, photos, seed, rows, hints)

    monkeypatch.setattr(type(tiny), "paint", short)
    Image.fromarray(grey_cat[:, :100]).save(folder / "a.jpg")
    (folder / "sub/b.png").unlink()
    (result,) = _run(tiny, folder, tmp_path / "out")
    assert sizes[-1] == (16, 16)
    assert result.status == "ok"
    assert "memory was short" in result.notes[0]


@pytest.mark.parametrize("memory", [1, 10**6, 10**9])
def test_however_little_memory_photos_may_take_all_get_done(tiny, folder, tmp_path, memory):
    _run(tiny, folder, tmp_path / "plenty", samples=5)
    _run(tiny, folder, tmp_path / "out", samples=5, memory=memory, jobs=4)
    assert _tree(tmp_path / "out") == _tree(tmp_path / "plenty")


def test_only_so_many_large_results_are_in_work_at_once(tiny, folder, tmp_path, monkeypatch):
    lock, now, most = threading.Lock(), 0, 0
    finish = line.Line.finish

    def counted(self, leaves):
        nonlocal now, most
        with lock:
            now += 1
            most = max(most, now)
        result = finish(self, leaves)
        with lock:
            now -= 1
        return result

    monkeypatch.setattr(line.Line, "finish", counted)
    # Of 12 bytes per pixel, two results of 15 000 pixels fit into half of this, three do not.
    _run(tiny, folder / "a.jpg", tmp_path / "out", samples=9, memory=2 * 400_000, jobs=6)
    assert most <= 2


def test_colour_photos_are_noticed(tiny, cat, grey_cat, tmp_path):
    cat.save(tmp_path / "colour.png")
    Image.fromarray(grey_cat).convert("RGB").save(tmp_path / "grey.png")
    found = {r.source.name: r.coloured for r in _run(tiny, tmp_path, tmp_path / "out")}
    assert found == {"colour.png": True, "grey.png": False}


def test_transparency_is_kept_or_its_loss_is_noted(tiny, grey_cat, tmp_path):
    alpha = np.linspace(0, 255, 150, dtype=np.uint8)[None].repeat(100, 0)
    picture = Image.merge("LA", [Image.fromarray(grey_cat), Image.fromarray(alpha)])
    picture.save(tmp_path / "a.png")
    (kept,) = _run(tiny, tmp_path / "a.png", tmp_path / "keep", samples=1)
    with Image.open(kept.outputs[0]) as image:
        assert np.array_equal(np.asarray(image.getchannel("A")), alpha)
    (lost,) = _run(tiny, tmp_path / "a.png", tmp_path / "jpg", samples=2, format="jpg")
    assert [n for n in lost.notes if "transparency" in n] == lost.notes
    assert len(lost.notes) == 1


def test_16_bits_stay_16_bits_where_the_format_can(tiny, tmp_path, grey_cat):
    ramp = (grey_cat.astype(np.uint16) << 8) + np.arange(150, dtype=np.uint16)
    Image.fromarray(ramp).save(tmp_path / "a.png")
    (deep,) = _run(tiny, tmp_path / "a.png", tmp_path / "png", samples=1)
    assert deep.outputs[0].read_bytes()[24] == 16  # bits per sample in the head of a PNG
    (plain,) = _run(tiny, tmp_path / "a.png", tmp_path / "jpg", samples=1, format="jpg")
    with Image.open(plain.outputs[0]) as image:
        assert image.mode == "RGB"


def test_latents_beside_a_result_give_it_back(tiny, folder, tmp_path):
    (result,) = _run(
        tiny, folder / "a.jpg", tmp_path / "out", samples=1, latents=True, format="png"
    )
    code = Latents.load(tmp_path / "out/a_v1.latents.safetensors")
    with Image.open(result.outputs[0]) as image:
        assert image.tobytes() == tiny.decode(folder / "a.jpg", code).tobytes()


@pytest.mark.parametrize("pick", ["best-typical", "medoid", "most-colourful"])
def test_picking_writes_one_of_the_variants(tiny, folder, tmp_path, pick):
    (result,) = _run(tiny, folder / "a.jpg", tmp_path / "one", samples=5, pick=pick, format="png")
    _run(tiny, folder / "a.jpg", tmp_path / "all", samples=5, format="png")
    assert result.outputs == [tmp_path / "one/a_color.png"]
    made_by = read_history(result.outputs[0])
    same = tmp_path / f"all/a_v{made_by['variant']}.png"
    with Image.open(result.outputs[0]) as one, Image.open(same) as other:
        assert one.tobytes() == other.tobytes()


def test_contact_sheets_are_made_of_what_is_there(tiny, folder, tmp_path):
    out = tmp_path / "out"
    jobs = discover([folder], out).jobs
    _run(tiny, folder, out)
    outputs = {job: sorted(out.glob(f"**/{job.target.name}_v*")) for job in jobs}
    outputs[Job(folder / "failed.jpg", out / "failed")] = [out / "failed_v1.jpg"]
    (page,) = write_sheets(ContactSheet(out / "sheet.png", height=60), outputs)
    with Image.open(page) as picture:
        assert 2 * 60 < picture.height < 3 * 60 + 60
        assert picture.width > 3 * 60


def test_colliding_results_stop_the_run_before_it_starts(tiny, folder, tmp_path, grey_cat):
    Image.fromarray(grey_cat).save(folder / "a.png")
    with pytest.raises(ConfigError, match=r"a\.jpg and .*a\.png"):
        _run(tiny, folder, tmp_path / "out", format="png")
    assert not (tmp_path / "out").exists()
    _run(tiny, folder, tmp_path / "out", format="png", name="{stem}_{from}_{k}{ext}")
    assert (tmp_path / "out/a_png_2.png").exists()


def _transfer(tiny, reference, jobs):
    config = BatchConfig(samples=1)
    painter = TransferPainter(tiny, reference, config)
    return list(run_jobs(painter, jobs, config, inputs=[reference]))


def test_transfer_writes_one_file_per_target(tiny, folder, cat, tmp_path):
    cat.save(tmp_path / "reference.png")
    jobs = discover([folder], tmp_path / "out").jobs
    assert [r.status for r in _transfer(tiny, tmp_path / "reference.png", jobs)] == ["ok", "ok"]
    made_by = read_history(tmp_path / "out/a_transfer.jpg")
    assert made_by is not None
    assert made_by["reference"] == "reference.png"
    again = [r.status for r in _transfer(tiny, tmp_path / "reference.png", jobs)]
    assert again == ["skipped", "skipped"]


def test_transfer_gives_what_the_library_gives(tiny, folder, cat, tmp_path):
    cat.save(tmp_path / "reference.png")
    jobs = discover([folder / "sub"], tmp_path / "out").jobs
    _transfer(tiny, tmp_path / "reference.png", jobs)
    expected = tiny.transfer(tmp_path / "reference.png", folder / "sub/b.png")
    with Image.open(tmp_path / "out/b_transfer.png") as image:
        assert image.tobytes() == expected.tobytes()


def test_transfer_never_overwrites_the_reference(tiny, folder, cat, tmp_path):
    reference = tmp_path / "out" / "a_transfer.jpg"  # a result of an earlier run, say
    reference.parent.mkdir()
    cat.save(reference)
    before = reference.read_bytes()
    jobs = discover([folder / "a.jpg"], tmp_path / "out").jobs
    with pytest.raises(ConfigError, match="overwrite an input"):
        _transfer(tiny, reference, jobs)
    assert reference.read_bytes() == before


def test_a_grey_reference_is_refused(tiny, folder, tmp_path):
    with pytest.raises(ImageError, match="colour photo as reference"):
        TransferPainter(tiny, folder / "a.jpg", BatchConfig())


def test_a_place_that_cannot_be_written_is_refused(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(ImageError, match="-o"):
        require_writable(tmp_path / "file" / "out")
    with pytest.raises(ConfigError, match="found a file"):
        require_writable(tmp_path / "file")
