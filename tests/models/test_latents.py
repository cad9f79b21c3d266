"""Latent codes: reproducible draws, rows, vectors, exact files."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from codes import MANY, SHAPES, assert_equal, draw
from safetensors.torch import save_file
from torch.distributions import Normal

from colorflow.errors import CheckpointError, ShapeError
from colorflow.models.latents import Latents, derive_seed

# --- seeds and samples


def test_derived_seed_is_stable_across_releases():
    # A change of this number changes every picture anybody has made with a given seed.
    assert derive_seed(0, "abc", 0) == 7116879212590544643


def test_derived_seed_depends_on_seed_content_and_index():
    seeds = [derive_seed(s, c, i) for s in (0, 1, 10) for c in ("ab", "cd") for i in (0, 1, 10)]
    assert len(set(seeds)) == len(seeds)
    assert all(0 <= seed < 2**63 for seed in seeds)


def test_a_seed_always_gives_the_same_sample():
    assert_equal(draw(), draw())
    assert not torch.equal(draw(1, 1).levels[0], draw(1, 2).levels[0])


def test_a_sample_does_not_depend_on_the_others_of_its_batch():
    seeds = [5, 11, 7]
    together = Latents.sample(SHAPES, seeds)
    for row, seed in enumerate(seeds):
        assert_equal(together[row], Latents.sample(SHAPES, [seed]))
    assert_equal(Latents.sample(SHAPES, seeds[::-1])[0], together[2])


def test_samples_have_the_asked_shapes():
    latents = draw(3)
    assert len(latents) == 3
    assert latents.shapes == SHAPES
    assert latents.names == ("level_0", "level_1", "level_2")
    assert latents.dimensions == 72 + 12 + 5
    assert all(level.dtype == torch.float32 for level in latents.levels)


def test_samples_are_standard_normal():
    values = draw(4, shapes=MANY).flatten().double().flatten()
    error = 1 / math.sqrt(len(values))
    assert abs(values.mean()) < 5 * error
    assert abs(values.square().mean() - 1) < 5 * math.sqrt(2) * error
    assert abs((values.abs() < 1).double().mean() - 0.6827) < 5 * 0.5 * error


def test_levels_and_pictures_are_independent():
    latents = draw(2, shapes=((4000,), (4000,)))
    rows = torch.cat([latents.levels[0], latents.levels[1]])
    off_diagonal = torch.corrcoef(rows) - torch.eye(4)
    assert off_diagonal.abs().max() < 5 / math.sqrt(4000)


def test_levels_of_different_counts_are_refused():
    with pytest.raises(ShapeError, match="one count"):
        Latents((torch.zeros(2, 3), torch.zeros(1, 3)))
    with pytest.raises(ShapeError, match="one count"):
        Latents(())
    with pytest.raises(ShapeError, match="one count"):
        Latents.sample(SHAPES, [])


# --- rows


def test_indexing_gives_codes_of_one_or_several_pictures():
    latents = draw(4)
    assert_equal(latents[1], draw(1, first_seed=2))
    assert_equal(latents[-1], latents[3])
    assert_equal(latents[-4], latents[0])
    assert_equal(latents[1:3], Latents.cat([latents[1], latents[2]]))
    assert len(latents[-1]) == 1


@pytest.mark.parametrize("row", [4, 100, -5])
def test_a_row_out_of_range_is_refused(row: int):
    # Python ends a loop over a sequence at the first IndexError; without one it never ends.
    with pytest.raises(IndexError):
        draw(4)[row]


def test_cat_undoes_taking_apart():
    latents = draw(3)
    assert_equal(Latents.cat([latents[row] for row in range(3)]), latents)


def test_to_changes_the_type_of_all_levels():
    latents = draw().to("cpu", torch.float64)
    assert all(level.dtype == torch.float64 for level in latents.levels)
    assert_equal(latents.to("cpu", torch.float32), draw())


# --- vectors and the density


def test_flatten_and_unflatten_undo_each_other():
    latents = draw()
    assert_equal(Latents.unflatten(latents.flatten(), latents.shapes), latents)
    vectors = torch.randn(3, latents.dimensions, generator=torch.Generator().manual_seed(3))
    assert torch.equal(Latents.unflatten(vectors, SHAPES).flatten(), vectors)


@pytest.mark.parametrize("shape", [(2, 88), (2, 90), (89,), (2, 89, 1)])
def test_unflatten_refuses_vectors_of_another_length(shape: tuple[int, ...]):
    with pytest.raises(ShapeError, match=r"expected \[count, 89\]"):
        Latents.unflatten(torch.zeros(shape), SHAPES)


def test_log_prob_is_that_of_a_standard_normal():
    latents = draw().to("cpu", torch.float64)
    expected = Normal(0.0, 1.0).log_prob(latents.flatten()).sum(1)
    assert torch.allclose(latents.log_prob(), expected, rtol=1e-12)
    assert tuple(latents.log_prob().shape) == (2,)


# --- files


def test_saved_and_loaded_codes_are_equal_to_the_bit(tmp_path: Path):
    # Twelve levels: level_10 comes after level_9, not after level_1.
    latents = draw(shapes=tuple((i + 1,) for i in range(12)))
    latents.save(tmp_path / "code.safetensors")
    assert_equal(Latents.load(tmp_path / "code.safetensors"), latents)


def test_a_float64_code_of_one_picture_is_saved_as_it_is(tmp_path: Path):
    # Its levels are views of one vector.
    vector = torch.randn(1, 89, generator=torch.Generator().manual_seed(4), dtype=torch.float64)
    latents = Latents.unflatten(vector, SHAPES)
    latents.save(tmp_path / "code.safetensors")
    loaded = Latents.load(str(tmp_path / "code.safetensors"))
    assert_equal(loaded, latents)
    assert loaded.levels[0].dtype == torch.float64


def missing(path: Path):
    path.unlink()


def folder(path: Path):
    path.unlink()
    path.mkdir()


def truncated(path: Path):
    path.write_bytes(path.read_bytes()[:-10])


def text(path: Path):
    path.write_text("no latents here")


def other_tensors(path: Path):
    save_file({"level_0": torch.zeros(1, 2)}, path)


def other_names(path: Path):
    save_file({"weights": torch.zeros(1, 2)}, path, metadata={"format": "colorflow-latents"})


def no_levels(path: Path):
    save_file({}, path, metadata={"format": "colorflow-latents"})


@pytest.mark.parametrize(
    "spoil",
    [missing, folder, truncated, text, other_tensors, other_names, no_levels],
    ids=lambda spoil: spoil.__name__,
)
def test_a_wrong_file_is_refused_by_name(tmp_path: Path, spoil: Callable[[Path], None]):
    path = tmp_path / "code.safetensors"
    draw().save(path)
    spoil(path)
    with pytest.raises(CheckpointError, match=re.escape(str(path))) as caught:
        Latents.load(path)
    assert "\n" not in str(caught.value)
