"""Contact sheets: the grey photo and its variants side by side, one photo per row."""

from __future__ import annotations

import math
import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from colorflow.images.write import write_image

MARGIN = 6
LABEL = 16


@dataclass
class ContactSheet:
    """Collects rows and writes a page whenever one is full, so that memory stays bounded.

    Args:
        path: of the only page; further pages get ``_2``, ``_3`` … before the suffix.
        height: of a picture on the sheet, in pixels.
        rows_per_page: photos on a page.
        write: puts a page where it belongs.
    """

    path: Path
    height: int = 200
    rows_per_page: int = 20
    write: Callable[[Image.Image, Path], None] = write_image
    pages: list[Path] = field(default_factory=list)
    _rows: list[Image.Image] = field(default_factory=list)

    def add(self, label: str, pictures: Sequence[Image.Image]) -> None:
        """Add a row.

        Args:
            label: written above it.
            pictures: of any size and mode, left to right.
        """
        small = [self._fit(picture) for picture in pictures]
        font = ImageFont.load_default(size=12)
        # Pillow's own font has no accents; a plain letter says more than an empty box.
        label = unicodedata.normalize("NFKD", label).encode("ascii", "ignore").decode()
        width = sum(p.width for p in small) + MARGIN * (len(small) + 1)
        width = max(width, math.ceil(font.getlength(label)) + 2 * MARGIN)
        row = Image.new("RGB", (width, self.height + LABEL + MARGIN), "white")
        ImageDraw.Draw(row).text((MARGIN, 1), label, fill="black", font=font)
        left = MARGIN
        for picture in small:
            row.paste(picture, (left, LABEL))
            left += picture.width + MARGIN
        self._rows.append(row)
        if len(self._rows) == self.rows_per_page:
            self.flush()

    def page_paths(self, rows: int) -> list[Path]:
        """Name the pages that a number of rows takes.

        Args:
            rows: photos.

        Returns:
            Their paths, at least one.
        """
        count = max(1, -(-rows // self.rows_per_page))
        further = [self.path.with_stem(f"{self.path.stem}_{n}") for n in range(2, count + 1)]
        return [self.path, *further]

    def flush(self) -> None:
        """Write the rows collected so far as a page.

        Raises:
            ImageError: the page cannot be written.
        """
        if not self._rows:
            return
        width = max(row.width for row in self._rows)
        height = sum(row.height for row in self._rows)
        page = Image.new("RGB", (width, height), "white")
        top = 0
        for row in self._rows:
            page.paste(row, (0, top))
            top += row.height
        self._rows.clear()
        name = self.page_paths((len(self.pages) + 1) * self.rows_per_page)[-1]
        self.write(page, name)
        self.pages.append(name)

    def _fit(self, picture: Image.Image) -> Image.Image:
        width = min(max(1, round(picture.width * self.height / picture.height)), 4 * self.height)
        if picture.mode.startswith("I;16"):
            picture = Image.fromarray((np.asarray(picture) >> 8).astype(np.uint8))
        flat = Image.new("RGB", picture.size, "white")
        flat.paste(picture, mask=picture.getchannel("A") if picture.mode == "RGBA" else None)
        return flat.resize((width, self.height), Image.Resampling.LANCZOS)
