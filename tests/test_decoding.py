"""Calls of one fixed shape: results that do not depend on company."""

import numpy as np
import pytest
import torch

from colorflow.decoding import decode, fewer_of_larger, photos_per_call, rows_per_call
from colorflow.errors import ShapeError
from colorflow.images.photo import Photo
from colorflow.models.condition import PreparedCondition
from colorflow.models.latents import Latents


@pytest.mark.parametrize(
    ("samples", "rows", "photos"),
    [(1, 4, 4), (2, 4, 2), (3, 4, 1), (4, 4, 1), (9, 4, 1), (3, 64, 16), (33, 64, 1)],
)
def test_photos_share_a_call_as_far_as_it_has_rows(samples, rows, photos):
    assert photos_per_call(samples, rows) == photos


def _photos(tiny, grey_cat, count):
    photos = [Photo(grey_cat[:, start : start + 100].copy()) for start in range(0, 10 * count, 10)]
    return [(photo, tiny.domain.condition(photo)) for photo in photos]


@pytest.mark.parametrize("samples", [1, 2, 3, 5])
def test_a_variant_is_the_same_to_the_last_bit_alone_and_in_any_company(tiny, grey_cat, samples):
    pairs = _photos(tiny, grey_cat, 5)
    items = [(photo, c, tiny.plan(photo, samples)) for photo, c in pairs]
    together = tiny.paint(items)
    backwards = tiny.paint(items[::-1])[::-1]
    for (photo, _, _), here, there in zip(items, together, backwards, strict=True):
        alone = tiny.sample(photo, n=samples)
        for one, two, three in zip(alone, here, there, strict=True):
            assert torch.equal(one.target, two.target)
            assert torch.equal(one.target, three.target)
            assert one.log_prob == two.log_prob == three.log_prob


@pytest.fixture
def with_threads():
    """Call a function with several numbers of threads."""
    before = torch.get_num_threads()

    def call(function, counts=(1, 2, 3, 4)):
        results = []
        for threads in counts:
            torch.set_num_threads(threads)
            results.append(function())
            assert torch.get_num_threads() == threads
        return results

    yield call
    torch.set_num_threads(before)


def test_the_number_of_threads_of_the_caller_changes_nothing(tiny, grey_cat, with_threads):
    first, *others = with_threads(lambda: tiny.sample(grey_cat, n=2)[1])
    assert all(torch.equal(first.target, other.target) for other in others)


@pytest.mark.parametrize("kind", ["uint8", "float"])
def test_nor_does_it_for_colours_read_encoded_and_scored(tiny, cat, with_threads, kind):
    # Large and of odd sides, so that threads share it out unevenly.
    photo = np.asarray(cat.resize((701, 533)))
    photo = photo if kind == "uint8" else photo / np.float32(255)

    def everything():
        code = tiny.encode(photo)
        target = tiny.sample(photo, n=1)[0].target
        grey = tiny.sample(photo.mean(-1) / photo.max(), n=1)[0].target
        return [*code.levels, target, grey, torch.tensor(tiny.log_prob(photo).nats)]

    first, *others = with_threads(everything)
    for other in others:
        assert all(torch.equal(here, there) for here, there in zip(first, other, strict=True))


def test_codes_and_conditions_have_to_match(tiny, grey_cat):
    (photo, condition), (other, _) = _photos(tiny, grey_cat, 2)
    prepared = tiny.prepare(condition)
    codes = [tiny.draw(photo, 2), tiny.draw(other, 3)]
    with pytest.raises(ShapeError, match="equal length"):
        decode(tiny.model, codes, [prepared, prepared], 4)
    with pytest.raises(ShapeError, match="conditions"):
        decode(tiny.model, codes[:1], [prepared, prepared], 4)


def test_conditions_of_different_geometry_cannot_be_put_together(tiny, grey_cat):
    narrow = tiny.prepare(tiny.domain.condition(Photo(grey_cat[:, :60].copy())))
    wide = tiny.prepare(tiny.domain.condition(Photo(grey_cat[:60].copy())))
    with pytest.raises(ShapeError, match="geometry"):
        PreparedCondition.cat([narrow, wide])


def test_log_densities_belong_to_their_rows(tiny, grey_cat):
    """Each score is that of its own code: the flow forwards gives it back."""
    pairs = _photos(tiny, grey_cat, 3)
    items = [(photo, c, tiny.draw(photo, 2)) for photo, c in pairs]
    for (_, condition, code), variants in zip(items, tiny.paint(items), strict=True):
        targets = torch.stack([v.target for v in variants])
        nats = tiny.model.log_prob(targets, tiny.prepare(condition)).detach()
        expected = nats + code.dimensions * tiny.domain.log_volume()
        found = torch.tensor([v.log_prob for v in variants])
        torch.testing.assert_close(found, expected.float(), rtol=1e-4, atol=0.05)


def test_every_device_has_a_power_of_two():
    for name in ("cpu", "cuda", "mps"):
        rows = rows_per_call(torch.device(name))
        assert rows & (rows - 1) == 0


def test_latents_of_a_photo_are_drawn_on_the_cpu_from_its_pixels(tiny, grey_cat):
    photo = Photo(grey_cat)
    code = tiny.draw(photo, 3, temperature=1.0)
    again = tiny.draw(Photo(grey_cat.copy()), 5, temperature=1.0)
    assert isinstance(code, Latents)
    assert torch.equal(code.flatten(), again.flatten()[:3])


@pytest.mark.parametrize(
    ("size", "count"),
    [
        ((64, 64), 4),
        ((64, 96), 4),
        ((64, 128), 2),
        ((128, 128), 1),
        ((64, 256), 1),
        ((256, 256), 1),
    ],
)
def test_what_is_larger_shares_a_call_with_fewer(size, count):
    assert fewer_of_larger(4, size, 64) == count
