"""Bundled files are found in a checkout and in an installed package."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from colorflow import resources
from colorflow.errors import CheckpointError
from colorflow.resources import bundled, bundled_path, sha256_of_file


@pytest.mark.parametrize(
    ("folder", "name"),
    [
        ("pretrained", "photo.safetensors"),
        ("pretrained", "efficientnet_lite2.safetensors"),
        ("pretrained", "photo.md"),
        ("examples", "cat.jpg"),
    ],
)
def test_bundled_files_are_found(folder: str, name: str):
    path = bundled(folder, name)
    assert path.is_file()
    assert (path.parent.name, path.name) == (folder, name)
    assert bundled_path(folder, name) == path


@pytest.mark.parametrize("folder", ["pretrained", "examples"])
def test_bundled_folders_are_found(folder: str):
    assert bundled(folder).is_dir()
    assert bundled(folder).name == folder


@pytest.mark.parametrize(
    ("folder", "name"), [("pretrained", "huge.safetensors"), ("nothing", ""), ("examples", "x/y")]
)
def test_unknown_files_are_refused_by_name_or_none_where_they_may_be_missing(
    folder: str, name: str
):
    assert bundled_path(folder, name) is None
    with pytest.raises(CheckpointError, match=f"{folder}/{name}: expected among the bundled"):
        bundled(folder, name)


def write(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("weights")
    return path


def test_the_package_is_searched_before_the_checkout(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    package = tmp_path / "colorflow"
    package.mkdir()
    monkeypatch.setattr(resources, "__file__", str(package / "resources.py"))
    beside = write(tmp_path / "pretrained" / "photo.safetensors")
    assert bundled("pretrained", "photo.safetensors") == beside
    inside = write(package / "pretrained" / "photo.safetensors")
    assert bundled("pretrained", "photo.safetensors") == inside


@pytest.mark.parametrize("size", [0, 10, (1 << 20) - 1, 1 << 20, (1 << 20) + 1])
def test_hash_is_that_of_the_whole_file(tmp_path: Path, size: int):
    content = bytes(range(256)) * (size // 256) + b"x" * (size % 256)
    (tmp_path / "file").write_bytes(content)
    assert sha256_of_file(tmp_path / "file") == hashlib.sha256(content).hexdigest()
