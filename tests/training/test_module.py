"""One phase of training: what it trains, how fast, and what it does with a bad step."""

from __future__ import annotations

import math
import types
from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

import colorflow.training.module as module_under_test
from colorflow.errors import ColorflowError
from colorflow.models.cinn import ConditionalINN
from colorflow.networks.backbones import Backbone, build_backbone
from colorflow.training.batches import Batch
from colorflow.training.config import PHASES, TrainConfig
from colorflow.training.module import PhaseModule

Make = Callable[..., PhaseModule]


def trainer(
    module: PhaseModule, step: int = 0, rank: int = 0, world: int = 1, rate: float = 0.0
) -> types.SimpleNamespace:
    """What a module asks of Lightning's trainer."""
    optimizer = types.SimpleNamespace(param_groups=[{"lr": rate}])
    found = types.SimpleNamespace(
        global_step=step,
        global_rank=rank,
        world_size=world,
        optimizers=[optimizer],
        should_stop=False,
        strategy=types.SimpleNamespace(broadcast=lambda value: value),
    )
    module._trainer = found
    return found


@pytest.fixture(scope="module")
def backbone() -> Backbone:
    torch.manual_seed(0)
    return build_backbone(("conv2_2", "conv3_3")).eval().requires_grad_(False)


@pytest.fixture
def make(lively: ConditionalINN, backbone: Backbone, settled: Callable[..., TrainConfig]) -> Make:
    def make(phase: str, *settings: str) -> PhaseModule:
        module = PhaseModule(lively, backbone, None, settled(*settings), phase)
        trainer(module)
        return module

    return make


def trained(module: nn.Module) -> set[str]:
    return {name for name, parameter in module.named_parameters() if parameter.requires_grad}


def test_every_phase_trains_its_own_parts(make: Make, lively: ConditionalINN):
    everything = {name for name, _ in lively.named_parameters()}
    first = {name for name in everything if name.startswith(("pyramid.", "head."))}
    assert first < everything
    for phase in (*PHASES, *reversed(PHASES)):  # whatever was trained before
        module = make(phase)
        assert trained(module.model) == (first if phase == "regress" else everything)
        ours = trained(module) - {f"model.{name}" for name in everything}
        assert bool(ours) == (phase == "joint")
        assert all(name.startswith("backbone.") for name in ours)
        assert any(name.startswith("backbone.") for name in module.state_dict()) == bool(ours)
        optimized = module.configure_optimizers().param_groups[0]["params"]
        assert len(optimized) == len(trained(module))


def test_gradients_reach_the_backbone_in_the_joint_phase_alone(make: Make, batch: Batch):
    pair = {name: batch[name] for name in ("condition", "target")}
    for phase in PHASES:
        module = make(phase)
        module.zero_grad()
        module.training_step(pair, 0).backward()
        network = module._unregistered[0]
        gradients = [p.grad for p in network.parameters() if p.grad is not None]
        assert bool(gradients) == (phase == "joint")
        network.zero_grad()


def test_cached_features_are_taken_as_they_are(make: Make, batch: Batch):
    module = make("flow")
    assert module.features(batch)["conv2_2"] is batch["conv2_2"]
    pair = {name: batch[name] for name in ("condition", "target")}
    assert module.features(pair)["conv2_2"].shape == batch["conv2_2"].shape


def rate_at(module: PhaseModule, step: int) -> float:
    found = trainer(module, step)
    module.on_train_batch_start({}, 0)
    return found.optimizers[0].param_groups[0]["lr"]


def test_the_rate_rises_linearly_and_falls_as_a_cosine_to_zero(make: Make):
    module = make("flow", "flow.steps=100", "flow.learning_rate=0.5", "warmup=10")
    rates = [rate_at(module, step) for step in range(101)]
    cosine = [0.25 * (1 + math.cos(math.pi * step / 100)) for step in range(101)]
    assert rates[10:] == pytest.approx(cosine[10:])
    assert rates[:10] == pytest.approx([(s + 1) / 10 * cosine[s] for s in range(10)])
    assert rates[100] == pytest.approx(0.0, abs=1e-12)
    assert rate_at(module, 130) == pytest.approx(0.0, abs=1e-12)


def test_a_phase_by_the_clock_looks_at_the_time_spent_training(make: Make):
    module = make("flow", "flow.steps=0", "flow.minutes=2", "flow.learning_rate=0.5", "warmup=0")
    assert rate_at(module, 1000) == pytest.approx(0.5)
    module.elapsed = 60.0
    assert module.progress == pytest.approx(0.5)
    assert rate_at(module, 1000) == pytest.approx(0.25)


def test_time_spent_on_reports_does_not_count(make: Make, monkeypatch: pytest.MonkeyPatch):
    clock = [100.0]
    fake = types.SimpleNamespace(monotonic=lambda: clock[0])
    monkeypatch.setattr(module_under_test, "time", fake)
    module = make("flow", "flow.steps=0", "flow.minutes=0.5")
    module.on_train_start()
    for _ in range(2):
        clock[0] += 10
        module.on_train_batch_end(None, {}, 0)
        clock[0] += 1000
        module.on_validation_end()
    assert module.elapsed == 20
    assert not module.trainer.should_stop
    clock[0] += 10
    module.on_train_batch_end(None, {}, 0)
    assert module.trainer.should_stop


def test_a_phase_by_steps_ends_after_so_many(make: Make):
    module = make("flow", "flow.steps=7")
    for step, stop in ((6, False), (7, True)):
        found = trainer(module, step)
        module.on_train_batch_end(None, {}, 0)
        assert found.should_stop == stop


def loss_at(module: PhaseModule, batch: Batch, step: int, rank: int = 0, world: int = 1) -> Tensor:
    trainer(module, step, rank, world)
    module.on_train_batch_start(batch, 0)
    return module.training_step(batch, 0).detach()


@pytest.mark.parametrize("phase", ["regress", "flow"])
def test_a_step_repeats_whatever_was_drawn_before(phase: str, make: Make, batch: Batch):
    module = make(phase, "model.dropout=0.5")
    module.train()
    first = loss_at(module, batch, 3)
    torch.rand(17)
    assert torch.equal(loss_at(module, batch, 3), first)
    assert not torch.equal(loss_at(module, batch, 4), first)


def test_noise_has_the_deviation_asked_for_and_differs_from_step_to_step(
    make: Make, monkeypatch: pytest.MonkeyPatch
):
    module, seen = make("flow", "data.noise=0.3"), []

    def keep(*arguments: Tensor) -> tuple[Tensor, Tensor]:
        seen.append(arguments[4])
        return torch.zeros(()), torch.zeros(())

    monkeypatch.setattr(module_under_test, "likelihood_loss", keep)
    batch = {"condition": torch.zeros(64), "target": torch.zeros(64, 2, 16, 16), "x": torch.ones(1)}
    for step in (0, 1):
        loss_at(module, batch, step)
    assert float(seen[0].std()) == pytest.approx(0.3, rel=0.02)
    assert abs(float(seen[0].mean())) < 0.01
    assert abs(float((seen[0] * seen[1]).mean())) < 0.01  # independent of each other


def test_the_shares_of_two_processes_make_the_loss_of_one(make: Make, batch: Batch):
    module = make("flow", "data.noise=0.5")
    even = {name: torch.cat([value, value[:1] + 0.1]) for name, value in batch.items()}
    whole = loss_at(module, even, 5)
    shares = [
        loss_at(module, {n: v[2 * rank : 2 * rank + 2] for n, v in even.items()}, 5, rank, 2)
        for rank in range(2)
    ]
    assert torch.allclose(sum(shares) / 2, whole, rtol=1e-5)


def test_dropout_differs_between_processes(make: Make, batch: Batch):
    module = make("regress")
    module.train()
    assert not torch.equal(loss_at(module, batch, 0, 0, 2), loss_at(module, batch, 0, 1, 2))


def test_a_gradient_that_is_not_finite_is_left_out_and_counted(make: Make):
    module = make("flow")
    optimizer = module.configure_optimizers()
    weight = next(p for p in module.parameters() if p.requires_grad)
    for value, skipped in ((math.nan, 1), (math.inf, 2), (1.0, 2), (-math.inf, 3)):
        before = [p.detach().clone() for p in module.parameters()]
        for parameter in module.parameters():
            parameter.grad = torch.ones_like(parameter)
        weight.grad.view(-1)[0] = value  # one value is enough
        module.on_before_optimizer_step(optimizer)
        optimizer.step()
        assert module.skipped == skipped
        for parameter, old in zip(module.parameters(), before, strict=True):
            assert torch.equal(parameter, old) == (not math.isfinite(value))


def test_too_many_bad_steps_in_a_row_end_the_run(make: Make, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(module_under_test, "HOPELESS", 3)
    module = make("flow")
    optimizer = module.configure_optimizers()
    weight = next(p for p in module.parameters() if p.requires_grad)

    def step(value: float) -> None:
        weight.grad = torch.full_like(weight, value)
        module.on_before_optimizer_step(optimizer)

    for value in (math.nan, math.nan, 1.0, math.nan, math.nan):
        step(value)
    with pytest.raises(ColorflowError, match=r"3 steps in a row.*lower flow\.learning_rate"):
        step(math.nan)


def test_the_clock_and_the_count_go_through_a_checkpoint(make: Make):
    module, other = make("flow"), make("flow")
    module.on_train_start()
    module.elapsed, module.skipped = 12.5, 3
    checkpoint: dict[str, object] = {}
    module.on_save_checkpoint(checkpoint)
    other.on_load_checkpoint(checkpoint)
    assert other.skipped == 3
    assert 12.5 < other.elapsed < 13.5  # with the step that is on its way


@pytest.mark.parametrize("phase", PHASES)
def test_reports_measure_the_flow_where_it_is_trained(phase: str, make: Make, batch: Batch):
    module = make(phase).eval()
    module.on_validation_start()
    with torch.inference_mode():
        for number in range(2):
            module.validation_step(batch, number)
    assert ("nll" in module.figures) == (phase != "regress")
    assert torch.cat(module.figures["regressor"]).shape == (6,)
    module.on_validation_start()
    assert module.figures == {}
