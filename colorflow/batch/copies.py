"""Photos of the same pixels are painted once in a job."""

from __future__ import annotations

import dataclasses
import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable, Sequence
from typing import cast

from colorflow.batch.painters import Painter
from colorflow.batch.results import Parcel
from colorflow.domains import Finishing
from colorflow.variants import Variant

# Variants that are remembered, about 70 kB each.
REMEMBERED = 512

Paint = Callable[[Sequence[Parcel]], list[list[Variant]]]


class Copies:
    """Remembers the variants of photos, for copies of them that follow.

    Archives hold many copies: of one photo in several albums, formats or backups. Their seeds come
    from their pixels, so their variants are equal. Each copy keeps its own finishing, which holds
    its transparency and border.

    Args:
        painter: makes variants.
        capacity: number of variants that are remembered; those used least recently are dropped.
    """

    def __init__(self, painter: Painter, capacity: int = REMEMBERED) -> None:
        self.painter = painter
        self.capacity = capacity
        self._known: OrderedDict[Hashable, list[Variant]] = OrderedDict()
        self._lock = threading.Lock()

    def paint(self, parcels: Sequence[Parcel], paint: Paint) -> list[list[Variant]]:
        """Paint photos, each only if no copy of it was painted before.

        Args:
            parcels: the photos.
            paint: makes the variants of some of them.

        Returns:
            The variants of each photo.
        """
        keys = [_key(parcel) for parcel in parcels]
        with self._lock:
            found = {key: self._known[key] for key in keys if key in self._known}
        fresh = {key: p for key, p in zip(keys, parcels, strict=True) if key not in found}
        painted = paint(list(fresh.values())) if fresh else []
        for key, variants in zip(fresh, painted, strict=True):
            found[key] = variants
        self._remember({key: found[key] for key in keys})
        return [
            found[key] if fresh.get(key) is parcel else self._finished(parcel, found[key])
            for key, parcel in zip(keys, parcels, strict=True)
        ]

    def _finished(self, parcel: Parcel, variants: Sequence[Variant]) -> list[Variant]:
        if parcel.photo is None:
            raise ValueError("a photo whose pixels were dropped before it was painted")
        finishing = self.painter.finishing(parcel.photo)
        return [dataclasses.replace(variant, finishing=finishing) for variant in variants]

    def _remember(self, painted: dict[Hashable, list[Variant]]) -> None:
        # A finishing holds on to the whole photo.
        nothing = cast(Finishing, None)
        with self._lock:
            for key, variants in painted.items():
                kept = [dataclasses.replace(variant, finishing=nothing) for variant in variants]
                self._known[key] = kept
                self._known.move_to_end(key)
            while sum(map(len, self._known.values())) > self.capacity:
                self._known.popitem(last=False)


def _key(parcel: Parcel) -> Hashable:
    shape = () if parcel.condition is None else tuple(parcel.condition.shape)
    return parcel.made_by["photo"], shape, parcel.placed
