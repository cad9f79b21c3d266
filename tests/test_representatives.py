"""Representative candidates: greedy medoids by brute force, and what each of them stands for."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from colorflow.errors import ConfigError
from colorflow.representatives import distances, greedy_medoids, shares_of


def points(seed: int, count: int = 12) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(count, 3, generator=generator, dtype=torch.float64)


def clusters(sizes: tuple[int, ...]) -> Tensor:
    """Points near one corner of a simplex for each size, shuffled."""
    generator = torch.Generator().manual_seed(4)
    corners = 10 * torch.eye(len(sizes))
    rows = torch.cat([corners[k].expand(size, -1) for k, size in enumerate(sizes)])
    rows = rows + 0.1 * torch.randn(rows.shape, generator=generator)
    return rows[torch.randperm(len(rows), generator=generator)]


def left_over(distance: Tensor, chosen: list[int]) -> float:
    """Sum over all candidates of the distance to the nearest chosen one, slowly."""
    return sum(min(float(distance[i, j]) for j in chosen) for i in range(len(distance)))


# --- distances


def test_distances_are_euclidean_norms_of_differences():
    maps = torch.randn(4, 3, 2, 5, generator=torch.Generator().manual_seed(1))
    found = distances(maps)
    for i in range(4):
        for j in range(4):
            squares = [float(d) ** 2 for d in (maps[i].double() - maps[j].double()).flatten()]
            assert float(found[i, j]) == pytest.approx(sum(squares) ** 0.5, abs=1e-6)
    assert torch.equal(found, found.T)
    assert torch.count_nonzero(found.diagonal()) == 0


def test_vectors_are_maps_of_one_pixel():
    vectors = points(2)
    assert torch.equal(distances(vectors), distances(vectors[:, :, None, None]))


# --- medoids


@pytest.mark.parametrize("seed", range(6))
def test_first_and_second_are_the_best_by_brute_force(seed: int):
    distance = distances(points(seed))
    first, second, *_ = greedy_medoids(distance)
    ones = [left_over(distance, [j]) for j in range(12)]
    assert first == ones.index(min(ones))
    rest = [j for j in range(12) if j != first]
    twos = [left_over(distance, [first, j]) for j in rest]
    assert second == rest[twos.index(min(twos))]


def test_each_further_one_lowers_what_is_left_over_most():
    distance = distances(points(7))
    order = greedy_medoids(distance)
    assert sorted(order) == list(range(12))
    for count in range(1, 11):
        best = min(left_over(distance, [*order[:count], j]) for j in order[count:])
        assert left_over(distance, order[: count + 1]) == pytest.approx(best)


def test_every_cluster_is_represented_the_largest_first():
    rows = clusters((12, 6, 3))
    order = greedy_medoids(distances(rows))
    assert rows[order[:3]].argmax(1).tolist() == [0, 1, 2]


def test_equal_candidates_keep_their_order():
    assert greedy_medoids(torch.zeros(5, 5, dtype=torch.float64)) == [0, 1, 2, 3, 4]
    twice = distances(points(3, 6).repeat(2, 1))
    order = greedy_medoids(twice)
    for candidate in range(6):
        assert order.index(candidate) < order.index(candidate + 6)


def test_another_order_of_the_candidates_chooses_the_same_ones():
    rows = points(8)
    shuffled = torch.randperm(12, generator=torch.Generator().manual_seed(2))
    order = greedy_medoids(distances(rows))
    again = greedy_medoids(distances(rows[shuffled]))
    # With two left either one ends the sum at the other's distance: that is a tie.
    assert [int(shuffled[j]) for j in again][:10] == order[:10]


# --- shares


def test_shares_are_the_fractions_that_are_nearest():
    rows = clusters((12, 6, 2))
    distance = distances(rows)
    chosen = greedy_medoids(distance)[:3]
    assert shares_of(distance, chosen) == pytest.approx([0.6, 0.3, 0.1])


@pytest.mark.parametrize("shrinkage", [0.0, 0.3, 1.0])
@pytest.mark.parametrize("count", [1, 2, 5, 12])
def test_shares_add_up_to_one(count: int, shrinkage: float):
    distance = distances(points(5))
    shares = shares_of(distance, greedy_medoids(distance)[:count], shrinkage)
    assert len(shares) == count
    assert min(shares) >= 0
    assert sum(shares) == pytest.approx(1)


def test_shrinkage_leads_to_equal_shares():
    distance = distances(clusters((12, 6, 2)))
    chosen = greedy_medoids(distance)[:3]
    plain, equal = shares_of(distance, chosen), [1 / 3] * 3
    assert shares_of(distance, chosen, 1.0) == pytest.approx(equal)
    half = [(a + b) / 2 for a, b in zip(plain, equal, strict=True)]
    assert shares_of(distance, chosen, 0.5) == pytest.approx(half)


def test_the_first_of_equally_near_ones_has_the_candidate():
    assert shares_of(torch.zeros(4, 4), [2, 0]) == [1.0, 0.0]


@pytest.mark.parametrize(("chosen", "shrinkage"), [([], 0.0), ([0], -0.1), ([0], 1.1)])
def test_nothing_chosen_and_impossible_shrinkage_are_refused(chosen: list[int], shrinkage: float):
    with pytest.raises(ConfigError, match="shares"):
        shares_of(torch.zeros(2, 2), chosen, shrinkage)
