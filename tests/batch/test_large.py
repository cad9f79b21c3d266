"""Large photos, whose results are written while they are made, come out as small ones do."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from batch.jobs import run, tree
from colorflow.batch import leaves, line
from colorflow.images import write


@pytest.fixture
def photos(tmp_path):
    """Grey and colour photos of 8 and 16 bits, of every format that is kept."""
    folder = tmp_path / "in"
    folder.mkdir()
    y, x = np.mgrid[:70, :90]
    grey = (x + y + 40 * np.sin(x / 7)).clip(0, 255).astype(np.uint8)
    Image.fromarray(grey).save(folder / "grey.jpg")
    Image.fromarray(np.stack([grey, grey // 2, 255 - grey], 2)).save(folder / "colour.png")
    Image.fromarray(grey).save(folder / "grey.webp")
    Image.fromarray(grey.astype(np.uint16) * 250).save(folder / "deep.tif")
    Image.fromarray(grey.astype(np.uint16) * 250).save(folder / "deep.png")
    return folder


@pytest.mark.parametrize("jobs", [1, 2])
def test_results_do_not_depend_on_how_they_are_written(tiny, photos, tmp_path, monkeypatch, jobs):
    run(tiny, photos, tmp_path / "small", jobs=2)
    monkeypatch.setattr(leaves, "TOGETHER_PIXELS", 0)
    monkeypatch.setattr(line, "TRIM_BYTES", 0)
    found = run(tiny, photos, tmp_path / "large", jobs=jobs)
    assert [result.status for result in found] == ["ok"] * 5
    assert tree(tmp_path / "large") == tree(tmp_path / "small")
    assert len(tree(tmp_path / "large")) == 10
    with Image.open(tmp_path / "large" / "deep_v1.tif") as picture:
        assert picture.tag_v2[258] == (16, 16, 16)


def test_a_result_that_fails_while_it_is_written_leaves_nothing(
    tiny, photos, tmp_path, monkeypatch
):
    def fail_half_way(file, *_):
        file.write(b"half")
        raise OSError("disk trouble")

    monkeypatch.setattr(leaves, "TOGETHER_PIXELS", 0)
    monkeypatch.setattr(write, "write_tiff", fail_half_way)
    found = {result.source.name: result for result in run(tiny, photos, tmp_path / "out")}
    assert found["deep.tif"].status == "failed"
    assert "disk trouble" in found["deep.tif"].reason
    assert [name for name in tree(tmp_path / "out") if not name.startswith(("grey", "colour"))] == [
        "deep_v1.png",
        "deep_v2.png",
    ]
