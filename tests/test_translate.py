"""Translating photos: the same promises as for colouring them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from colorflow.colorize import Colorizer
from colorflow.errors import ConfigError
from colorflow.hints import Hint
from colorflow.images.read import read_photo
from colorflow.translate import Translator, load_sampler


@pytest.fixture(scope="module")
def night(cat) -> np.ndarray:
    return np.asarray(cat) // 5


def test_variants_are_pictures_of_the_photos_size_that_differ(tiny_translator, cat):
    variants = tiny_translator.sample(cat, n=3)
    assert [variant.image.size for variant in variants] == [cat.size] * 3
    assert not np.array_equal(variants[0].image, variants[1].image)
    again = tiny_translator.sample(cat, n=1)[0]
    assert torch.equal(again.target, variants[0].target)
    other = tiny_translator.sample(cat, n=1, seed=1)[0]
    assert not torch.equal(other.target, variants[0].target)


def test_the_colours_of_the_photo_matter(tiny_translator, cat):
    mirrored = np.asarray(cat)[..., ::-1].copy()
    # The same latents, as the hash of the pixels would give others.
    code = tiny_translator.draw(read_photo(cat), 1)
    assert not np.array_equal(
        tiny_translator.decode(cat, code), tiny_translator.decode(mirrored, code)
    )


def test_strength_0_is_one_picture_and_strength_scales_the_code(tiny_translator, cat):
    plain = tiny_translator.sample(cat, n=2, strength=0.0)
    assert torch.equal(plain[0].target, plain[1].target)
    half, whole = (tiny_translator.sample(cat, n=1, strength=s)[0].latents for s in (0.5, 1.0))
    for one, other in zip(half.levels, whole.levels, strict=True):
        torch.testing.assert_close(2 * one, other)


def test_a_pair_has_an_exact_code(tiny_translator, cat, night):
    code = tiny_translator.encode(cat, night)
    target = tiny_translator.domain.pair(read_photo(cat), partner=read_photo(night))[1]
    condition = tiny_translator.prepare(tiny_translator.domain.condition(read_photo(cat)))
    again, _ = tiny_translator.model.inverse(code, condition)
    torch.testing.assert_close(again, target, atol=1e-3, rtol=0)
    assert tiny_translator.transfer(cat, night, cat).size == cat.size


def test_density_tells_pairs_apart(tiny_translator, cat, night):
    one, other = (tiny_translator.log_prob(cat, partner) for partner in (night, cat))
    assert one.nats != other.nats
    assert one.dimensions == other.dimensions == 3 * 16 * 24


def test_uncertainty_is_a_map_of_the_photos_size(tiny_translator, cat):
    found = tiny_translator.uncertainty(cat, n=4)
    assert found.shape == (cat.height, cat.width)
    assert found.min() >= 0
    assert found.max() > 0


def test_tasks_refuse_the_models_of_others(tiny_translator_checkpoint, tiny_checkpoint):
    with pytest.raises(ConfigError, match="expected one for colorization, this one is for transl"):
        Colorizer.from_pretrained(tiny_translator_checkpoint, device="cpu")
    with pytest.raises(ConfigError, match="expected one for translation, this one is for color"):
        Translator.from_pretrained(tiny_checkpoint, device="cpu")
    assert isinstance(load_sampler(tiny_checkpoint, "cpu"), Colorizer)
    assert isinstance(load_sampler(tiny_translator_checkpoint, "cpu"), Translator)


def test_hints_are_for_colours_only(tiny_translator, cat):
    photo = read_photo(cat)
    with pytest.raises(ConfigError, match="hints"):
        tiny_translator.variants(photo, 1, 1.0, None, 0, [Hint(1, 1, "#ff0000")])


def test_threads_change_nothing(tiny_translator, cat):
    before, targets = torch.get_num_threads(), []
    photo = np.asarray(cat.resize((333, 251)))
    try:
        for threads in (1, 2, 3):
            torch.set_num_threads(threads)
            variant = tiny_translator.sample(photo, n=1)[0]
            targets.append((variant.target, variant.image.tobytes()))
    finally:
        torch.set_num_threads(before)
    assert all(torch.equal(targets[0][0], other[0]) for other in targets[1:])
    assert all(targets[0][1] == other[1] for other in targets[1:])


def test_a_missing_model_is_named(tmp_path: Path):
    from colorflow.errors import CheckpointError

    with pytest.raises(CheckpointError, match=r"nowhere\.safetensors"):
        load_sampler(tmp_path / "nowhere.safetensors", "cpu")
