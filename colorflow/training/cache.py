"""An on-disk cache of backbone features, so that only the first look at a photo pays for VGG."""

from __future__ import annotations

import hashlib
import json
import os
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import torch
from filelock import FileLock
from torch import Tensor, nn

from colorflow.errors import ConfigError
from colorflow.files import written_whole
from colorflow.training.views import Views

META = "meta.json"
ROWS = "rows.txt"
BATCH = 16


class FeatureCache:
    """Conditions, targets and features of views, one row each, as float16 memory maps.

    Rows are only ever appended, and count once their line stands in ``rows.txt``: a process that
    is killed while writing leaves bytes behind that the next one writes over.

    Args:
        folder: of the cache; made where it does not exist.
        of: what the features depend on besides the photos: backbone, taps, geometry, crops. Part
            of the cache's own folder name, so that different settings never meet.
    """

    def __init__(self, folder: Path, of: Mapping[str, Any]) -> None:
        self.of = dict(of)
        text = json.dumps(self.of, sort_keys=True)
        self.folder = folder / hashlib.sha256(text.encode()).hexdigest()[:16]
        self.folder.mkdir(parents=True, exist_ok=True)
        self.shapes: dict[str, tuple[int, ...]] = {}
        self.rows: dict[str, int] = {}
        self._arrays: dict[str, np.memmap] = {}
        self._whole = 0  # bytes of rows.txt that count
        self._load()

    def lock(self) -> FileLock:
        """Give the lock that one builder at a time holds, over all processes of the machine."""
        return FileLock(self.folder / "lock")

    def row(self, content: str, view: int) -> int | None:
        """Find the row of a view.

        Args:
            content: SHA-256 of the photo's bytes.
            view: its number.

        Returns:
            The row, or None where it has not been computed.
        """
        return self.rows.get(f"{content} {view}")

    def append(self, keys: Sequence[tuple[str, int]], values: Mapping[str, Tensor]) -> None:
        """Write rows.

        Args:
            keys: (content, view) of each.
            values: by name, [rows, ...], stored as float16.

        Raises:
            ConfigError: the shapes are not those of the rows that are there.
        """
        shapes = {name: tuple(value.shape[1:]) for name, value in values.items()}
        if not self.shapes:
            with written_whole(self.folder / META) as temporary:
                temporary.write_text(json.dumps({"of": self.of, "shapes": shapes}))
            self.shapes = shapes
        if shapes != self.shapes:
            raise ConfigError(f"{self.folder}: expected rows of {self.shapes}, got {shapes}")
        count = len(self.rows)
        for name, value in values.items():
            path = self._file(name)
            with path.open("r+b" if path.exists() else "w+b") as file:
                file.seek(count * self._bytes(name))
                file.write(value.to("cpu", torch.float16).contiguous().numpy().tobytes())
                file.truncate()
                file.flush()
                os.fsync(file.fileno())
        lines = "".join(f"{content} {view}\n" for content, view in keys).encode()
        path = self.folder / ROWS
        with path.open("r+b" if path.exists() else "w+b") as file:
            file.seek(self._whole)
            file.write(lines)
            file.truncate()
            file.flush()
            os.fsync(file.fileno())
        self._whole += len(lines)
        for content, view in keys:
            self.rows[f"{content} {view}"] = len(self.rows)
        self._arrays = {}

    def read(self, rows: Sequence[int]) -> dict[str, Tensor]:
        """Read some rows.

        Args:
            rows: their numbers.

        Returns:
            ``condition``, ``target`` and one entry per tap, float32 [rows, ...].
        """
        if not self._arrays:
            for name, shape in self.shapes.items():
                size = (len(self.rows), *shape)
                self._arrays[name] = np.memmap(self._file(name), np.float16, "r", shape=size)
        chosen = np.asarray(rows)
        return {
            name: torch.from_numpy(array[chosen].astype(np.float32))
            for name, array in self._arrays.items()
        }

    def reload(self) -> None:
        """Take note of rows that other processes have written."""
        self._load()

    def _load(self) -> None:
        self._arrays = {}
        meta, rows = self.folder / META, self.folder / ROWS
        if not (meta.is_file() and rows.is_file()):
            return
        shapes = json.loads(meta.read_text())["shapes"]
        self.shapes = {name: tuple(shape) for name, shape in shapes.items()}
        content = rows.read_bytes()
        self._whole = content.rfind(b"\n") + 1  # a line without its end is not whole
        lines = content[: self._whole].decode().split("\n")[:-1]
        self.rows = {line: number for number, line in enumerate(lines)}

    def _bytes(self, name: str) -> int:
        return 2 * int(np.prod(self.shapes[name]))

    def _file(self, name: str) -> Path:
        return self.folder / f"{name}.f16"


def fill_cache(
    cache: FeatureCache,
    views: Views,
    count: int,
    backbone: nn.Module,
    device: torch.device,
    precision: torch.dtype = torch.bfloat16,
    workers: int = 1,
    log: Callable[[str], None] = print,
) -> list[int]:
    """Compute what the cache lacks, and tell which rows hold the views.

    Args:
        cache: to fill.
        views: of the photos.
        count: views per photo, beginning with the centre.
        backbone: maps a condition to named features.
        device: where to compute.
        precision: of the backbone. bfloat16 is two to three times as fast as float32 on recent
            CPUs, and its rounding (0.4 %) is far below the dropout put on the features.
        workers: threads that decode.
        log: receives a line every few hundred photos.

    Returns:
        The rows, all centres first.
    """
    keys = [(f.content, view) for view in range(count) for f in views.files]
    places = {f.content: position for position, f in enumerate(views.files)}
    with cache.lock():
        cache.reload()
        missing = [key for key in dict.fromkeys(keys) if cache.row(*key) is None]
        if missing:
            log(f"feature cache {cache.folder}: {len(missing)} of {len(keys)} views to compute")
            backbone = backbone.to(device, precision).to(memory_format=torch.channels_last)
        start = time.monotonic()
        groups = [missing[i : i + BATCH] for i in range(0, len(missing), BATCH)]
        with ThreadPoolExecutor(max(1, workers)) as pool, torch.inference_mode():
            ahead: list[Future[Any]] = []
            for number, group in enumerate(groups):
                # Two groups ahead are decoded while the backbone works on this one.
                while groups and len(ahead) < min(3, len(groups) - number):
                    upcoming = groups[number + len(ahead)]
                    ahead.append(pool.submit(_pairs, views, places, upcoming))
                condition, target = ahead.pop(0).result()
                features = backbone(condition.to(device, precision))
                cache.append(group, {"condition": condition, "target": target, **features})
                done = min((number + 1) * BATCH, len(missing))
                if (number + 1) % 64 == 0 or done == len(missing):
                    rate = done / (time.monotonic() - start)
                    left = (len(missing) - done) / rate / 60
                    log(f"features {done}/{len(missing)}, {rate:.1f} photos/s, {left:.0f} min left")
    return [cache.rows[f"{content} {view}"] for content, view in keys]


def _pairs(
    views: Views, places: Mapping[str, int], keys: Sequence[tuple[str, int]]
) -> tuple[Tensor, Tensor]:
    pairs = [views.pair(places[content], view) for content, view in keys]
    return torch.stack([c for c, _ in pairs]), torch.stack([t for _, t in pairs])
