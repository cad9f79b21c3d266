"""Latent codes: reproducible draws, mixing that keeps the prior, exact files."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch.distributions import Normal

from colorflow.errors import CheckpointError, ConfigError, ShapeError
from colorflow.models.latents import Latents, derive_seed

SHAPES = ((3, 4, 6), (2, 2, 3), (5,))
MANY = ((4, 64, 64), (4000,))


def draw(count: int = 2, first_seed: int = 1, shapes=SHAPES) -> Latents:
    return Latents.sample(shapes, range(first_seed, first_seed + count))


def assert_equal(a: Latents, b: Latents):
    assert a.shapes == b.shapes
    assert all(torch.equal(x, y) for x, y in zip(a.levels, b.levels, strict=True))


def assert_close(a: Latents, b: Latents, atol: float = 1e-5):
    assert a.shapes == b.shapes
    assert torch.allclose(a.flatten(), b.flatten(), atol=atol)


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


# --- scale and mix


def test_scale_multiplies_every_level():
    latents = draw()
    assert_equal(latents.scale(1.0), latents)
    assert torch.allclose(latents.scale(0.5).flatten(), latents.flatten() / 2)
    assert not latents.scale(0.0).flatten().any()


def test_scale_takes_a_factor_per_level_finest_first():
    latents = draw()
    factors = (0.0, 1, 0.5)
    expected = Latents(tuple(z * f for z, f in zip(latents.levels, factors, strict=True)))
    assert_equal(latents.scale(factors), expected)
    assert_equal(latents.scale([2.0] * 3), latents.scale(2.0))


@pytest.mark.parametrize("factors", [(), (1.0,), (1.0, 1.0), (1.0,) * 4])
def test_another_number_of_factors_than_levels_is_refused(factors: tuple[float, ...]):
    with pytest.raises(ConfigError, match="one number or one per level, 3"):
        draw().scale(factors)


@pytest.mark.parametrize("factor", [-0.1, math.nan, math.inf, (1.0, 1.0, -0.1), (math.nan, 1, 1)])
def test_scales_that_make_no_sense_are_refused(factor: float | tuple[float, ...]):
    with pytest.raises(ConfigError, match="scale of latents"):
        draw().scale(factor)


def test_mix_with_weights_of_zero_and_one_takes_levels_from_either():
    a, b = draw(first_seed=1), draw(first_seed=10)
    mixed = a.mix(b, [0, 1, 0])
    expected = Latents((a.levels[0], b.levels[1], a.levels[2]))
    assert_equal(mixed, expected)


@pytest.mark.parametrize("weight", [0.1, 0.5, 0.8])
def test_mixing_independent_codes_keeps_them_standard_normal(weight: float):
    a, b = draw(2, 1, MANY), draw(2, 10, MANY)
    values = a.mix(b, [weight, weight]).flatten().double().flatten()
    error = 1 / math.sqrt(len(values))
    assert abs(values.mean()) < 5 * error
    assert abs(values.square().mean() - 1) < 5 * math.sqrt(2) * error
    # The share of either code is the square root of its weight.
    share = (values * b.flatten().double().flatten()).mean()
    assert abs(share - math.sqrt(weight)) < 5 * error


@pytest.mark.parametrize(
    "weights", [[0.5, 0.5], [0.5] * 4, [0, 1.1, 0], [0, -0.1, 0], [math.nan] * 3]
)
def test_mix_refuses_wrong_weights(weights: list[float]):
    with pytest.raises(ConfigError, match="mix: expected 3 weights"):
        draw().mix(draw(), weights)


def test_codes_of_other_shapes_or_counts_do_not_mix():
    others = [draw(shapes=((3, 4, 6), (2, 2, 3), (6,))), draw(shapes=SHAPES[:2]), draw(3)]
    for other in others:
        with pytest.raises(ShapeError, match="same geometry"):
            draw().mix(other, [0.5] * 3)
        with pytest.raises(ShapeError, match="same geometry"):
            draw().interpolate(other, 0.5)


# --- interpolate


def test_interpolation_starts_here_and_ends_there():
    a, b = draw(first_seed=1), draw(first_seed=10)
    assert_close(a.interpolate(b, 0.0), a)
    assert_close(a.interpolate(b, 1.0), b)


def with_norms(latents: Latents, norms: list[float]) -> Latents:
    flat = torch.nn.functional.normalize(latents.flatten()) * torch.tensor(norms)[:, None]
    return Latents.unflatten(flat, latents.shapes)


@pytest.mark.parametrize("t", [0.1, 0.3, 0.5, 0.9])
def test_interpolation_keeps_or_blends_lengths(t: float):
    a = with_norms(draw(first_seed=1), [3.0, 2.0])
    b = with_norms(draw(first_seed=10), [3.0, 8.0])
    norms = a.interpolate(b, t).flatten().norm(dim=1)
    assert torch.allclose(norms, torch.tensor([3.0, 2.0 + 6.0 * t]), rtol=1e-4)


def test_interpolation_turns_at_a_constant_rate():
    a, b = (with_norms(draw(first_seed=seed), [1.0, 1.0]) for seed in (1, 10))

    def angle(t: float, u: float) -> torch.Tensor:
        x, y = a.interpolate(b, t).flatten(), a.interpolate(b, u).flatten()
        return torch.acos((x * y).sum(1))

    for t, u in ((0.0, 0.25), (0.25, 0.5), (0.75, 1.0)):
        assert torch.allclose(angle(t, u), angle(0.0, 1.0) / 4, atol=2e-3)


def identical(flat: torch.Tensor) -> torch.Tensor:
    return flat.clone()


def parallel(flat: torch.Tensor) -> torch.Tensor:
    return 3 * flat


def nearly_parallel(flat: torch.Tensor) -> torch.Tensor:
    return flat + 1e-6 * flat.flip(1)


def antiparallel(flat: torch.Tensor) -> torch.Tensor:
    return -2 * flat


def nearly_antiparallel(flat: torch.Tensor) -> torch.Tensor:
    return -flat + 1e-6 * flat.flip(1)


def zero(flat: torch.Tensor) -> torch.Tensor:
    return torch.zeros_like(flat)


@pytest.mark.parametrize(
    "other",
    [identical, parallel, nearly_parallel, antiparallel, nearly_antiparallel, zero],
    ids=lambda other: other.__name__,
)
def test_interpolation_between_extreme_codes_stays_finite(
    other: Callable[[torch.Tensor], torch.Tensor],
):
    a = draw()
    b = Latents.unflatten(other(a.flatten()), a.shapes)
    longest = torch.maximum(a.flatten().norm(dim=1), b.flatten().norm(dim=1))
    for here, there in ((a, b), (b, a)):
        assert_close(here.interpolate(there, 0.0), here, atol=1e-3)
        assert_close(here.interpolate(there, 1.0), there, atol=1e-3)
        for t in (0.25, 0.5, 0.75):
            norms = here.interpolate(there, t).flatten().norm(dim=1)
            assert torch.isfinite(norms).all()
            assert (norms <= 1.01 * longest).all()


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
