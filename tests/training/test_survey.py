"""Looking through a folder: what is left out and why, and what is remembered of it."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import colorflow.training.survey as module
from colorflow.errors import NothingFoundError
from colorflow.training.survey import GREY, SMALL, UNREADABLE, list_photos, survey


@pytest.fixture
def folder(tmp_path: Path, cat: Image.Image, grey_cat: np.ndarray) -> Path:
    folder = tmp_path / "mixed"
    (folder / "deep").mkdir(parents=True)
    (folder / ".hidden").mkdir()
    cat.save(folder / "a.png")
    cat.transpose(Image.Transpose.FLIP_LEFT_RIGHT).save(folder / "deep" / "b.JPG")
    Image.fromarray(grey_cat).save(folder / "grey.png")
    Image.fromarray(grey_cat).convert("RGB").save(folder / "grey_rgb.png")
    cat.resize((40, 12)).save(folder / "small.png")
    (folder / "broken.jpg").write_bytes(b"\xff\xd8")
    (folder / "notes.txt").write_text("no photo")
    cat.save(folder / ".hidden" / "c.png")
    return folder


def never(path: Path, smallest: int) -> None:
    raise AssertionError(f"{path} was read again")


def test_photos_are_listed_at_any_depth_in_a_fixed_order(folder: Path):
    names = [str(path.relative_to(folder)) for path in list_photos(folder)]
    expected = ["a.png", "broken.jpg", "deep/b.JPG", "grey.png", "grey_rgb.png", "small.png"]
    assert [Path(name) for name in names] == [Path(name) for name in expected]


def test_unfit_photos_are_left_out_with_their_number_and_reason(folder: Path):
    found = survey(folder, 16)
    assert [Path(file.path).name for file in found.good] == ["a.png", "b.JPG"]
    reasons = {Path(file.path).name: file.reason for file in found.files}
    assert reasons["broken.jpg"] == UNREADABLE
    assert reasons["small.png"] == SMALL
    assert reasons["grey.png"] == reasons["grey_rgb.png"] == GREY
    details = [file.detail for file in found.files if file.reason]
    assert all(file.path in file.detail for file in found.files if file.reason), details
    summary = found.summary()
    assert summary.startswith(f"{folder}: 2 photos; left out: 2 {GREY}")
    assert f"1 {SMALL}" in summary
    assert f"1 {UNREADABLE}" in summary
    assert "left out" not in survey(folder / "deep", 16).summary()


def test_the_shorter_side_decides_what_is_too_small(folder: Path):
    assert len(survey(folder, 12).good) == 3
    assert len(survey(folder, 100).good) == 2
    with pytest.raises(NothingFoundError, match="at least 101 pixels"):
        survey(folder, 101)


def test_several_readers_find_the_same_as_one(folder: Path):
    assert survey(folder, 16, workers=4) == survey(folder, 16)


@pytest.mark.parametrize("kind", ["missing", "empty", "grey"])
def test_a_folder_without_a_photo_to_train_on_is_refused_in_one_line(
    kind: str, tmp_path: Path, grey_cat: np.ndarray
):
    folder = tmp_path / kind
    if kind != "missing":
        folder.mkdir()
    if kind == "grey":
        Image.fromarray(grey_cat).save(folder / "1.png")
        Image.fromarray(grey_cat).save(folder / "2.jpg")
    with pytest.raises(NothingFoundError) as caught:
        survey(folder, 16)
    line = str(caught.value)
    assert "\n" not in line
    assert str(folder) in line
    assert ("2 grey" in line) == (kind == "grey")


def test_a_second_look_reads_nothing(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    memory = tmp_path / "memory.json"
    first = survey(folder, 16, memory)
    monkeypatch.setattr(module, "look", never)
    assert survey(folder, 16, memory) == first


def test_only_what_changed_is_read_again(
    folder: Path, tmp_path: Path, cat: Image.Image, monkeypatch: pytest.MonkeyPatch
):
    memory = tmp_path / "memory.json"
    survey(folder, 16, memory)
    cat.crop((0, 0, 50, 50)).save(folder / "grey.png")
    os.utime(folder / "a.png", ns=(0, 0))
    cat.save(folder / "new.png")
    read: list[str] = []
    look = module.look

    def counted(path: Path, smallest: int) -> module.Surveyed:
        read.append(path.name)
        return look(path, smallest)

    monkeypatch.setattr(module, "look", counted)
    assert len(survey(folder, 16, memory).good) == 4
    assert read == ["a.png", "grey.png", "new.png"]


def test_another_limit_of_size_is_judged_anew(folder: Path, tmp_path: Path):
    memory = tmp_path / "memory.json"
    assert len(survey(folder, 16, memory).good) == 2
    assert len(survey(folder, 12, memory).good) == 3


@pytest.mark.parametrize("text", ["", "[]", '{"a": 1}', '{"a": {"colour": "red"}}'])
def test_a_memory_that_cannot_be_understood_costs_one_more_look(
    text: str, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    memory = tmp_path / "memory.json"
    memory.write_text(text)
    first = survey(folder, 16, memory)
    assert len(first.good) == 2
    monkeypatch.setattr(module, "look", never)
    assert survey(folder, 16, memory) == first


def test_what_is_remembered_can_be_found_from_another_directory(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    memory = tmp_path / "memory.json"
    monkeypatch.chdir(tmp_path)
    survey(Path(folder.name), 16, memory)
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    assert all(Path(file.path).is_file() for file in survey(folder, 16, memory).good)


def test_equal_photos_are_found_under_different_names(
    folder: Path, tmp_path: Path, cat: Image.Image
):
    other = tmp_path / "other"
    other.mkdir()
    (other / "copy.png").write_bytes((folder / "a.png").read_bytes())
    cat.rotate(90).save(other / "a.png")
    (other / "grey.png").write_bytes((folder / "grey.png").read_bytes())
    shared = survey(folder, 16).shared_with(survey(other, 16))
    assert shared == [(str(folder / "a.png"), str(other / "copy.png"))]
    assert survey(folder / "deep", 16).shared_with(survey(other, 16)) == []
