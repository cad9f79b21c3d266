"""Names of results."""

import os
from pathlib import Path

import pytest

from colorflow.batch.discover import Job
from colorflow.batch.names import MAX_NAME, Namer
from colorflow.errors import ConfigError

JOB = Job(Path("in/album/a.JPG"), Path("out/album/a"))


@pytest.mark.parametrize(
    ("template", "wanted", "names"),
    [
        ("{stem}_v{k}{ext}", "keep", ["album/a_v1.JPG", "album/a_v2.JPG"]),
        ("{stem}_v{k}{ext}", "png", ["album/a_v1.png", "album/a_v2.png"]),
        (
            "{k}/{parent}-{stem}-{from}{ext}",
            "tif",
            ["album/1/album-a-JPG.tif", "album/2/album-a-JPG.tif"],
        ),
    ],
)
def test_templates(template, wanted, names):
    assert Namer(template, wanted, 2).paths(JOB) == [Path("out") / name for name in names]


@pytest.mark.parametrize(
    ("template", "why"),
    [
        ("{stem}{ext}", "{k}"),
        ("{stem}_{k}.jpg", "{ext}"),
        ("{k}/{ext}", "in front of"),
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


@pytest.mark.parametrize("latents", [False, True])
@pytest.mark.parametrize("stem", ["x" * 251, "ä" * 125, "漢" * 83, "a" + "漢" * 83])
def test_a_name_that_is_too_long_is_cut_and_stays_its_own(stem, latents):
    namer = Namer("{stem}_v{k}{ext}", "keep", 12, latents)
    other = stem[:-1] + "b"
    found = [namer.files(Job(Path(f"{s}.jpg"), Path("out") / s)) for s in (stem, other)]
    names = [path.name for path in found[0] + found[1]]
    assert len(set(names)) == len(names) == 24 * (1 + latents)
    longest = max(len(os.fsencode(name)) for name in names)
    assert 235 < longest <= MAX_NAME
    assert all(name.startswith(stem[:50]) and "\ufffd" not in name for name in names[:1])


def test_a_cut_name_does_not_depend_on_the_number_of_variants():
    job = Job(Path("x.jpg"), Path("out") / ("x" * 250))
    few, many = (Namer("{stem}_v{k}{ext}", "png", count).paths(job) for count in (1, 200))
    assert few[0] == many[0]


def test_a_name_that_is_no_text_is_cut_too():
    stem = os.fsdecode(b"\xe9" * 240)
    (path,) = Namer("{stem}_color{ext}", "png", 1).paths(Job(Path("x.jpg"), Path("out") / stem))
    assert len(os.fsencode(path.name)) <= MAX_NAME
