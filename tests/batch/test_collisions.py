"""Results of different photos have different names, and none overwrites an input."""

import os
import unicodedata
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from batch.trees import TREE
from colorflow.batch.collisions import Names, check_inputs
from colorflow.batch.discover import Job
from colorflow.batch.names import MAX_NAME, Namer
from colorflow.errors import ConfigError

OUT = Path("out")


def names(sources, kind="png", count=1, others=(), latents=False):
    """Name the results of files of the folder ``in``; their names below the output folder."""
    jobs = [Job(Path("in") / name, OUT / Path(name).with_suffix("")) for name in sources]
    found = Names(Namer("{stem}_v{k}{ext}", kind, count, latents), jobs, others)
    return {
        job.source.relative_to("in").as_posix(): paths[0].relative_to(OUT).as_posix()
        for job, paths in found.outputs.items()
    }


def test_only_the_colliding_ones_get_their_format():
    assert names(["hopper.bmp", "hopper.gif", "cat.bmp"]) == {
        "hopper.bmp": "hopper_bmp_v1.png",
        "hopper.gif": "hopper_gif_v1.png",
        "cat.bmp": "cat_v1.png",
    }


def test_formats_that_are_kept_do_not_collide():
    assert names(["a.jpg", "a.png"], "keep") == {"a.jpg": "a_v1.jpg", "a.png": "a_v1.png"}
    assert names(["a.heic", "a.jpg"], "keep") == {
        "a.heic": "a_heic_v1.jpg",
        "a.jpg": "a_jpg_v1.jpg",
    }


def test_latents_of_two_formats_do_not_collide():
    assert set(names(["a.jpg", "a.png"], "keep", latents=True).values()) == {
        "a_jpg_v1.jpg",
        "a_png_v1.png",
    }


@pytest.mark.parametrize(
    ("sources", "expected"),
    [
        (("roll1/s.jpg", "roll2/s.jpg"), ["s_roll1_v1.jpg", "s_roll2_v1.jpg"]),
        (("x/a/s.jpg", "y/a/s.jpg"), ["s_x_v1.jpg", "s_y_v1.jpg"]),
        (
            ("roll1/s.jpg", "roll1/s.heic", "roll2/s.jpg"),
            ["s_jpg_roll1_v1.jpg", "s_heic_roll1_v1.jpg", "s_jpg_roll2_v1.jpg"],
        ),
    ],
)
def test_photos_of_several_folders_get_the_folder_in_which_they_differ(sources, expected):
    jobs = [Job(Path(name), OUT / "s") for name in sources]
    found = Names(Namer("{stem}_v{k}{ext}", "keep", 1), jobs)
    assert [paths[0].name for paths in found.outputs.values()] == expected
    assert found.marked == jobs


def test_a_mark_that_is_taken_gives_way_to_a_hash():
    found = names(["a.bmp", "a.gif", "a_bmp.png"])
    assert len(set(found.values())) == 3


def test_names_that_some_disks_do_not_tell_apart_collide():
    composed = "caf\u00e9.jpg"
    found = names(["A/x.jpg", "a/x.jpg", composed, unicodedata.normalize("NFD", composed)])
    assert len({folded(name) for name in found.values()}) == 4


def test_a_result_is_not_written_where_a_folder_has_to_be():
    found = names(["cat.jpg", "cat_v1.jpg/dog.jpg"], "keep")
    assert found == {"cat.jpg": "cat_jpg_v1.jpg", "cat_v1.jpg/dog.jpg": "cat_v1.jpg/dog_v1.jpg"}


def test_a_result_is_not_written_where_a_contact_sheet_has_to_be():
    found = names(["sheet.jpg"], "keep", others=[OUT / "sheet_v1.jpg"])
    assert found == {"sheet.jpg": "sheet_jpg_v1.jpg"}


def test_names_do_not_depend_on_the_order():
    sources = ["a.bmp", "a.gif", "b/a.gif", "b/a.png", "c.tif"]
    assert names(sources) == names(sources[::-1])


def test_an_input_is_never_a_result(tmp_path):
    a = tmp_path / "a.jpg"
    with pytest.raises(ConfigError, match="overwrite an input, and so would 1 other"):
        check_inputs([tmp_path / "x/../a.jpg", tmp_path / "b.jpg", a], [a])
    with pytest.raises(ConfigError, match="overwrite an input; choose"):
        check_inputs([], [a], [a])
    check_inputs([tmp_path / "b.jpg"], [a])


def test_links_do_not_hide_an_input(tmp_path):
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "real")
    with pytest.raises(ConfigError, match="overwrite an input"):
        check_inputs([tmp_path / "link/a.jpg"], [tmp_path / "real/a.jpg"])


def folded(path: Path) -> str:
    return unicodedata.normalize("NFC", str(path)).casefold()


@settings(max_examples=150, deadline=None, derandomize=True)
@given(TREE, st.sampled_from(["keep", "png"]), st.booleans())
def test_any_tree_of_names_gives_one_result_per_photo_and_variant(tree, kind, latents):
    jobs = [Job(Path("in") / path, OUT / path.with_suffix("")) for path in sorted(tree)]
    namer = Namer("{stem}_v{k}{ext}", kind, 2, latents)
    outputs = Names(namer, jobs).outputs
    results = [path for paths in outputs.values() for path in paths]
    keys = {folded(path) for path in results}
    assert len(keys) == len(results) == 2 * len(jobs)
    assert not keys & {folded(folder) for path in results for folder in path.parents}
    assert all(len(os.fsencode(path.name)) <= MAX_NAME for path in results)
    assert outputs == Names(namer, jobs[::-1]).outputs


def test_a_folder_of_results_is_not_in_the_way_of_the_report():
    with pytest.raises(ConfigError, match=r"report\.jsonl: a folder of results"):
        names(["report.jsonl/a.jpg"], "keep", others=[OUT / "report.jsonl"])


def test_report_and_contact_sheet_have_places_of_their_own():
    with pytest.raises(ConfigError, match="got one twice"):
        names(["a.jpg"], "keep", others=[OUT / "x", OUT / "x"])
