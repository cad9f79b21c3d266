import pytest
import torch

from colorflow.colorize import Colorizer
from colorflow.evaluation.round_trip import LIMITS, RoundTrip, check_round_trips


def test_a_sound_model_inverts_within_the_limits(tiny_checkpoint, cat):
    colorizer = Colorizer.from_pretrained(tiny_checkpoint, device="cpu")
    trips = check_round_trips(colorizer, [cat])
    assert {(t.input, t.precision) for t in trips} == {
        (i, p) for i in ("photos", "noise", "constants") for p in LIMITS
    }
    assert all(trip.ok for trip in trips)
    assert all(trip.latent_error > 0 for trip in trips)  # it was measured, not assumed


def test_the_check_leaves_the_model_as_it_was(tiny_checkpoint, cat, grey_cat):
    colorizer = Colorizer.from_pretrained(tiny_checkpoint, device="cpu")
    before = {n: v.clone() for n, v in colorizer.model.state_dict().items()}
    check_round_trips(colorizer, [cat])
    after = colorizer.model.state_dict()
    assert all(torch.equal(value, after[name]) for name, value in before.items())


def test_a_broken_inverse_is_found(tiny_checkpoint, cat):
    colorizer = Colorizer.from_pretrained(tiny_checkpoint, device="cpu")
    mixing = next(m for m in colorizer.model.modules() if hasattr(m, "matrix"))
    mixing.matrix.mul_(1.5)  # no longer orthogonal: the transpose is not the inverse
    trips = check_round_trips(colorizer, [cat])
    assert not all(trip.ok for trip in trips)


@pytest.mark.parametrize("error", [float("nan"), float("inf"), 2e-3])
def test_errors_beyond_the_limit_are_not_ok(error):
    assert not RoundTrip("photos", "float32", error, 0.0, 1e-3).ok
    assert not RoundTrip("photos", "float32", 0.0, error, 1e-3).ok
