"""Pictures of held-back photos: what stands in which column."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from PIL import Image

from colorflow.domains import Colorization, colorization_of
from colorflow.models.cinn import ConditionalINN
from colorflow.models.condition import PreparedCondition
from colorflow.models.presets import preset
from colorflow.training.batches import Batch, features_of
from colorflow.training.pictures import GAP, SAMPLES, SWEEP, grid_picture, sweep_picture, tile

DOMAIN: Colorization = colorization_of(preset("tiny"))
SIDE = 32


@pytest.fixture
def prepared(lively: ConditionalINN, batch: Batch) -> PreparedCondition:
    with torch.inference_mode():
        return lively.prepare(batch["condition"], features_of(batch))


def cells(picture: Image.Image) -> np.ndarray:
    """Cut a grid into [rows, columns, height, width, 3]."""
    array = np.asarray(picture).astype(int)
    step = SIDE + GAP
    rows, columns = (array.shape[0] + GAP) // step, (array.shape[1] + GAP) // step
    assert array.shape == (rows * step - GAP, columns * step - GAP, 3)
    return np.array(
        [[array[y * step :, x * step :][:SIDE, :SIDE] for x in range(columns)] for y in range(rows)]
    )


def chroma(cell: np.ndarray) -> int:
    return int((cell.max(-1) - cell.min(-1)).max())


@torch.inference_mode()
def test_a_grid_shows_condition_samples_and_truth(
    lively: ConditionalINN, batch: Batch, prepared: PreparedCondition
):
    found = cells(grid_picture(lively, DOMAIN, batch, prepared))
    assert found.shape[:2] == (3, 1 + SAMPLES + 1)
    for row in range(3):
        assert chroma(found[row, 0]) <= 2
        truth = DOMAIN.preview(batch["condition"][row], batch["target"][row])
        assert np.array_equal(found[row, -1], np.asarray(truth.convert("RGB")))
        samples = {found[row, column].tobytes() for column in range(1, 1 + SAMPLES)}
        assert len(samples) == SAMPLES
    again = cells(grid_picture(lively, DOMAIN, batch, prepared))
    assert np.array_equal(again, found)
    other = cells(grid_picture(lively, DOMAIN, batch, prepared, seed=1))
    assert np.array_equal(other[:, [0, -1]], found[:, [0, -1]])
    assert not np.array_equal(other[:, 1:-1], found[:, 1:-1])


@torch.inference_mode()
def test_a_sweep_goes_from_the_mode_outwards(
    lively: ConditionalINN, batch: Batch, prepared: PreparedCondition
):
    found = cells(sweep_picture(lively, DOMAIN, batch, prepared))
    other = cells(sweep_picture(lively, DOMAIN, batch, prepared, seed=1))
    assert found.shape[:2] == (3, len(SWEEP))
    assert np.array_equal(found[:, 0], other[:, 0])  # at temperature 0 no latent counts
    away = np.abs(found - found[:, :1]).mean((0, 2, 3, 4))
    assert (np.diff(away) > 0).all()


def test_tiles_stand_on_white_and_rows_may_be_shorter():
    black, red = Image.new("L", (5, 3)), Image.new("RGB", (5, 3), "red")
    array = np.asarray(tile([[black, red], [red]]))
    assert array.shape == (3 + GAP + 3, 5 + GAP + 5, 3)
    assert (array[:3, :5] == 0).all()
    assert (array[:3, 5 + GAP :] == [255, 0, 0]).all()
    assert (array[:, 5 : 5 + GAP] == 255).all()
    assert (array[3 + GAP :, 5 + GAP :] == 255).all()
