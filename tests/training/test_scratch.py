"""Models whose condition is encoded from scratch, beside a backbone or without one."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from colorflow.colorize import Colorizer
from colorflow.models.cinn import ConditionalINN
from colorflow.training.plan import RunPlan
from colorflow.training.run import start

ALONE = ("model.backbone=none", "model.taps=[]", "model.encoder=8")
BESIDE = ("model.encoder=8",)
STEPS = ("regress.steps=4", "flow.steps=8", "report_steps=10")


@pytest.mark.parametrize("settings", [ALONE, BESIDE], ids=["alone", "beside"])
@pytest.mark.parametrize("last", ["flow", "joint"])
def test_the_encoder_is_trained_with_the_flow_and_the_model_carries_it(
    settings: tuple[str, ...],
    last: str,
    plan: Callable[..., RunPlan],
    tmp_path: Path,
    grey_cat: np.ndarray,
):
    joint = ("joint.steps=2",) if last == "joint" else ()
    made = plan(tmp_path / "run", *settings, *STEPS, *joint)
    model = start(made, log=lambda line: None)
    colorizer = Colorizer.from_pretrained(model, device="cpu")
    torch.manual_seed(made.config.seed)
    fresh = dict(ConditionalINN(made.config.model).named_parameters())
    trained = dict(colorizer.model.named_parameters())
    own = [name for name in trained if ".encoder." in name or ".own." in name]
    assert own
    assert [name for name in own if torch.equal(trained[name].cpu(), fresh[name])] == []
    (variant,) = colorizer.sample(grey_cat, n=1)
    assert variant.image.size == (grey_cat.shape[1], grey_cat.shape[0])
