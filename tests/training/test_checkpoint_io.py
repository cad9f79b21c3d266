"""Training checkpoints: what goes in comes out, and a failure leaves the former file."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor

import colorflow.training.checkpoint_io as module
from colorflow.errors import CheckpointError
from colorflow.training.checkpoint_io import SafetensorsIO


def same(a: Any, b: Any) -> bool:
    """Compare nested values including their types, and tensors to the bit."""
    if isinstance(a, Tensor):
        return isinstance(b, Tensor) and a.dtype == b.dtype and torch.equal(a, b)
    if isinstance(a, dict):
        pairs = zip(a.items(), b.items(), strict=True)
        return all(same(k, m) and same(v, w) for (k, v), (m, w) in pairs)
    if isinstance(a, (list, tuple)):
        return type(a) is type(b) and all(same(x, y) for x, y in zip(a, b, strict=True))
    return type(a) is type(b) and a == b


def round_trip(state: dict[str, Any], folder: Path) -> dict[str, Any]:
    path = folder / "a" / "state.safetensors"
    SafetensorsIO().save_checkpoint(state, path)
    return SafetensorsIO().load_checkpoint(path)


def test_nested_state_comes_back_exactly(tmp_path: Path):
    shared = torch.arange(6.0).reshape(2, 3)
    state = {
        "optimizer_states": [
            {
                "state": {0: {"step": torch.tensor(3.0), "exp_avg": shared}, 10: {}},
                "param_groups": [{"lr": 7e-4, "betas": (0.9, 0.999), "foreach": None}],
            }
        ],
        "state_dict": {"a.weight": shared, "a.tied": shared, "row": shared[0], "t": shared.T},
        "types": {
            "half": torch.ones(2, dtype=torch.bfloat16),
            "long": torch.tensor([2**60]),
            "bool": torch.tensor(True),
            "none": torch.zeros(0, 3),
        },
        "loops": {"done": True, "open": False, "epoch": 0, "best": None, "name": "Grün\n", "": 1},
        "nested": ([], {}, (), [1, (2.5, [None])], {True: 1}),
        "small": 5e-324,
        "last": -(2**70),
    }
    found = round_trip(state, tmp_path)
    assert same(state, found)
    # Tensors that shared memory are now each their own.
    found["state_dict"]["a.tied"].add_(1)
    assert torch.equal(found["state_dict"]["a.weight"], shared)


def test_numbers_that_are_not_finite_come_back(tmp_path: Path):
    found = round_trip({"worst": math.inf, "lost": math.nan}, tmp_path)
    assert found["worst"] == math.inf
    assert math.isnan(found["lost"])


def test_saving_leaves_the_tensors_as_they_are(tmp_path: Path):
    weight = torch.nn.Parameter(torch.ones(3))
    found = round_trip({"weight": weight}, tmp_path)
    assert weight.requires_grad
    assert not found["weight"].requires_grad


@pytest.mark.parametrize(
    "state",
    [
        {"a/b": torch.zeros(1), "a": {"b": torch.ones(1)}},
        {1: torch.zeros(1), "1": torch.ones(1)},
    ],
)
def test_names_that_look_alike_do_not_mix_up_tensors(state: dict[Any, Any], tmp_path: Path):
    assert same(state, round_trip(state, tmp_path))


@pytest.mark.parametrize("value", [{1, 2}, b"bytes", object(), torch.float32, Path("x"), 1j])
def test_an_object_of_another_kind_is_refused_and_its_place_named(value: Any, tmp_path: Path):
    path = tmp_path / "state.safetensors"
    with pytest.raises(CheckpointError) as caught:
        SafetensorsIO().save_checkpoint({"callbacks": {"stop": [0, value]}}, path)
    assert type(value).__name__ in str(caught.value)
    assert "/callbacks/stop/1" in str(caught.value)
    assert list(tmp_path.iterdir()) == []


def test_a_full_disk_leaves_the_former_file_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    path = tmp_path / "state.safetensors"
    SafetensorsIO().save_checkpoint({"step": 1, "w": torch.ones(2)}, path)

    def full(tensors: dict[str, Tensor], target: Path, metadata: dict[str, str]) -> None:
        Path(target).write_bytes(b"half")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(module, "save_file", full)
    with pytest.raises(CheckpointError) as caught:
        SafetensorsIO().save_checkpoint({"step": 2, "w": torch.zeros(2)}, path)
    for part in (str(path), "No space left", "--resume"):
        assert part in str(caught.value)
    assert "\n" not in str(caught.value)
    assert [p.name for p in tmp_path.iterdir()] == [path.name]
    assert same(SafetensorsIO().load_checkpoint(path), {"step": 1, "w": torch.ones(2)})


@pytest.mark.parametrize("damage", ["missing", "truncated", "text", "other tensors"])
def test_a_file_that_is_no_checkpoint_is_named(damage: str, tmp_path: Path):
    path = tmp_path / "state.safetensors"
    SafetensorsIO().save_checkpoint({"w": torch.ones(100)}, path)
    if damage == "missing":
        path.unlink()
    elif damage == "truncated":
        path.write_bytes(path.read_bytes()[:-100])
    elif damage == "text":
        path.write_text("hello")
    else:
        save_file({"w": torch.ones(1)}, path)
    with pytest.raises(CheckpointError) as caught:
        SafetensorsIO().load_checkpoint(path)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_checkpoint_can_be_removed_twice(tmp_path: Path):
    path = tmp_path / "state.safetensors"
    SafetensorsIO().save_checkpoint({}, path)
    for _ in range(2):
        SafetensorsIO().remove_checkpoint(path)
    assert not path.exists()
