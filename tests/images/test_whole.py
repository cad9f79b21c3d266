"""Files that were cut short."""

import pytest
from pictures import smooth_image

from colorflow.images.whole import is_whole
from colorflow.images.write import write_image


@pytest.mark.parametrize("suffix", [".jpg", ".jfif", ".png", ".webp", ".tif"])
def test_a_result_is_whole(tmp_path, suffix):
    path = tmp_path / f"a{suffix}"
    write_image(smooth_image(), path, made_by={"photo": "x"})
    assert is_whole(path)


@pytest.mark.parametrize("suffix", [".jpg", ".png", ".webp"])
@pytest.mark.parametrize("missing", [1, 100])
def test_a_result_without_its_end_is_not(tmp_path, suffix, missing):
    path = tmp_path / f"a{suffix}"
    write_image(smooth_image(), path, made_by={"photo": "x"})
    path.write_bytes(path.read_bytes()[:-missing])
    assert not is_whole(path)
