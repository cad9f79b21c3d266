"""Metadata of a grey JPEG file with every kind of block."""

from __future__ import annotations

import icc
import pytest
from blocks import described_jpeg

from colorflow.images.metadata import Metadata
from colorflow.images.read import read_metadata


@pytest.fixture
def metadata(tmp_path) -> Metadata:
    profile = icc.grey(icc.sampled(icc.dot_gain()))
    return read_metadata(described_jpeg(tmp_path, icc_profile=profile))
