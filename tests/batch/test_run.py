from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from colorflow.batch import run
from colorflow.batch.discover import Job, discover
from colorflow.batch.run import ColorizeConfig, colorize_jobs, require_writable, transfer_jobs
from colorflow.errors import ConfigError, ImageError
from colorflow.images.contact_sheet import ContactSheet
from colorflow.images.write import read_history


@pytest.fixture
def folder(tmp_path: Path, grey_cat: np.ndarray) -> Path:
    source = tmp_path / "in"
    (source / "sub").mkdir(parents=True)
    Image.fromarray(grey_cat).save(source / "a.jpg")
    Image.fromarray(grey_cat[:80]).save(source / "sub" / "b.png")
    return source


def _run(colorizer, folder: Path, out: Path, **settings):
    jobs = discover([folder], out).jobs
    return list(colorize_jobs(colorizer, jobs, ColorizeConfig(**{"samples": 2, **settings})))


def test_every_photo_gets_its_variants_in_the_same_tree_and_format(tiny, folder, tmp_path):
    out = tmp_path / "out"
    results = _run(tiny, folder, out)
    written = sorted(str(p.relative_to(out)) for p in out.rglob("*") if p.is_file())
    assert written == ["a_v1.jpg", "a_v2.jpg", "sub/b_v1.png", "sub/b_v2.png"]
    assert [r.error for r in results] == [None, None]
    with Image.open(out / "sub/b_v1.png") as image:
        assert (image.mode, image.size) == ("RGB", (150, 80))


def test_bytes_do_not_depend_on_order_or_company(tiny, folder, tmp_path):
    _run(tiny, folder, tmp_path / "all")
    jobs = discover([folder], tmp_path / "back").jobs
    list(colorize_jobs(tiny, jobs[::-1], ColorizeConfig(samples=2)))
    alone = discover([folder / "sub" / "b.png"], tmp_path / "alone").jobs
    list(colorize_jobs(tiny, alone, ColorizeConfig(samples=1)))
    expected = (tmp_path / "all/sub/b_v1.png").read_bytes()
    assert (tmp_path / "back/sub/b_v1.png").read_bytes() == expected
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
    with Image.open(tmp_path / "out/sub/b_v2.png") as image:
        assert image.tobytes() == variant.image.tobytes()


def test_broken_files_fail_alone_and_leave_nothing(tiny, folder, tmp_path):
    (folder / "empty.jpg").touch()
    (folder / "text.png").write_text("no picture")
    (folder / "cut.jpg").write_bytes((folder / "a.jpg").read_bytes()[:900])
    results = {r.source.name: r for r in _run(tiny, folder, tmp_path / "out")}
    assert {n for n, r in results.items() if r.error} == {"empty.jpg", "text.png", "cut.jpg"}
    for name in ("empty.jpg", "text.png", "cut.jpg"):
        assert name in results[name].error
        assert "\n" not in results[name].error
        assert results[name].outputs == []
    assert len([p for p in (tmp_path / "out").rglob("*") if p.is_file()]) == 4


def test_a_failure_after_the_first_variant_takes_the_first_back(
    tiny, folder, tmp_path, monkeypatch
):
    written = []

    def second_fails(image, path, *rest):
        if written:
            raise ImageError(f"{path}: disk full")
        written.append(path)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()

    monkeypatch.setattr(run, "write_image", second_fails)
    job = Job(folder / "a.jpg", tmp_path / "out/a")
    (result,) = colorize_jobs(tiny, [job], ColorizeConfig(samples=2))
    assert "disk full" in result.error
    assert written
    assert not written[0].exists()


def test_colour_photos_are_noticed(tiny, cat, grey_cat, tmp_path):
    cat.save(tmp_path / "colour.png")
    Image.fromarray(grey_cat).convert("RGB").save(tmp_path / "grey.png")
    results = {r.source.name: r.coloured for r in _run(tiny, tmp_path, tmp_path / "out")}
    assert results == {"colour.png": True, "grey.png": False}


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


def test_contact_sheet_has_a_row_per_photo(tiny, folder, tmp_path):
    sheet = ContactSheet(tmp_path / "out" / "sheet.jpg", height=60)
    jobs = discover([folder], tmp_path / "out").jobs
    list(colorize_jobs(tiny, jobs, ColorizeConfig(samples=2), sheet))
    sheet.flush()
    with Image.open(sheet.pages[0]) as page:
        assert page.height > 2 * 60
        assert page.width > 3 * 60


def test_colliding_results_stop_the_run_before_it_starts(tiny, folder, tmp_path, grey_cat):
    Image.fromarray(grey_cat).save(folder / "a.png")
    with pytest.raises(ConfigError, match=r"a\.jpg and .*a\.png"):
        _run(tiny, folder, tmp_path / "out", format="png")
    assert not (tmp_path / "out").exists()


def test_a_contact_sheet_never_overwrites_an_input(tiny, tmp_path, grey_cat):
    path = tmp_path / "contact_sheet.png"
    Image.fromarray(grey_cat).save(path)
    before = path.read_bytes()
    jobs = discover([path], tmp_path).jobs
    with pytest.raises(ConfigError, match="overwrite an input"):
        list(colorize_jobs(tiny, jobs, ColorizeConfig(samples=1), ContactSheet(path)))
    assert path.read_bytes() == before


def test_transfer_writes_one_file_per_target(tiny, folder, cat, tmp_path):
    cat.save(tmp_path / "reference.png")
    jobs = discover([folder], tmp_path / "out").jobs
    results = list(transfer_jobs(tiny, tmp_path / "reference.png", jobs))
    assert [r.error for r in results] == [None, None]
    made_by = read_history(tmp_path / "out/a_transfer.jpg")
    assert made_by is not None
    assert made_by["reference"] == "reference.png"


def test_transfer_never_overwrites_the_reference(tiny, folder, cat, tmp_path):
    reference = tmp_path / "out" / "a_transfer.jpg"  # a result of an earlier run, say
    reference.parent.mkdir()
    cat.save(reference)
    before = reference.read_bytes()
    jobs = discover([folder / "a.jpg"], tmp_path / "out").jobs
    with pytest.raises(ConfigError, match="overwrite an input"):
        list(transfer_jobs(tiny, reference, jobs))
    assert reference.read_bytes() == before


def test_a_grey_reference_is_refused(tiny, folder, tmp_path):
    jobs = discover([folder], tmp_path / "out").jobs
    with pytest.raises(ImageError, match="colour photo as reference"):
        list(transfer_jobs(tiny, folder / "a.jpg", jobs))


def test_a_place_that_cannot_be_written_is_refused(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(ImageError, match="-o"):
        require_writable(tmp_path / "file" / "out")
