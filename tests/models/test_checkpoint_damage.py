"""Checkpoints that are damaged or none: each is noticed and named."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from checkpoints import metadata_of, refusal, rewrite_tensors
from safetensors.torch import load_file, save_file


def missing_file(path: Path):
    path.unlink()


def folder(path: Path):
    path.unlink()
    path.mkdir()


def empty_file(path: Path):
    path.write_bytes(b"")


def text_file(path: Path):
    path.write_text("I am no model.\nNot at all.\n")


def truncated_in_the_tensors(path: Path):
    path.write_bytes(path.read_bytes()[:-1])


def truncated_in_the_header(path: Path):
    path.write_bytes(path.read_bytes()[:100])


def altered_byte(path: Path):
    data = bytearray(path.read_bytes())
    data[-1000] ^= 1
    path.write_bytes(data)


def rewrite(path: Path, **changes: str | None):
    """Write the file again with some metadata changed, or left out where None."""
    state, metadata = load_file(path), metadata_of(path) | changes
    save_file(state, path, metadata={k: v for k, v in metadata.items() if v is not None})


def altered_hash(path: Path):
    rewrite(path, content_sha256="0" * 64)


def without_hash(path: Path):
    rewrite(path, content_sha256=None)


def wrong_format(path: Path):
    rewrite(path, format="colorflow-latents")


def without_metadata(path: Path):
    save_file(load_file(path), path)


def newer_version(path: Path):
    rewrite(path, version="2")


def without_config(path: Path):
    rewrite(path, config=None)


def config_that_is_no_json(path: Path):
    rewrite(path, config="{'name': tiny}")


def config_that_is_a_list(path: Path):
    rewrite(path, config="[1, 2]")


def change_config(path: Path, **changes):
    config = json.loads(metadata_of(path)["config"]) | changes
    rewrite(path, config=json.dumps(config))


def config_with_an_unknown_field(path: Path):
    change_config(path, colour="blue")


def config_with_a_bad_value(path: Path):
    change_config(path, dropout=2)


def config_of_another_width(path: Path):
    change_config(path, pyramid_width=8)


def config_that_fits_but_computes_otherwise(path: Path):
    # All tensors fit, but every log-scale would be doubled.
    change_config(path, clamp_limit=2.0)


def without_provenance(path: Path):
    rewrite(path, provenance=None)


def without_backbone(path: Path):
    rewrite(path, backbone_sha256=None)


SPOILS = [
    missing_file,
    folder,
    empty_file,
    text_file,
    truncated_in_the_tensors,
    truncated_in_the_header,
    altered_byte,
    altered_hash,
    without_hash,
    wrong_format,
    without_metadata,
    newer_version,
    without_config,
    config_that_is_no_json,
    config_that_is_a_list,
    config_with_an_unknown_field,
    config_with_a_bad_value,
    config_of_another_width,
    config_that_fits_but_computes_otherwise,
    without_provenance,
    without_backbone,
]


@pytest.mark.parametrize("spoil", SPOILS, ids=lambda spoil: spoil.__name__)
def test_a_wrong_file_is_refused_by_name_in_one_line(path: Path, spoil: Callable[[Path], None]):
    spoil(path)
    assert "\n" not in refusal(path)


def test_a_missing_tensor_is_named(path: Path):
    rewrite_tensors(path, lambda state: state.pop("head.bias"))
    assert "'head.bias' is missing" in refusal(path)


def test_a_surplus_tensor_is_named(path: Path):
    rewrite_tensors(path, lambda state: state.update(extra=torch.zeros(1)))
    assert "unknown tensor 'extra'" in refusal(path)


def test_a_tensor_of_wrong_shape_is_named_with_both_shapes(path: Path):
    rewrite_tensors(path, lambda state: state.update({"head.bias": torch.zeros(7)}))
    assert "'head.bias' should be [4], found [7]" in refusal(path)


def test_the_message_says_what_is_wrong(path: Path):
    newer_version(path)
    assert "expected version 1 of the format, got 2" in refusal(path)
    wrong_format(path)
    assert "expected a colorflow model" in refusal(path)
