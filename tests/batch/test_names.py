"""Names of results, and that none is in the way of another."""

from pathlib import Path

import pytest

from colorflow.batch.discover import Job
from colorflow.batch.names import Namer, check_collisions
from colorflow.errors import ConfigError

JOB = Job(Path("in/album/a.JPG"), Path("out/album/a"))


@pytest.mark.parametrize(
    ("template", "wanted", "names"),
    [
        ("{stem}_v{k}{ext}", "keep", ["album/a_v1.JPG", "album/a_v2.JPG"]),
        ("{stem}_v{k}{ext}", "png", ["album/a_v1.png", "album/a_v2.png"]),
        ("{k}/{parent}-{stem}-{from}{ext}", "tif", ["album/1/album-a-JPG.tif"] * 0 or
         ["album/1/album-a-JPG.tif", "album/2/album-a-JPG.tif"]),
    ],
)  # fmt: skip
def test_templates(template, wanted, names):
    assert Namer(template, wanted, 2).paths(JOB) == [Path("out") / name for name in names]


@pytest.mark.parametrize(
    ("template", "why"),
    [
        ("{stem}{ext}", "{k}"),
        ("{stem}_{k}.jpg", "{ext}"),
        ("{name}_{k}{ext}", "name"),
        ("{stem}_{k{ext}", "template"),
        ("../{stem}_{k}{ext}", "below the output folder"),
        ("/tmp/{stem}_{k}{ext}", "below the output folder"),
    ],
)
def test_templates_that_cannot_work_are_refused(template, why):
    with pytest.raises(ConfigError, match=why.replace("{", r"\{").replace("}", r"\}")):
        Namer(template, "keep", 2)


def test_one_result_needs_no_number():
    assert Namer("{stem}_color{ext}", "keep", 1).paths(JOB) == [Path("out/album/a_color.JPG")]


def test_two_sources_of_one_result_are_both_named(tmp_path):
    a, b = tmp_path / "a.jpg", tmp_path / "a.png"
    with pytest.raises(ConfigError, match=r"a\.jpg and .*a\.png.*--name"):
        check_collisions([(a, [tmp_path / "o/a_v1.png"]), (b, [tmp_path / "o/a_v1.png"])])


def test_an_input_is_never_a_result(tmp_path):
    a, b = tmp_path / "a.jpg", tmp_path / "a_v1.jpg"
    with pytest.raises(ConfigError, match="overwrite an input"):
        check_collisions([(a, [tmp_path / "x/../a_v1.jpg"]), (b, [tmp_path / "a_v1_v1.jpg"])])


def test_neither_is_a_contact_sheet_or_a_further_input(tmp_path):
    pair = (tmp_path / "a.jpg", [tmp_path / "o/a_v1.jpg"])
    with pytest.raises(ConfigError, match="overwrite an input"):
        check_collisions([pair], others=[tmp_path / "a.jpg"])
    with pytest.raises(ConfigError, match="overwrite an input"):
        check_collisions([pair], inputs=[tmp_path / "o/a_v1.jpg"])
    check_collisions([pair])


def test_links_do_not_hide_an_input(tmp_path):
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "real")
    source = tmp_path / "real/a.jpg"
    with pytest.raises(ConfigError, match="overwrite an input"):
        check_collisions([(source, [tmp_path / "link/a.jpg"])])
