"""The contract of every registered transform, in float64."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import pytest
import torch
from cases import CASES, Case, build, draw
from safetensors.torch import load_file, save_file
from torch import Tensor

from colorflow.transforms import check_invertible, get_transform, transform_names
from colorflow.transforms.check import condition_row, flatten_value, jacobian_log_det

IDS = [f"{case.name}-{number}" for number, case in enumerate(CASES)]
each_case = pytest.mark.parametrize("case", CASES, ids=IDS)


def test_every_registered_transform_has_a_case_of_its_class():
    assert {case.name for case in CASES} == set(transform_names())
    for case in CASES:
        assert type(case.build()) is get_transform(case.name)


@each_case
@pytest.mark.parametrize("batch", [1, 3])
def test_check_invertible_accepts_it(case: Case, batch: int):
    _, condition = draw(case, batch)
    report = check_invertible(build(case), (batch, *case.shape), condition, tolerance=1e-10)
    assert report.jacobian is not None  # the case is small enough for the full Jacobian


@each_case
def test_log_det_of_the_inverse_matches_its_own_jacobian(case: Case):
    transform = build(case)
    x, condition = draw(case, 1)
    y, _ = transform(x, condition)
    shapes = _shapes(y)

    def inverse(flat: Tensor) -> Tensor:
        return transform.inverse(_pack(flat, shapes), condition)[0].flatten()

    jacobian = torch.autograd.functional.jacobian(inverse, flatten_value(y)[0].detach())
    expected = torch.linalg.slogdet(jacobian).logabsdet
    _, log_det = transform.inverse(y, condition)
    assert torch.allclose(log_det, expected, atol=1e-10)


@each_case
def test_samples_do_not_influence_each_other(case: Case):
    transform = build(case)
    x, condition = draw(case, 3)
    y, log_det = transform(x, condition)
    for row in range(3):
        one, one_log_det = transform(x[row : row + 1], condition_row(condition, row))
        assert torch.allclose(flatten_value(one), flatten_value(y)[row : row + 1], atol=1e-12)
        assert torch.allclose(one_log_det, log_det[row : row + 1], atol=1e-12)


@each_case
def test_inputs_are_not_changed(case: Case):
    transform = build(case)
    x, condition = draw(case, 2)
    y, _ = transform(x, condition)
    kept = flatten_value(y).clone()
    transform.inverse(y, condition)
    transform.inverse(y, condition)
    assert torch.equal(flatten_value(y), kept)


@each_case
def test_gradient_of_the_log_det_matches_finite_differences(case: Case):
    transform = build(case)
    x, condition = draw(case, 2)
    parameters = [p for p in transform.parameters() if p.requires_grad]
    if not parameters:
        assert not transform(x, condition)[1].requires_grad
        return
    log_det = transform(x, condition)[1].sum()
    if not log_det.requires_grad:  # volume-preserving: constant in all parameters
        assert float(log_det) == pytest.approx(0.0)
        return
    gradients = torch.autograd.grad(log_det, parameters, allow_unused=True)
    epsilon = 1e-6
    for parameter, gradient in zip(parameters, gradients, strict=True):
        flat = parameter.detach().view(-1)
        for position in {0, len(flat) // 2, len(flat) - 1}:
            kept = flat[position].item()
            sides = []
            for step in (epsilon, -epsilon):
                flat[position] = kept + step
                sides.append(float(transform(x, condition)[1].sum().detach()))
            flat[position] = kept
            expected = (sides[0] - sides[1]) / (2 * epsilon)
            got = 0.0 if gradient is None else float(gradient.view(-1)[position])
            assert got == pytest.approx(expected, rel=1e-4, abs=1e-6)


@each_case
def test_saved_and_loaded_it_gives_the_same_bits(case: Case, tmp_path: Path):
    transform = build(case)
    x, condition = draw(case, 2)
    save_file(transform.state_dict(), tmp_path / "t.safetensors")
    fresh = case.build().double()
    fresh.load_state_dict(load_file(tmp_path / "t.safetensors"), strict=True)
    # In training mode too: nothing may be initialised anew from the first batch.
    y, log_det = transform.train()(x, condition)
    again, log_det_again = fresh.train()(x, condition)
    assert torch.equal(flatten_value(y), flatten_value(again))
    assert torch.equal(log_det, log_det_again)


@each_case
def test_whole_state_survives_a_plain_state_dict(case: Case):
    # Anything held outside parameters and buffers would not get through.
    buffer = io.BytesIO()
    torch.save(build(case).state_dict(), buffer)
    buffer.seek(0)
    state = torch.load(buffer, weights_only=True)
    assert set(state) == set(case.build().state_dict())


@each_case
def test_float32_round_trip(case: Case):
    transform = build(case).float()
    x, condition = draw(case, 2)
    x, condition = x.float(), _float(condition)
    y, _ = transform(x, condition)
    back, _ = transform.inverse(y, condition)
    assert torch.allclose(back, x, atol=1e-4)


def test_brute_force_log_det_of_a_known_map():
    # The check itself is checked: y = 3 x has log|det| = d log 3.
    from colorflow.transforms import Transform

    class Triple(Transform):
        def forward(self, x, condition=None):
            return 3 * x, torch.zeros(len(x))

        def inverse(self, y, condition=None):
            return y / 3, torch.zeros(len(y))

    x = torch.ones(2, 4, dtype=torch.float64)
    expected = torch.full((2,), 4 * torch.tensor(3.0).log().item(), dtype=torch.float64)
    assert torch.allclose(jacobian_log_det(Triple(), x), expected, atol=1e-6)


def _shapes(value: Any) -> Any:
    if isinstance(value, Tensor):
        return tuple(value.shape[1:])
    return [_shapes(part) for part in value]


def _pack(flat: Tensor, shapes: Any) -> Any:
    if isinstance(shapes, tuple):
        return flat.view(1, *shapes)
    parts, start = [], 0
    for shape in shapes:
        size = int(torch.tensor(shape).prod())
        parts.append(flat[start : start + size].view(1, *shape))
        start += size
    return tuple(parts)


def _float(condition: Any) -> Any:
    if condition is None:
        return None
    if isinstance(condition, Tensor):
        return condition.float()
    return [_float(part) for part in condition]
