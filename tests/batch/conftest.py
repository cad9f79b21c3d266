"""Folders of photos, on this machine and at URLs."""

from __future__ import annotations

import os
import warnings
from pathlib import Path

import fsspec
import numpy as np
import pytest
from fsspec.implementations.local import LocalFileSystem
from PIL import Image

from colorflow.batch.places import place


class Disk(LocalFileSystem):
    """Like the disk of a file server that does not rename onto a file."""

    protocol = ("disk", "share")

    @classmethod
    def _strip_protocol(cls, path):
        return super()._strip_protocol(str(path).removeprefix("disk://").removeprefix("share://"))

    def unstrip_protocol(self, name):
        return f"disk://{self._strip_protocol(name)}"

    def mv(self, path1, path2, **kwargs):
        if os.path.exists(path2):
            raise FileExistsError(path2)
        super().mv(path1, path2, **kwargs)


@pytest.fixture(params=["memory", "disk"])
def root(request, tmp_path):
    """A folder at a URL."""
    if request.param == "memory":
        memory = fsspec.filesystem("memory")
        memory.store.clear()
        memory.pseudo_dirs[:] = [""]
        yield place("memory://box")
        memory.store.clear()
        return
    for name in Disk.protocol:
        fsspec.register_implementation(name, Disk, clobber=True)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that universal_pathlib has never met this kind
        yield place(f"disk://{tmp_path}/box")


@pytest.fixture
def folder(tmp_path: Path, grey_cat: np.ndarray) -> Path:
    source = tmp_path / "in"
    (source / "sub").mkdir(parents=True)
    Image.fromarray(grey_cat).save(source / "a.jpg")
    Image.fromarray(grey_cat[:80]).save(source / "sub" / "b.png")
    return source
