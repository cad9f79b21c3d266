"""Contact sheets of a job, made from its results when it is done.

Read back from the disk, they look the same whether the job ran through or was interrupted, and in
whatever order photos got done.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import torch
from PIL import Image, ImageOps

from colorflow.batch.discover import Job
from colorflow.batch.existing import history_at
from colorflow.batch.places import stage
from colorflow.errors import ConfigError, ImageError
from colorflow.images.contact_sheet import ContactSheet
from colorflow.images.lab import lightness_to_grey, rgb_to_lab
from colorflow.images.write import encode_image


def write_sheets(
    sheet: ContactSheet, outputs: Mapping[Job, Sequence[Path]], sources: bool = False
) -> list[Path]:
    """Write a row per photo: grey, and its results side by side.

    Args:
        sheet: collects the rows.
        outputs: results of each photo; photos that lack some are left out.
        sources: show the photo itself first, where its lightness is not that of the results.

    Returns:
        The pages.

    Raises:
        ImageError: a page cannot be written.
    """
    for job, paths in outputs.items():
        try:
            pictures = [_small(path, 2 * sheet.height) for path in paths]
            first = _small(job.source, 2 * sheet.height) if sources else _grey(pictures[0])
        except (OSError, SyntaxError, ValueError):
            continue  # it failed, and the report says why
        sheet.add(job.source.name, [first, *pictures])
    sheet.flush()
    return sheet.pages


def require_free(pages: Sequence[Path], overwrite: bool = False) -> None:
    """See that pages replace no file of somebody else.

    Args:
        pages: that will be written.
        overwrite: the user allows it.

    Raises:
        ConfigError: there is another file or a folder of such a name.
    """
    for page in pages:
        if page.is_dir():
            raise ConfigError(f"{page}: expected a place for a contact sheet, found a folder")
        if not overwrite and page.exists() and history_at(page) is None:
            raise ConfigError(
                f"{page}: is there and was not made by colorflow; move it away, or replace it with "
                "--overwrite"
            )


def write_page(page: Image.Image, path: Path) -> None:
    """Write a page of a contact sheet, also to a URL.

    Args:
        page: the picture.
        path: of :func:`colorflow.batch.places.place`.

    Raises:
        ImageError: it cannot be written.
    """
    try:
        # By this a later run knows that the page is no photo, and may be replaced.
        staged = stage(path, encode_image(page, path.suffix, made_by={"contact_sheet": True}))
        try:
            staged.commit()
        finally:
            staged.discard()
    except OSError as error:
        raise ImageError(f"{path}: could not be written ({error.strerror or error})") from error


def _small(path: Path, height: int) -> Image.Image:
    with path.open("rb") as file, Image.open(file) as picture:
        picture.draft("RGB", (4 * height, height))  # JPEG can skip most of the work
        upright = ImageOps.exif_transpose(picture)
        factor = max(1, upright.height // height)
        return upright.convert("RGBA" if upright.mode == "RGBA" else "RGB").reduce(factor)


def _grey(picture: Image.Image) -> Image.Image:
    """Give the lightness of a result, which is that of its photo."""
    rgb = torch.from_numpy(np.asarray(picture.convert("RGB")).copy()).permute(2, 0, 1)
    grey = lightness_to_grey(rgb_to_lab(rgb[None].float() / 255)[0, 0])
    return Image.fromarray((grey.clamp(0, 1) * 255).round().byte().numpy())
