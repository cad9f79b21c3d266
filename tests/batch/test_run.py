"""Whole jobs: results, names, what is written beside them, transfers."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from batch.jobs import run, tree
from colorflow.batch import leaves
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


def test_every_photo_gets_its_variants_in_the_same_tree_and_format(tiny, folder, tmp_path):
    out = tmp_path / "out"
    results = run(tiny, folder, out)
    assert sorted(tree(out)) == ["a_v1.jpg", "a_v2.jpg", "sub/b_v1.png", "sub/b_v2.png"]
    assert [r.status for r in results] == ["ok", "ok"]
    with Image.open(out / "sub/b_v1.png") as image:
        assert (image.mode, image.size) == ("RGB", (150, 80))


def test_bytes_do_not_depend_on_order_company_jobs_or_batches(tiny, folder, tmp_path):
    run(tiny, folder, tmp_path / "all")
    jobs = discover([folder], tmp_path / "back").jobs
    run(tiny, folder, tmp_path / "back", jobs[::-1], jobs=1, batch_size=3)
    run(tiny, folder / "sub" / "b.png", tmp_path / "alone", samples=2, jobs=3)
    assert tree(tmp_path / "back") == tree(tmp_path / "all")
    expected = (tmp_path / "all/sub/b_v1.png").read_bytes()
    assert (tmp_path / "alone/b_v1.png").read_bytes() == expected


def test_fewer_variants_have_the_pixels_of_the_first_of_more_and_other_shares(
    tiny, folder, tmp_path
):
    run(tiny, folder, tmp_path / "four", samples=4)
    run(tiny, folder, tmp_path / "eight", samples=8)
    for stem, suffix in (("a", ".jpg"), ("sub/b", ".png")):
        for k in range(1, 5):
            few, many = (tmp_path / name / f"{stem}_v{k}{suffix}" for name in ("four", "eight"))
            with Image.open(few) as one, Image.open(many) as other:
                assert one.tobytes() == other.tobytes()
            facts = [read_history(path) for path in (few, many)]
            shares = [fact.pop("share") for fact in facts]
            assert facts[0] == facts[1]
            assert shares[0] >= shares[1]


def test_a_variant_tells_how_it_was_made_and_can_be_made_again(tiny, folder, tmp_path):
    run(tiny, folder, tmp_path / "out", seed=9, saturation=0.8, temperature=0.5)
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


def test_variants_hold_the_sidecar_of_their_photo_and_have_ids_of_their_own(
    tiny, tmp_path, grey_cat
):
    rdf, mm = "http://www.w3.org/1999/02/22-rdf-syntax-ns#", "http://ns.adobe.com/xap/1.0/mm/"
    sidecar = (
        f'<rdf:RDF xmlns:rdf="{rdf}"><rdf:Description rdf:about="" xmlns:mm="{mm}" '
        'xmlns:xmp="http://ns.adobe.com/xap/1.0/" mm:DocumentID="old" xmp:Label="Red"/></rdf:RDF>'
    )
    (tmp_path / "in").mkdir()
    Image.fromarray(grey_cat).save(tmp_path / "in" / "a.jpg")
    (tmp_path / "in" / "a.jpg.xmp").write_text(sidecar)
    (result,) = run(tiny, tmp_path / "in", tmp_path / "out")
    assert sorted(tree(tmp_path / "out")) == ["a_v1.jpg", "a_v2.jpg"]
    ids = set()
    for path in result.outputs:
        with Image.open(path) as image:
            parts = image.getxmp()["xmpmeta"]["RDF"]["Description"]
        merged = {name: value for part in parts for name, value in part.items()}
        assert merged["Label"] == "Red"
        assert merged["DerivedFrom"]["documentID"] == "old"
        ids.add(merged["DocumentID"])
    assert len(ids - {"old"}) == 2


def test_metadata_is_kept_or_left_out_as_asked_for(tiny, tmp_path, grey_cat):
    exif = Image.Exif()
    exif[0x010E] = "grandmother's cat"
    exif.get_ifd(0x8825)[1] = "N"
    Image.fromarray(grey_cat).save(tmp_path / "a.jpg", exif=exif, dpi=(300, 300))
    kept = {}
    for policy in ("keep", "no-gps", "strip"):
        out = tmp_path / policy
        run(tiny, tmp_path / "a.jpg", out, samples=1, metadata=policy)
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


@pytest.mark.parametrize("pixels", [1, 2 * 150 * 100])
def test_results_finished_together_are_those_finished_one_by_one(
    tiny, folder, tmp_path, monkeypatch, pixels
):
    run(tiny, folder, tmp_path / "out", samples=3, latents=True)
    monkeypatch.setattr(leaves, "TOGETHER_PIXELS", pixels)
    run(tiny, folder, tmp_path / "apart", samples=3, latents=True)
    assert tree(tmp_path / "out") == tree(tmp_path / "apart")


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


def test_colour_photos_are_noticed(tiny, cat, grey_cat, tmp_path):
    cat.save(tmp_path / "colour.png")
    Image.fromarray(grey_cat).convert("RGB").save(tmp_path / "grey.png")
    found = {r.source.name: r.coloured for r in run(tiny, tmp_path, tmp_path / "out")}
    assert found == {"colour.png": True, "grey.png": False}


def test_transparency_is_kept_or_its_loss_is_noted(tiny, grey_cat, tmp_path):
    alpha = np.linspace(0, 255, 150, dtype=np.uint8)[None].repeat(100, 0)
    picture = Image.merge("LA", [Image.fromarray(grey_cat), Image.fromarray(alpha)])
    picture.save(tmp_path / "a.png")
    (kept,) = run(tiny, tmp_path / "a.png", tmp_path / "keep", samples=1)
    with Image.open(kept.outputs[0]) as image:
        assert np.array_equal(np.asarray(image.getchannel("A")), alpha)
    (lost,) = run(tiny, tmp_path / "a.png", tmp_path / "jpg", samples=2, format="jpg")
    assert [n for n in lost.notes if "transparency" in n] == lost.notes
    assert len(lost.notes) == 1


def test_16_bits_stay_16_bits_where_the_format_can(tiny, tmp_path, grey_cat):
    ramp = (grey_cat.astype(np.uint16) << 8) + np.arange(150, dtype=np.uint16)
    Image.fromarray(ramp).save(tmp_path / "a.png")
    (deep,) = run(tiny, tmp_path / "a.png", tmp_path / "png", samples=1)
    assert deep.outputs[0].read_bytes()[24] == 16  # bits per sample in the head of a PNG
    (plain,) = run(tiny, tmp_path / "a.png", tmp_path / "jpg", samples=1, format="jpg")
    with Image.open(plain.outputs[0]) as image:
        assert image.mode == "RGB"


def test_latents_beside_a_result_give_it_back(tiny, folder, tmp_path):
    (result,) = run(tiny, folder / "a.jpg", tmp_path / "out", samples=1, latents=True, format="png")
    code = Latents.load(tmp_path / "out/a_v1.latents.safetensors")
    with Image.open(result.outputs[0]) as image:
        again = tiny.decode(folder / "a.jpg", code, vivid=tiny.domain.gain)
        assert image.tobytes() == again.tobytes()


@pytest.mark.parametrize("pick", ["best-typical", "medoid", "most-colourful"])
def test_picking_writes_one_of_the_variants(tiny, folder, tmp_path, pick):
    (result,) = run(tiny, folder / "a.jpg", tmp_path / "one", samples=5, pick=pick, format="png")
    run(tiny, folder / "a.jpg", tmp_path / "all", samples=5, format="png")
    assert result.outputs == [tmp_path / "one/a_color.png"]
    made_by = read_history(result.outputs[0])
    same = tmp_path / f"all/a_v{made_by['variant']}.png"
    with Image.open(result.outputs[0]) as one, Image.open(same) as other:
        assert one.tobytes() == other.tobytes()


def test_contact_sheets_are_made_of_what_is_there(tiny, folder, tmp_path):
    out = tmp_path / "out"
    jobs = discover([folder], out).jobs
    run(tiny, folder, out)
    outputs = {job: sorted(out.glob(f"**/{job.target.name}_v*")) for job in jobs}
    outputs[Job(folder / "failed.jpg", out / "failed")] = [out / "failed_v1.jpg"]
    (page,) = write_sheets(ContactSheet(out / "sheet.png", height=60), outputs)
    with Image.open(page) as picture:
        assert 2 * 60 < picture.height < 3 * 60 + 60
        assert picture.width > 3 * 60


def test_photos_of_one_name_get_results_of_their_own(tiny, folder, tmp_path, grey_cat):
    Image.fromarray(grey_cat[:64]).save(folder / "a.png")
    found = run(tiny, folder, tmp_path / "out", format="png")
    assert {r.status for r in found} == {"ok"}
    assert sorted(tree(tmp_path / "out")) == [
        "a_jpg_v1.png", "a_jpg_v2.png", "a_png_v1.png", "a_png_v2.png",
        "sub/b_v1.png", "sub/b_v2.png",
    ]  # fmt: skip
    again = run(tiny, folder, tmp_path / "out", format="png")
    assert {r.status for r in again} == {"skipped"}


def test_a_template_that_gives_photos_one_name_stops_the_run(tiny, folder, tmp_path, grey_cat):
    Image.fromarray(grey_cat).save(folder / "a.png")
    with pytest.raises(ConfigError, match=r"a\.jpg and .*a\.png.* 2 photos .*\{stem\}"):
        run(tiny, folder, tmp_path / "out", format="png", name="{k}{ext}")
    assert not (tmp_path / "out").exists()


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
