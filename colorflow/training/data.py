"""From folders of photos to the batches of a run."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.utils.data import DataLoader

from colorflow.domains import Domain
from colorflow.networks.backbones import Backbone
from colorflow.training.batches import (
    Batch,
    CachedBatches,
    PhotoBatches,
    Schedule,
    features_of,
)
from colorflow.training.cache import FeatureCache, fill_cache
from colorflow.training.config import TrainConfig
from colorflow.training.survey import Surveyed
from colorflow.training.views import Views

REPORT_BATCH = 32


class TrainingData:
    """The photos of a run, cropped, and with features where the backbone is frozen.

    Args:
        config: of the run.
        domain: what to make of a photo.
        train: photos to train on.
        held: photos to report on; may be empty.
        cache: folder of the feature caches, or None to compute features in every step.
        identity: hash of the backbone's weights.
    """

    def __init__(
        self,
        config: TrainConfig,
        domain: Domain,
        train: tuple[Surveyed, ...],
        held: tuple[Surveyed, ...],
        cache: Path | None,
        identity: str,
    ) -> None:
        self.config = config
        crop = config.data.crop
        self.views = Views(train, domain, config.seed, crop, config.data.jitter)
        # By hash: names often begin with the collection, and the first ones would be of one kind.
        reported = sorted(held, key=lambda file: file.content)[: config.report_photos]
        self.held = Views(reported, domain, config.seed, crop)
        self.cache = FeatureCache(cache, self._key(domain, identity)) if cache else None
        self.rows: list[int] = []
        self.held_rows: list[int] = []

    def __deepcopy__(self, memo: Mapping[int, Any]) -> TrainingData:
        return self  # Weight averaging copies the module that refers to it; photos stay shared.

    def _key(self, domain: Domain, identity: str) -> dict[str, Any]:
        geometry, model = domain.geometry, self.config.model
        # Only where there is one: caches of photos from before there were pairs still serve.
        jitter = {"jitter": self.config.data.jitter} if self.config.data.jitter else {}
        return {
            **jitter,
            "version": 1,
            "domain": domain.name,
            "scale": model.target_scale,
            "geometry": [geometry.side, geometry.stride],
            "backbone": identity,
            "taps": list(model.taps),
            "crop": self.config.data.crop,
            "precision": self.config.precision,
            "seed": self.config.seed,
        }

    def prepare(self, backbone: Backbone, device: torch.device, log: Callable[[str], None]) -> None:
        """Fill the feature cache, if there is one.

        Args:
            backbone: that makes the features.
            device: where to compute.
            log: receives lines.
        """
        if self.cache is None:
            return
        workers = self.config.data.workers
        views = self.config.data.views
        half = torch.bfloat16 if self.config.precision == "bf16" else torch.float32
        for name, source, count in (("held_rows", self.held, 1), ("rows", self.views, views)):
            rows = fill_cache(self.cache, source, count, backbone, device, half, workers, log)
            setattr(self, name, rows)

    def train_loader(self, start: int, rank: int = 0, world: int = 1) -> DataLoader[Batch]:
        """Give the training batches from a step on, for ever.

        Args:
            start: first step.
            rank: of this process.
            world: number of processes.

        Returns:
            A loader of whole batches.
        """
        config = self.config
        if self.cache is not None:
            schedule = Schedule(len(self.rows), config.batch, config.seed, rank, world)
            cached = CachedBatches(self.cache, self.rows, schedule, start)
            return DataLoader(cached, batch_size=None)
        schedule = Schedule(len(self.views.files), config.batch, config.seed, rank, world)
        photos = PhotoBatches(self.views, schedule, start)
        workers = config.data.workers
        return DataLoader(photos, batch_size=None, num_workers=workers)

    def __iter__(self) -> Iterator[Batch]:
        """Give the held-back photos in batches, always the same."""
        for first in range(0, len(self.held.files), REPORT_BATCH):
            chosen = range(first, min(first + REPORT_BATCH, len(self.held.files)))
            yield self._centres(self.held, self.held_rows, chosen)

    def pictured(self, count: int) -> Batch:
        """Give the photos that pictures of a report show.

        Args:
            count: how many at most.

        Returns:
            The first held-back photos, or the first ones to train on if none is held back.
        """
        held = bool(self.held.files)
        source, rows = (self.held, self.held_rows) if held else (self.views, self.rows)
        return self._centres(source, rows, range(min(count, len(source.files))))

    def _centres(self, source: Views, rows: Sequence[int], chosen: range) -> Batch:
        if self.cache is not None:  # the first rows are those of the centres
            return self.cache.read([rows[position] for position in chosen])
        pairs = [source.pair(position, 0) for position in chosen]
        return {
            "condition": torch.stack([pair[0] for pair in pairs]),
            "target": torch.stack([pair[1] for pair in pairs]),
        }

    def tap_statistics(
        self, backbone: Backbone, count: int = 20
    ) -> dict[str, tuple[Tensor, Tensor]]:
        """Measure mean and deviation of each channel of each tap on some batches.

        Args:
            backbone: that makes the features where they are not cached.
            count: batches.

        Returns:
            By tap, mean and standard deviation [channels].
        """
        sums: dict[str, list[Tensor]] = {}
        loader = iter(self.train_loader(0))
        for _ in range(count):
            batch = next(loader)
            with torch.inference_mode():
                features = features_of(batch) or backbone(batch["condition"])
            for tap, value in features.items():
                flat = value.float().transpose(0, 1).flatten(1)
                sums.setdefault(tap, []).append(torch.stack([flat.mean(1), flat.square().mean(1)]))
        statistics = {}
        for tap, parts in sums.items():
            mean, square = torch.stack(parts).mean(0)
            statistics[tap] = (mean, (square - mean.square()).clamp(min=0).sqrt())
        return statistics
