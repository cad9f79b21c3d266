"""Names of results by a template."""

from __future__ import annotations

import hashlib
import os
import string
from pathlib import Path, PurePosixPath

from colorflow.batch.discover import Job
from colorflow.errors import ConfigError
from colorflow.images.formats import output_suffix

FIELDS = ("stem", "k", "ext", "parent", "from")
# Bytes of a file name that common file systems take.
MAX_NAME = 255
# A number as wide as any variant's, so that all variants of a photo share one stem.
WIDEST = 9999
LATENTS = ".latents.safetensors"


class Namer:
    """Gives every result its path.

    A template may hold ``{stem}`` (name of the photo without suffix), ``{k}`` (number of the
    variant, from 1), ``{ext}`` (suffix of the result, with its dot), ``{from}`` (suffix of the
    photo, without a dot) and ``{parent}`` (folder of the photo); a ``/`` makes folders.

    Args:
        template: as above.
        wanted: format of the results, as in :class:`colorflow.batch.config.BatchConfig`.
        count: results per photo.
        latents: a file of latents is written beside each result.

    Raises:
        ConfigError: the template has unknown fields, leaves the output folder, or gives several
            variants one name.
    """

    def __init__(self, template: str, wanted: str, count: int, latents: bool = False) -> None:
        self.template, self.wanted, self.count, self.latents = template, wanted, count, latents
        try:
            fields = {name for _, name, _, _ in string.Formatter().parse(template) if name}
        except ValueError as error:
            raise ConfigError(f"name '{template}': not a template ({error})") from error
        unknown = fields - set(FIELDS)
        if unknown:
            raise ConfigError(
                f"name '{template}': expected fields {', '.join(FIELDS)}, got {', '.join(unknown)}"
            )
        if count > 1 and "k" not in fields:
            raise ConfigError(
                f"name '{template}': all variants of a photo would be called alike; put {{k}} in"
            )
        if not template.endswith("{ext}"):
            raise ConfigError(f"name '{template}': expected {{ext}}, the suffix, at the end")
        if template == "{ext}" or template.endswith(("/{ext}", "\\{ext}")):
            raise ConfigError(f"name '{template}': expected a name in front of {{ext}}")
        parts = PurePosixPath(template).parts
        if ".." in parts or template.startswith(("/", "\\")):
            raise ConfigError(f"name '{template}': results have to stay below the output folder")

    def paths(self, job: Job, mark: str = "") -> list[Path]:
        """Name the results of a photo.

        A stem that makes a name longer than :data:`MAX_NAME` bytes is cut, and gets a hash of the
        whole stem.

        Args:
            job: the photo.
            mark: put behind the stem, to tell the photo from another one.

        Returns:
            One path per result.
        """
        stem = job.target.name + mark
        excess = self._longest(job, stem) - MAX_NAME
        if excess > 0:
            stem = _shortened(stem, excess)
        names = (self._name(job, stem, number) for number in range(1, self.count + 1))
        return [job.target.parent / name for name in names]

    def files(self, job: Job, mark: str = "") -> list[Path]:
        """Name all files that are written for a photo.

        Args:
            job: the photo.
            mark: as in :meth:`paths`.

        Returns:
            The results, and their latents where these are written.
        """
        results = self.paths(job, mark)
        return [*results, *(latents_path(path) for path in results if self.latents)]

    def _name(self, job: Job, stem: str, number: int) -> str:
        return self.template.format_map(
            {
                "stem": stem,
                "k": number,
                "ext": output_suffix(job.source.suffix, self.wanted),
                "parent": job.source.parent.name,
                "from": job.source.suffix.lstrip("."),
            }
        )

    def _longest(self, job: Job, stem: str) -> int:
        name = PurePosixPath(self._name(job, stem, WIDEST))
        parts = [*name.parts, latents_path(Path(name)).name] if self.latents else name.parts
        return max(len(os.fsencode(part)) for part in parts)


def latents_path(output: Path) -> Path:
    """Name the latents that belong to a result.

    Args:
        output: the result.

    Returns:
        ``name.latents.safetensors`` beside it.
    """
    return output.with_name(f"{output.stem}{LATENTS}")


def _shortened(stem: str, excess: int) -> str:
    data = os.fsencode(stem)
    mark = f"~{hashlib.sha256(data).hexdigest()[:8]}"
    # Part of a character at the cut is left out, and so are bytes that are no text.
    kept = data[: max(0, len(data) - excess - len(mark))].decode("utf-8", "ignore")
    return kept + mark
