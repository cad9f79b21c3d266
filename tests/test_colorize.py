"""What the colorizer promises: sizes, seeds, densities, and models refused by name."""

import dataclasses
import json
import math

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors import safe_open
from safetensors.torch import load_file, save_file

from colorflow.colorize import Colorizer
from colorflow.decoding import CHUNK
from colorflow.errors import CheckpointError, ConfigError, ShapeError
from colorflow.images.lab import lab_planes
from colorflow.images.read import read_photo
from colorflow.models.checkpoint import load_checkpoint, metadata_hash, save_checkpoint
from colorflow.models.cinn import ConditionalINN
from colorflow.models.latents import Latents
from colorflow.models.matching import matching_backbone
from colorflow.models.presets import preset
from colorflow.networks.backbones import backbone_file, backbone_hash, load_backbone


def _bytes(variant) -> bytes:
    return variant.image.tobytes()


def test_variants_have_the_size_of_the_photo_and_differ(tiny, grey_cat):
    variants = tiny.sample(grey_cat, n=3)
    assert [v.image.size for v in variants] == [(150, 100)] * 3
    assert [v.index for v in variants] == [0, 1, 2]
    assert len({_bytes(v) for v in variants}) == 3


def test_the_same_seed_gives_the_same_bytes_and_another_seed_others(tiny, grey_cat):
    first, again = tiny.sample(grey_cat, n=1, seed=5), tiny.sample(grey_cat, n=1, seed=5)
    assert _bytes(first[0]) == _bytes(again[0])
    assert _bytes(first[0]) != _bytes(tiny.sample(grey_cat, n=1, seed=6)[0])


def test_a_variant_does_not_depend_on_how_many_are_drawn(tiny, grey_cat):
    chunk = CHUNK["cpu"]
    reference = tiny.sample(grey_cat, n=2 * chunk + 1)
    for n in (1, 2, chunk, chunk + 1):
        for few, many in zip(tiny.sample(grey_cat, n=n), reference, strict=False):
            assert torch.equal(few.target, many.target)
            assert _bytes(few) == _bytes(many)


def test_the_file_format_does_not_matter_only_the_pixels(tiny, grey_cat, tmp_path):
    Image.fromarray(grey_cat).save(tmp_path / "a.png")
    Image.fromarray(grey_cat).save(tmp_path / "b.tif")
    results = [_bytes(tiny.sample(tmp_path / name, n=1)[0]) for name in ("a.png", "b.tif")]
    assert results[0] == results[1] == _bytes(tiny.sample(grey_cat, n=1)[0])


@pytest.mark.parametrize("saturation", [0.0, 0.5, 1.0, 1.5])
def test_lightness_is_kept_at_every_saturation(tiny, grey_cat, saturation):
    image = tiny.sample(grey_cat, n=1, saturation=saturation, temperature=1.0)[0].image
    difference = lab_planes(np.asarray(image))[0] - read_photo(grey_cat).lightness
    assert float(difference.abs().max()) <= 1.0


def test_saturation_zero_is_one_and_the_same_picture_for_all_samples(tiny, grey_cat):
    variants = tiny.sample(grey_cat, n=2, saturation=0.0)
    assert torch.count_nonzero(variants[0].latents.flatten()) == 0
    assert _bytes(variants[0]) == _bytes(variants[1])


def test_saturation_and_temperature_scale_the_latents(tiny, grey_cat):
    one = tiny.sample(grey_cat, n=1, temperature=1.0)[0].latents.flatten()
    scaled = tiny.sample(grey_cat, n=1, temperature=0.5, saturation=0.5)[0].latents.flatten()
    assert torch.allclose(scaled, one * 0.25)


def test_the_default_temperature_is_the_models(tiny, grey_cat):
    default = tiny.sample(grey_cat, n=1)[0].latents.flatten()
    explicit = tiny.sample(grey_cat, n=1, temperature=tiny.model.config.temperature)[0].latents
    assert torch.equal(default, explicit.flatten())


def test_a_model_may_have_a_temperature_per_level(tiny, grey_cat):
    config = tiny.model.config.replace(temperature=(0.5, 2.0))
    model = ConditionalINN(config)
    model.load_state_dict(tiny.model.state_dict())
    one = tiny.sample(grey_cat, n=1, temperature=1.0)[0].latents
    default = Colorizer(model, tiny.backbone, "cpu").sample(grey_cat, n=1, saturation=0.5)[0]
    for got, level, factor in zip(default.latents.levels, one.levels, (0.25, 1.0), strict=True):
        assert torch.allclose(got, factor * level)


def test_decoding_a_variants_latents_gives_the_variant(tiny, grey_cat):
    variant = tiny.sample(grey_cat, n=3)[2]
    again = tiny.decode(grey_cat, variant.latents, vivid=tiny.domain.gain)
    assert again.tobytes() == _bytes(variant)


def test_a_photo_transferred_to_itself_keeps_its_chroma(tiny, cat):
    # Up to what the small chroma map cannot hold: compare there.
    image = tiny.transfer(cat, cat)
    _, expected = tiny.domain.pair(read_photo(cat))
    _, got = tiny.domain.pair(read_photo(image))
    assert float((got - expected).abs().mean()) * tiny.domain.scale < 1.5


def test_transfer_between_shapes_gives_the_targets_size(tiny, cat, grey_cat):
    portrait = np.ascontiguousarray(grey_cat[:, :60])
    assert tiny.transfer(cat, portrait).size == (60, 100)


def test_encode_gives_standard_latents_of_the_models_geometry(tiny, cat):
    latents = tiny.encode(cat)
    height, width = tiny.model.target_size(latents)
    assert (height, width) == (16, 24)
    assert latents.dimensions == 2 * height * width


def test_variant_log_prob_is_the_density_of_its_target(tiny, grey_cat):
    variant = tiny.sample(grey_cat, n=1, temperature=1.0)[0]
    photo = read_photo(grey_cat)
    prepared = tiny.prepare(tiny.domain.condition(photo))
    model_scale = tiny.model.log_prob(variant.target[None], prepared)
    # p(ab) = p(x) |dx/dab| with x = ab / 20.
    expected = float(model_scale) - variant.target.numel() * math.log(20.0)
    assert variant.log_prob == pytest.approx(expected, abs=0.05)


def test_log_prob_counts_lab_units(tiny, cat):
    score = tiny.log_prob(cat)
    assert score.dimensions == 2 * 16 * 24
    assert score.bits_per_dim == pytest.approx(-score.nats / score.dimensions / math.log(2))
    photo = read_photo(cat)
    condition, target = tiny.domain.pair(photo)
    model_scale = float(tiny.model.log_prob(target, tiny.prepare(condition)))
    assert score.nats == pytest.approx(model_scale - score.dimensions * math.log(20.0), abs=0.05)


def test_uncertainty_is_a_map_of_the_photos_size_that_vanishes_without_spread(tiny, grey_cat):
    delta_e = tiny.uncertainty(grey_cat, n=4)
    assert delta_e.shape == (100, 150)
    assert delta_e.dtype == np.float32
    assert delta_e.min() >= 0
    assert delta_e.mean() > 0.5
    assert tiny.uncertainty(grey_cat, n=4, temperature=0.0).max() < 1e-3


@pytest.mark.parametrize(
    ("arguments", "name"),
    [
        ({"n": 0}, "n:"),
        ({"saturation": -0.1}, r"saturation: expected 0 to 1\.5"),
        ({"saturation": 2.1}, r"saturation: expected 0 to 1\.5"),
        ({"vivid": 2.1}, "vivid: expected 0 to 2"),
        ({"detail": 1.1}, "detail"),
        ({"draw": "nicest"}, "draw"),
        ({"temperature": float("nan")}, "temperature"),
    ],
)
def test_numbers_out_of_range_are_refused_by_name(tiny, grey_cat, arguments, name):
    with pytest.raises(ConfigError, match=name):
        tiny.sample(grey_cat, **arguments)


def test_foreign_latents_are_refused(tiny, grey_cat):
    foreign = Latents.sample([(3, 4, 4), (5, 2, 2)], [0])
    with pytest.raises(ShapeError, match="another model"):
        tiny.decode(grey_cat, foreign)


# --- the backbone a model was trained with


def one_line(caught: pytest.ExceptionInfo) -> str:
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_a_model_gets_the_backbone_it_names(tiny_checkpoint):
    _, info = load_checkpoint(tiny_checkpoint)
    backbone = matching_backbone(info)
    assert backbone.taps == info.config.taps
    expected = load_backbone("photo", info.config.taps).state_dict()
    for name, value in backbone.state_dict().items():
        assert torch.equal(value, expected[name]), name


def test_the_same_weights_are_welcome_from_another_place_and_others_are_not(
    tiny_checkpoint, tmp_path
):
    other = tmp_path / "vgg.safetensors"
    other.write_bytes(backbone_file("photo").read_bytes())
    Colorizer.from_pretrained(tiny_checkpoint, "cpu", str(other))
    state = load_file(other)
    state["backbone.mean"] += 0.01
    save_file(state, other)
    for source in (str(other), "lite2", "imagenet"):
        with pytest.raises(CheckpointError, match="trained with backbone weights") as caught:
            Colorizer.from_pretrained(tiny_checkpoint, "cpu", source)
        assert f"'{source}'" in one_line(caught)


def test_a_backbone_that_is_not_there_is_named_with_the_known_ones(tiny_checkpoint, tmp_path):
    _, info = load_checkpoint(tiny_checkpoint)
    gone = str(tmp_path / "gone.safetensors")
    moved = dataclasses.replace(info, config=info.config.replace(backbone=gone))
    for wrong, source in ((info, "het"), (moved, None)):
        with pytest.raises(
            CheckpointError, match="photo, lite2, imagenet, none or a path"
        ) as caught:
            matching_backbone(wrong, source)
        assert f"'{source or gone}'" in one_line(caught)


def test_a_backbone_inside_the_file_is_used_and_no_other(tiny, grey_cat, tmp_path):
    path = tmp_path / "model.safetensors"
    save_checkpoint(path, tiny.model, "", {}, tiny.backbone)
    whole = Colorizer.from_pretrained(path, "cpu")
    expected, got = (one.sample(grey_cat, n=1)[0].target for one in (tiny, whole))
    assert torch.allclose(got, expected, atol=0.01)
    with pytest.raises(CheckpointError, match="inside") as caught:
        Colorizer.from_pretrained(path, "cpu", "photo")
    one_line(caught)


def test_a_model_of_version_0_1_on_efficientnet_still_colours(grey_cat, tmp_path):
    """Its backbone is a file of its own, and its config knows nothing of shares."""
    config = preset("tiny").replace(side=64, backbone="lite2", taps=("stage3", "stage5"))
    path = tmp_path / "old.safetensors"
    save_checkpoint(path, ConditionalINN(config), backbone_hash("lite2"), {})
    with safe_open(path, framework="pt") as file:
        metadata = file.metadata()
    plain = json.loads(metadata["config"])
    del plain["share_shrinkage"]
    metadata["config"] = json.dumps(plain)
    save_file(
        load_file(path), path, metadata={**metadata, "metadata_sha256": metadata_hash(metadata)}
    )
    colorizer = Colorizer.from_pretrained(path, device="cpu")
    assert colorizer.info.backbone is None
    assert colorizer.backbone.taps == ("stage3", "stage5")
    variants = colorizer.sample(grey_cat, n=2)
    assert sum(variant.share for variant in variants) == pytest.approx(1)
    assert variants[0].image.size == (150, 100)


def test_a_regressor_alone_is_no_colorizer(tiny, tmp_path):
    path = tmp_path / "regressor.safetensors"
    save_checkpoint(path, tiny.model, backbone_hash("photo"), {}, part="regressor")
    with pytest.raises(CheckpointError, match="holds the regressor alone") as caught:
        Colorizer.from_pretrained(path, "cpu")
    assert str(path) in one_line(caught)


def test_a_missing_model_is_named(tmp_path):
    with pytest.raises(CheckpointError, match=r"nowhere\.safetensors"):
        Colorizer.from_pretrained(tmp_path / "nowhere.safetensors")


def test_the_bundled_model_colours_a_photo(grey_cat):
    colorizer = Colorizer.from_pretrained("photo", device="cpu")
    image = colorizer.sample(grey_cat, n=1)[0].image
    chroma = lab_planes(np.asarray(image))[1:].square().sum(0).sqrt()
    # A trained model gives a cat warm, visible, not garish colours.
    assert 3 < float(chroma.mean()) < 40
    assert float(lab_planes(np.asarray(image))[2].mean()) > 0


@pytest.mark.parametrize("detail", [0, 1.25, 3, 1e9, float("nan")])
def test_details_that_are_not_offered_are_refused(tiny, grey_cat, detail):
    with pytest.raises(ConfigError, match=r"detail: expected 1, 1\.5 or 2, got"):
        tiny.sample(grey_cat, n=1, detail=detail)
