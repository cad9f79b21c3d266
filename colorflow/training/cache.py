"""An on-disk cache of backbone features, so that only the first look at a photo pays for VGG."""

from __future__ import annotations

import copy
import json
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader

from colorflow.errors import ConfigError
from colorflow.training.views import Views

INDEX = "index.json"


class FeatureCache:
    """Conditions, targets and features of all views, as float16 memory maps.

    Args:
        folder: a folder written by :func:`build_cache`.

    Raises:
        ConfigError: the folder holds no finished cache.
    """

    def __init__(self, folder: Path) -> None:
        index = folder / INDEX
        if not index.is_file():
            raise ConfigError(f"{folder}: expected a finished feature cache, {INDEX} is missing")
        self.index = json.loads(index.read_text())
        self.good = np.array(self.index["good"], dtype=np.int64)
        self.arrays = {
            name: np.load(folder / f"{name}.npy", mmap_mode="r") for name in self.index["arrays"]
        }

    def __len__(self) -> int:
        return len(self.good)

    def batch(self, positions: Tensor) -> dict[str, Tensor]:
        """Read some views.

        Args:
            positions: int64 [batch], each below ``len(self)``.

        Returns:
            ``condition``, ``target`` and one entry per tap, float32 [batch, channels, ...].
        """
        rows = np.sort(self.good[positions.numpy()])  # sorted: the disk is read forwards
        return {
            name: torch.from_numpy(array[rows].astype(np.float32))
            for name, array in self.arrays.items()
        }


def build_cache(
    folder: Path,
    views: Views,
    backbone: nn.Module,
    key: str,
    batch: int = 16,
    workers: int = 1,
    precision: torch.dtype = torch.bfloat16,
    log: Callable[[str], None] = print,
) -> FeatureCache:
    """Compute the features of all views once, or take them from an earlier run.

    Args:
        folder: where the memory maps go.
        views: what to compute.
        backbone: maps a condition to named features.
        key: what the features depend on besides the photos, e.g. the backbone's hash; a folder
            made under another key is made anew.
        batch: photos at a time.
        workers: processes that decode.
        precision: of the backbone. bfloat16 is two to three times as fast as float32 on recent
            CPUs, and its rounding (0.4 %) is far below the dropout put on the features.
        log: receives one line every few hundred photos.

    Returns:
        The cache.
    """
    wanted = {"key": key, "files": [str(f) for f in views.files], "count": views.count}
    index = folder / INDEX
    if index.is_file() and json.loads(index.read_text())["of"] == wanted:
        return FeatureCache(folder)
    folder.mkdir(parents=True, exist_ok=True)
    index.unlink(missing_ok=True)
    backbone = copy.deepcopy(backbone).to(dtype=precision)
    backbone = backbone.to(memory_format=torch.channels_last)
    arrays: dict[str, np.memmap] = {}
    good: list[int] = []
    reasons: Counter[str] = Counter()
    start = time.monotonic()
    loader = DataLoader(views, batch_size=batch, num_workers=workers)
    with torch.inference_mode():
        for numbers, condition, target, reason in loader:
            named = {"condition": condition, "target": target, **backbone(condition.to(precision))}
            for name, value in named.items():
                if name not in arrays:
                    arrays[name] = np.lib.format.open_memmap(
                        folder / f"{name}.npy", "w+", np.float16, (len(views), *value.shape[1:])
                    )
                arrays[name][numbers.numpy()] = value.to(torch.float16).numpy()
            good += [int(n) for n, r in zip(numbers, reason, strict=True) if not r]
            reasons.update(r for r in reason if r)
            done = int(numbers[-1]) + 1
            if done % (batch * 64) == 0 or done == len(views):
                rate = done / (time.monotonic() - start)
                log(f"features {done}/{len(views)}, {rate:.1f} photos/s")
    for array in arrays.values():
        array.flush()
    log(f"left out: {dict(reasons.most_common(10)) or 'nothing'}")
    index.write_text(json.dumps({"of": wanted, "arrays": sorted(arrays), "good": good}))
    return FeatureCache(folder)
