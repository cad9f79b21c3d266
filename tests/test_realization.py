"""From draws to targets: which draws are chosen, and which are replaced because no photo has them.

The small model never gives anything implausible, so a stricter judge takes the domain's place.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import Tensor

from colorflow.colorize import Colorizer
from colorflow.devices import one_thread
from colorflow.draws import ATTEMPTS, CANDIDATES
from colorflow.errors import ConfigError, ImplausibleError
from colorflow.hints import Hint
from colorflow.images.photo import Photo
from colorflow.images.read import read_photo
from colorflow.realization import choose
from colorflow.representatives import distances
from colorflow.variants import Variant

Judge = Callable[[Tensor], Tensor]


def below(limit: float) -> Judge:
    """Let targets pass whose mean is below a limit."""
    return lambda targets: targets.mean((1, 2, 3)) < limit


@pytest.fixture
def photo(grey_cat: np.ndarray) -> Photo:
    return read_photo(grey_cat)


@pytest.fixture
def strict(tiny: Colorizer, photo: Photo, monkeypatch: pytest.MonkeyPatch) -> list[Variant]:
    """Let a judge refuse the upper half of some variants; give these as they would have been."""
    before = tiny.sample(photo, n=4, seed=3, draw="independent")
    means = sorted(float(variant.target.mean()) for variant in before)
    monkeypatch.setattr(tiny.domain, "plausible", below((means[1] + means[2]) / 2))
    return before


def replaced(variants: list[Variant]) -> list[int]:
    return [variant.index for variant in variants if variant.attempt]


# --- which draws are chosen


def chosen(tiny: Colorizer, photo: Photo, n: int, **changes):
    with torch.inference_mode(), one_thread():
        prepared = tiny.prepare(tiny.domain.condition(photo))
        return choose(tiny.model, tiny.plan(photo, n, **changes), prepared)


def test_the_first_variant_is_nearer_to_the_mode_by_its_factor(tiny, photo, monkeypatch):
    plain = chosen(tiny, photo, 3)
    monkeypatch.setattr(tiny.model, "config", tiny.model.config.replace(first_scale=0.25))
    calm = chosen(tiny, photo, 3)
    assert calm.numbers == plain.numbers
    assert calm.scales == (0.25, 1.0, 1.0)
    for mine, theirs in zip(calm.latents.levels, plain.latents.levels, strict=True):
        assert torch.allclose(mine[0], 0.25 * theirs[0])
        assert torch.equal(mine[1:], theirs[1:])
    independent = chosen(tiny, photo, 3, strategy="independent")
    assert independent.scales == (1.0, 1.0, 1.0)


def test_variants_are_compared_by_what_the_metric_leaves_of_the_coarse_map(
    tiny, photo, monkeypatch
):
    with torch.inference_mode(), one_thread():
        prepared = tiny.prepare(tiny.domain.condition(photo))
        latents = tiny.plan(photo).latents(range(CANDIDATES))
        channels = tiny.model.coarse(latents, prepared).shape[1]
    rows = ((1.0, *[0.0] * (channels - 1)), (0.0, 2.0, *[0.0] * (channels - 2)))
    monkeypatch.setattr(tiny.model, "config", tiny.model.config.replace(coarse_metric=rows))
    with torch.inference_mode(), one_thread():
        maps = tiny.model.coarse(latents, prepared)[:, :2] * torch.tensor([1.0, 2.0]).view(2, 1, 1)
    expected = int(distances(maps).sum(0).argmin())
    assert chosen(tiny, photo, 1).numbers == (expected,)


def test_a_metric_for_another_map_is_refused(tiny, photo, monkeypatch):
    config = tiny.model.config.replace(coarse_metric=((1.0, 2.0, 3.0),))
    monkeypatch.setattr(tiny.model, "config", config)
    with pytest.raises(ConfigError, match="coarse_metric: expected"):
        chosen(tiny, photo, 1)


def test_fewer_representatives_are_the_first_of_more(tiny: Colorizer, photo: Photo):
    numbers = [chosen(tiny, photo, n).numbers for n in (1, 4, 8, CANDIDATES)]
    for few in numbers:
        assert few == numbers[-1][: len(few)]
    assert sorted(numbers[-1]) == list(range(CANDIDATES))


def test_shares_add_up_to_one_and_latents_are_those_of_the_numbers(tiny: Colorizer, photo: Photo):
    drawn = chosen(tiny, photo, 4)
    assert sum(drawn.shares) == pytest.approx(1)
    expected = tiny.plan(photo, 4).latents(drawn.numbers)
    assert torch.equal(drawn.latents.flatten(), expected.flatten())


def test_beyond_the_candidates_come_the_next_draws_with_equal_shares(tiny: Colorizer, photo: Photo):
    drawn = chosen(tiny, photo, CANDIDATES + 2)
    assert drawn.numbers[:CANDIDATES] == chosen(tiny, photo, CANDIDATES).numbers
    assert drawn.numbers[CANDIDATES:] == (CANDIDATES, CANDIDATES + 1)
    assert drawn.shares == pytest.approx([1 / (CANDIDATES + 2)] * (CANDIDATES + 2))


def test_the_choice_is_that_of_factor_one(tiny: Colorizer, photo: Photo):
    full = chosen(tiny, photo, 4)
    muted = chosen(tiny, photo, 4, factor=0.25)
    assert (muted.numbers, muted.shares) == (full.numbers, full.shares)
    assert torch.equal(muted.latents.flatten(), full.latents.flatten() * 0.25)


def test_independent_variants_are_the_first_draws_and_stand_for_themselves(
    tiny: Colorizer, photo: Photo
):
    drawn = chosen(tiny, photo, 5, strategy="independent")
    assert drawn.numbers == (0, 1, 2, 3, 4)
    assert drawn.shares == (None,) * 5


def test_every_candidate_is_nearer_to_representatives_than_to_the_first_draws(
    tiny: Colorizer, photo: Photo
):
    with torch.inference_mode(), one_thread():
        prepared = tiny.prepare(tiny.domain.condition(photo))
        draw = tiny.plan(photo, 4)
        distance = distances(tiny.model.coarse(draw.latents(range(CANDIDATES)), prepared))
        numbers = choose(tiny.model, draw, prepared).numbers
    near = [float(distance[:, list(n)].amin(1).mean()) for n in (numbers, (0, 1, 2, 3))]
    assert near[0] < near[1]


# --- implausible targets


def test_implausible_variants_are_replaced_by_their_next_seeds_and_say_so(
    tiny: Colorizer, photo: Photo, strict: list[Variant]
):
    found = tiny.sample(photo, n=4, seed=3, draw="independent")
    assert len(replaced(found)) == 2
    plan = tiny.plan(photo, 4, seed=3, strategy="independent")
    for variant, before in zip(found, strict, strict=True):
        assert bool(tiny.domain.plausible(variant.target[None]))
        assert (variant.index, variant.number) == (before.index, before.number)
        expected = plan.latents([variant.number], [variant.attempt])
        assert torch.equal(variant.latents.flatten(), expected.flatten())
        if not variant.attempt:
            assert torch.equal(variant.target, before.target)
            assert variant.log_prob == before.log_prob


def test_the_first_plausible_seed_is_taken(tiny: Colorizer, photo: Photo, strict: list[Variant]):
    for variant in tiny.sample(photo, n=4, seed=3, draw="independent"):
        plan = tiny.plan(photo, 4, seed=3, strategy="independent")
        condition = tiny.domain.condition(photo)
        for attempt in range(variant.attempt):
            earlier = plan.latents([variant.number], [attempt])
            with pytest.raises(ImplausibleError):
                tiny.paint([(photo, condition, earlier)])


@pytest.mark.parametrize("draw", ["independent", "representative"])
def test_replacements_depend_neither_on_company_nor_on_how_many_are_drawn(
    tiny: Colorizer, grey_cat: np.ndarray, strict: list[Variant], draw: str
):
    photos = [Photo(grey_cat[:, start : start + 100].copy()) for start in (0, 20, 40)]
    alone = [tiny.sample(photo, n=4, seed=3, draw=draw) for photo in photos]
    assert any(replaced(variants) for variants in alone)
    items = [
        (photo, tiny.domain.condition(photo), tiny.plan(photo, 4, seed=3, strategy=draw))
        for photo in photos
    ]
    few = [tiny.sample(photo, n=2, seed=3, draw=draw) for photo in photos]
    for here, there, less in zip(alone, tiny.paint(items), few, strict=True):
        assert [v.attempt for v in here] == [v.attempt for v in there]
        for one, two in zip(here, there, strict=True):
            assert torch.equal(one.target, two.target)
            assert one.log_prob == two.log_prob
        for one, two in zip(here, less, strict=False):
            assert torch.equal(one.target, two.target)


def test_replaced_variants_follow_their_hints(tiny: Colorizer, photo: Photo, strict: list[Variant]):
    hints = [Hint(75, 50, "#335577")]
    found = tiny.sample(photo, n=4, seed=3, hints=hints, draw="independent")
    for variant in found:
        assert len(variant.residuals) == 1
        assert variant.residuals[0] < 5


def test_a_photo_that_stays_implausible_is_given_up_in_a_line(
    tiny: Colorizer, photo: Photo, monkeypatch: pytest.MonkeyPatch
):
    asked = []

    def never(targets: Tensor) -> Tensor:
        asked.append(len(targets))
        return torch.zeros(len(targets), dtype=torch.bool)

    monkeypatch.setattr(tiny.domain, "plausible", never)
    with pytest.raises(ImplausibleError, match=r"variant 1: .*lower saturation") as caught:
        tiny.sample(photo, n=2)
    assert "\n" not in str(caught.value)
    assert asked == [2] + [1] * ATTEMPTS


def test_implausible_latents_from_elsewhere_are_refused(
    tiny: Colorizer, photo: Photo, strict: list[Variant]
):
    bad = max(strict, key=lambda variant: float(variant.target.mean()))
    good = min(strict, key=lambda variant: float(variant.target.mean()))
    with pytest.raises(ImplausibleError, match="these latents"):
        tiny.decode(photo, bad.latents)
    plain = tiny.domain.finishing(photo).pictures([good.target])[0]
    assert tiny.decode(photo, good.latents).tobytes() == plain.tobytes()
