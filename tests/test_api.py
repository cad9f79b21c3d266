"""The public names: removing one must be a decision, not an accident."""

import subprocess
import sys

import pytest

import colorflow

INVENTORY = {
    "Hint": ["rgb"],
    "Colorizer": [
        "at_precision",
        "decode",
        "disagreement",
        "draw",
        "encode",
        "features",
        "from_pretrained",
        "log_prob",
        "model_id",
        "paint",
        "plan",
        "prepare",
        "sample",
        "transfer",
        "uncertainty",
        "variants",
        "variants_of",
    ],
    "Latents": [
        "to_bytes",
        "cat",
        "dimensions",
        "flatten",
        "interpolate",
        "load",
        "log_prob",
        "mix",
        "names",
        "sample",
        "save",
        "scale",
        "shapes",
        "to",
        "unflatten",
    ],
    "Translator": [
        "at_precision",
        "decode",
        "disagreement",
        "draw",
        "encode",
        "features",
        "from_pretrained",
        "log_prob",
        "model_id",
        "paint",
        "plan",
        "prepare",
        "sample",
        "transfer",
        "uncertainty",
        "variants",
        "variants_of",
    ],
    "LogProb": ["bits_per_dim"],
    "Variant": ["attempt", "deep", "image", "number", "residuals", "scale", "share"],
}


def test_the_inventory_of_names_is_complete():
    assert set(colorflow.__all__) == {*INVENTORY, "__version__"}


@pytest.mark.parametrize("name", INVENTORY)
def test_members(name):
    ours = [c for c in getattr(colorflow, name).__mro__ if c.__module__.startswith("colorflow")]
    members = {m for c in ours for m in vars(c) if not m.startswith("_")}
    # Fields of dataclasses without a default are no class attributes.
    assert members >= set(INVENTORY[name])
    assert members - set(INVENTORY[name]) == set()


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="Colouriser"):
        _ = colorflow.Colouriser


def test_importing_the_package_loads_nothing_heavy():
    code = "import sys, colorflow; print({'torch', 'kornia', 'numpy', 'PIL'} & set(sys.modules))"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "set()"


def test_colouring_photos_needs_none_of_the_optional_packages():
    optional = ("lightning", "tensorboard", "matplotlib", "platformdirs", "torchmetrics")
    optional += ("torch_fidelity", "efficientnet_lite_pytorch", "gradio", "pillow_heif")
    modules = ("colorize", "batch.run", "cli.main", "cli.report", "cli.describe")
    modules += ("evaluation.round_trip", "images.contact_sheet")
    lines = ["import sys", f"sys.modules.update(dict.fromkeys({optional}))"]
    # A module that is None in sys.modules cannot be imported.
    lines += [f"import colorflow.{name}" for name in modules]
    code = "\n".join(lines)
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr
