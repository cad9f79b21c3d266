"""An engine that tints photos in plain colours: fast, and easy to tell apart."""

from __future__ import annotations

import colorsys
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from colorflow.errors import ImageError, ImplausibleError
from colorflow_ui.engine import BatchOptions, FileOptions, Saved, Take

# Seeds of a first variant that was drawn again, and of one that stayed impossible.
AGAIN, IMPOSSIBLE = 77, 88


class FakeSitting:
    def __init__(self, name: str, picture: Image.Image) -> None:
        self.name = name
        self.size = picture.height, picture.width
        self.grey = picture.convert("L")
        self.grey.thumbnail((100, 100))
        self.notes: tuple[str, ...] = ()

    def draw(
        self,
        n: int,
        seed: int,
        variety: float,
        strategy: str = "representative",
        detail: float = 1.0,
    ) -> Iterator[Take]:
        if seed == IMPOSSIBLE:
            raise ImplausibleError("variant 1: expected colours that a photo can have")
        for index in range(n):
            code = ("drawn", seed, index, variety, strategy, detail)
            share = 1 / n if strategy == "representative" else None
            again = seed == AGAIN and index == 0
            yield Take(code, f"seed {seed}", 0.5, {}, (), share, 10 + index, int(again))

    def more_like(self, take: Take, n: int, seed: int) -> Iterator[Take]:
        yield from (Take(("near", take.code, seed, i), "more like this", 0.5) for i in range(n))

    def redraw(self, take: Take, part: str, n: int, seed: int) -> Iterator[Take]:
        yield from (Take((part, take.code, seed, i), f"new {part}", 0.1) for i in range(n))

    def blend(self, first: Take, second: Take, share: float) -> Take:
        return Take(("blend", first.code, second.code, share), "blend", 0.01)

    def hinted(
        self,
        hints: Sequence[Mapping[str, Any]],
        n: int,
        seed: int,
        strategy: str = "representative",
        detail: float = 1.0,
        vivid: float = 1.0,
    ) -> Iterator[Take]:
        for index in range(n):
            residuals = tuple(1.5 + number for number, _ in enumerate(hints))
            code = ("hinted", str(hints), index, strategy, detail, vivid)
            yield Take(code, f"seed {seed}", 0.5, {}, residuals)

    def transferred(self, reference: Any, shares: Sequence[float], seed: int) -> Take:
        return Take(("transfer", reference.name, tuple(shares)), f"Colours of {reference.name}", 0)

    def picture(self, take: Take, saturation: float, side: int, vivid: float = 1.0) -> Image.Image:
        hue = (hash_of(take.code) % 997) / 997
        strength = 0.6 * min(1, saturation / 2) * min(1, vivid / 2 + 0.5)
        colour = tuple(round(255 * v) for v in colorsys.hsv_to_rgb(hue, strength, 1))
        tint = Image.new("RGB", self.grey.size, colour)
        return Image.blend(self.grey.convert("RGB"), tint, 0.5)

    def uncertainty(self) -> np.ndarray:
        delta_e = np.zeros((self.grey.height, self.grey.width), np.float32)
        delta_e[: self.grey.height // 4, : self.grey.width // 4] = 30
        return delta_e

    def save(
        self,
        take: Take,
        saturation: float,
        options: FileOptions,
        number: int,
        vivid: float = 1.0,
    ) -> Saved:
        look = f"{saturation} {vivid}"
        text = f"{self.name} {take.code} {look} {options.format} {options.metadata}"
        return Saved(f"{Path(self.name).stem}_v{number}.png", text.encode(), ("a note",))


class FakeEngine:
    levels = 3
    lanes = 2
    max_strength = 2.0

    def open(self, path: Path, name: str, coloured: bool = False) -> FakeSitting:
        try:
            with Image.open(path) as picture:
                return FakeSitting(name, picture.convert("RGB"))
        except OSError as error:
            raise ImageError(f"{name}: not a picture") from error

    def batch(
        self,
        photos: Sequence[tuple[Path, str]],
        options: BatchOptions,
        folder: Path,
        progress: Callable[[int, int, str], None],
    ) -> tuple[Path, list[dict[str, Any]]]:
        for done, (_, name) in enumerate(photos, 1):
            progress(done, len(photos), name)
        archive = folder / "colorflow.zip"
        archive.write_bytes(b"zip")
        return archive, [{"input": n, "outputs": [n], "warnings": []} for _, n in photos]

    def about(self) -> Mapping[str, str]:
        return {"model": "fake"}

    def card(self) -> str:
        return "A fake."


def hash_of(code: Any) -> int:
    return sum(byte * (i + 1) for i, byte in enumerate(str(code).encode()))
