"""Cutting the results of a photo into parts that are finished and written together."""

from __future__ import annotations

from collections.abc import Sequence

from colorflow.batch.encoding import is_written_by_strips
from colorflow.batch.memory import result_bytes
from colorflow.batch.places import is_local
from colorflow.batch.results import Leaf, Parcel
from colorflow.variants import Variant

# Results of a photo are finished together as far as they have no more pixels: what small pictures
# cost is mostly the number of operations.
TOGETHER_PIXELS = 1 << 20


def leaves_of(parcel: Parcel, variants: Sequence[Variant]) -> list[Leaf]:
    """Cut the results of a photo into leaves.

    Args:
        parcel: the photo.
        variants: one per result.

    Returns:
        The leaves, each with the memory that it takes.
    """
    together = max(1, min(len(variants), TOGETHER_PIXELS // max(1, parcel.pixels)))
    suffix, held = parcel.outputs[0].suffix, not is_local(parcel.outputs[0])
    by_strips = is_written_by_strips(suffix, parcel.deep)
    cost = result_bytes(parcel.pixels, suffix, by_strips, held)
    cuts = [slice(start, start + together) for start in range(0, len(variants), together)]
    return [
        Leaf(parcel, parcel.outputs[cut], variants[cut], cost=cost * len(variants[cut]))
        for cut in cuts
    ]


def is_large(parcel: Parcel) -> bool:
    """Tell whether each result of a photo is worked on alone, and written while it is made.

    Args:
        parcel: the photo.

    Returns:
        True for photos of more than :data:`TOGETHER_PIXELS`.
    """
    return parcel.pixels > TOGETHER_PIXELS
