"""Making a variant again from what its own file says of it."""

from __future__ import annotations

import contextlib
import dataclasses
import os
from collections.abc import Sequence
from pathlib import Path
from typing import cast

from colorflow.batch.config import BatchConfig
from colorflow.batch.painters import Prepared, SamplePainter
from colorflow.batch.report import NAME, read_report
from colorflow.domains import Colorization
from colorflow.draws import Draw
from colorflow.errors import ColorflowError, ConfigError, ImageError
from colorflow.hints import Hint, parse_hints
from colorflow.images.border import cut
from colorflow.images.frame import Border
from colorflow.images.metadata import Policy
from colorflow.images.photo import Photo
from colorflow.images.read import read_photo
from colorflow.images.write import read_history
from colorflow.sampling import Sampler
from colorflow.variants import Variant

# Chroma of results of version 0.1, which knew no gain.
UNCHANGED = 1 / Colorization.gain


@dataclasses.dataclass(frozen=True)
class Recipe:
    """How a variant was made.

    Args:
        variant: its number, from 1.
        photo: hash of the pixels it was made of.
        model: name and hash of the model.
        config: everything else.
        hints: it was made with.
        number: of its draw among those of the photo.
        attempt: how often that was replaced.
        share: of what is plausible; None where it represents none.
        scale: factor on its latents beside temperature and saturation.
        border: of the scan it was made of; None where none was left out.
    """

    variant: int
    photo: str
    model: str
    config: BatchConfig
    hints: tuple[Hint, ...] = ()
    number: int = 0
    attempt: int = 0
    share: float | None = None
    scale: float = 1.0
    border: Border | None = None

    def inside(self, photo: Photo) -> Photo:
        """Give the picture that the variant was made of.

        Args:
            photo: the whole scan.

        Returns:
            The picture inside the border, or the photo itself.

        Raises:
            ImageError: the scan is too small for the border.
        """
        return photo if self.border is None else cut(photo, self.border)


def read_recipe(path: Path) -> Recipe:
    """Read how a variant was made.

    Args:
        path: a result of ``colorflow colorize``.

    Returns:
        What it says of itself.

    Raises:
        ImageError: the file cannot be read, or is no such result.
    """
    history = read_history(path)
    if history is None:
        raise ImageError(f"{path}: expected a result of colorflow colorize, it says nothing of one")
    try:
        temperature = history["temperature"]
        return Recipe(
            int(history["variant"]),
            str(history["photo"]),
            str(history["model"]),
            BatchConfig(
                # Where one was picked of several, their number belongs to the settings.
                samples=int(history["samples"] or history["variant"]),
                saturation=float(history["strength" if "strength" in history else "saturation"]),
                temperature=tuple(temperature) if isinstance(temperature, list) else temperature,
                seed=int(history["seed"]),
                pick=str(history["pick"]),
                quality=int(history["quality"]),
                metadata=cast(Policy, history["metadata"]),
                # Results of version 0.1 were all drawn independently, at the usual detail.
                draw=str(history.get("draw", "independent")),
                vivid=float(history.get("vivid", 1.0 if "strength" in history else UNCHANGED)),
                detail=float(history.get("detail", 1.0)),
                precision=str(history.get("precision", "32")),
                ignore_border=bool(history.get("ignore_border", False)),
            ),
            parse_hints(history.get("hints", []), str(path)),
            int(history.get("number", int(history["variant"]) - 1)),
            int(history.get("redrawn", 0)),
            history.get("share"),
            float(history.get("scale", 1.0)),
            Border.of_widths(history["border"]) if "border" in history else None,
        )
    except (KeyError, TypeError, ValueError) as error:
        what = "of another version"
        if "edited" in history:
            what = "one that was edited on the web page"
        elif "reference" in history:
            what = "of colorflow transfer"
        raise ImageError(
            f"{path}: expected a result of colorflow colorize, this one is {what}"
        ) from error


class RecipePainter(SamplePainter):
    """Paints one variant, which another run drew.

    Args:
        colorizer: the model.
        recipe: of the variant.
        saturation: another one than the recipe's, or None.
        vivid: another factor on chroma than the recipe's, or None.

    Raises:
        ImageError: the variant was made by another model.
        ConfigError: the model cannot take the saturation, or the recipe's precision.
    """

    again = "--overwrite"

    def __init__(
        self,
        colorizer: Sampler,
        recipe: Recipe,
        saturation: float | None = None,
        vivid: float | None = None,
    ) -> None:
        if recipe.model != colorizer.model_id:
            raise ImageError(
                f"made by model {recipe.model}, this one is {colorizer.model_id}; name the right "
                "one with --model"
            )
        config = recipe.config
        if saturation is not None:
            config = dataclasses.replace(config, saturation=saturation)
        if vivid is not None:
            config = dataclasses.replace(config, vivid=vivid)
        super().__init__(colorizer.at_precision(config.precision), config)
        self.recipe = recipe
        self.count = 1
        self.template = "{stem}_recolor{ext}"

    def identify(self, photo: Photo) -> str:
        """Give the hash of the photo the variant was first made of."""
        return self.recipe.photo

    def inside(self, photo: Photo) -> Photo:
        """Leave out the border that was left out when the variant was first made."""
        return self.recipe.inside(photo)

    def prepare(self, photo: Photo, identity: str, halvings: int = 0) -> Prepared | None:
        """Draw the one code that is wanted; it was chosen when the variant was first made."""
        prepared = super().prepare(photo, identity, halvings)
        if prepared is None:
            return None
        recipe, draw = self.recipe, cast(Draw, prepared[2])
        drawn = draw.drawn([recipe.number], [recipe.share], [recipe.attempt], [recipe.scale])
        return prepared[0], prepared[1], drawn

    def hints_of(self, source: Path) -> tuple[Hint, ...]:
        """Give those of the recipe: it is the same photo, or the result itself."""
        return self.recipe.hints

    def paint(
        self, photos: Sequence[Prepared], rows: int, hints: Sequence[Sequence[Hint]] = ()
    ) -> list[list[Variant]]:
        """Decode it, under its own number."""
        painted = self.colorizer.paint(photos, rows, hints, self.config.vivid)
        index = self.recipe.variant - 1
        return [[dataclasses.replace(v, index=index) for v in variants] for variants in painted]


def find_source(path: Path, recipe: Recipe, place: Path | None) -> Path | None:
    """Find the photo a variant was made of.

    Args:
        path: of the variant.
        recipe: of the variant.
        place: the photo or its folder, where the user named one.

    Returns:
        A file with the very same pixels; None where there is none.
    """
    for candidate in _candidates(path, place):
        try:
            if recipe.inside(read_photo(candidate)).digest() == recipe.photo:
                return candidate
        except ColorflowError:
            continue
    return None


def _candidates(path: Path, place: Path | None) -> list[Path]:
    if place is not None and place.is_dir():
        # Named like the variant up to what was put behind, so that not every photo is read.
        files = sorted(p for p in place.rglob("*") if p.is_file() and path.stem.startswith(p.stem))
        return sorted(files, key=lambda p: -len(p.stem))
    if place is not None:
        return [place]
    found: list[Path] = []
    for folder in (path.resolve().parent, *path.resolve().parent.parents):
        # Reports of other jobs are set aside under numbers; theirs may be the one.
        for report in sorted(folder.glob(f"{Path(NAME).stem}*.jsonl")):
            with contextlib.suppress(ConfigError):
                found += [
                    Path(line["input"])
                    for line in read_report(report)
                    if str(path.resolve()) in map(os.path.realpath, line["outputs"])
                ]
    return found
