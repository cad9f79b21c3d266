"""How results are called, and that no two of them are called alike."""

from __future__ import annotations

import string
from collections.abc import Iterable, Sequence
from pathlib import Path, PurePosixPath

from colorflow.batch.discover import Job
from colorflow.batch.places import real_path
from colorflow.errors import ConfigError
from colorflow.images.write import output_suffix

FIELDS = ("stem", "k", "ext", "parent", "from")


class Namer:
    """Gives every result its path.

    A template may hold ``{stem}`` (name of the photo without suffix), ``{k}`` (number of the
    variant, from 1), ``{ext}`` (suffix of the result, with its dot), ``{from}`` (suffix of the
    photo, without a dot) and ``{parent}`` (folder of the photo); a ``/`` makes folders.

    Args:
        template: as above.
        wanted: format of the results, as in :class:`colorflow.batch.config.BatchConfig`.
        count: results per photo.

    Raises:
        ConfigError: the template has unknown fields, leaves the output folder, or gives several
            variants one name.
    """

    def __init__(self, template: str, wanted: str, count: int) -> None:
        self.template, self.wanted, self.count = template, wanted, count
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
        parts = PurePosixPath(template).parts
        if ".." in parts or template.startswith(("/", "\\")):
            raise ConfigError(f"name '{template}': results have to stay below the output folder")

    def paths(self, job: Job) -> list[Path]:
        """Name the results of a photo.

        Args:
            job: the photo.

        Returns:
            One path per result.
        """
        suffix = output_suffix(job.source.suffix, self.wanted)
        return [
            job.target.parent
            / self.template.format_map(
                {
                    "stem": job.target.name,
                    "k": number,
                    "ext": suffix,
                    "parent": job.source.parent.name,
                    "from": job.source.suffix.lstrip("."),
                }
            )
            for number in range(1, self.count + 1)
        ]


def check_collisions(
    outputs: Iterable[tuple[Path, Sequence[Path]]],
    others: Sequence[Path] = (),
    inputs: Sequence[Path] = (),
) -> None:
    """Refuse a job whose results would overwrite each other or an input.

    Args:
        outputs: each source with its results.
        others: further files that will be written, e.g. contact sheets.
        inputs: further files that are read, e.g. a reference.

    Raises:
        ConfigError: two sources share a result, or a result is a source.
    """
    pairs = list(outputs)
    folders: dict[str, str] = {}
    sources = {real_path(path, folders) for path in (*(source for source, _ in pairs), *inputs)}

    def checked(path: Path) -> str:
        real = real_path(path, folders)
        if real in sources:
            raise ConfigError(
                f"{path}: would overwrite an input; choose another output folder with -o"
            )
        return real

    for path in others:
        checked(path)
    makers: dict[str, Path] = {}
    for source, results in pairs:
        for result in results:
            other = makers.setdefault(checked(result), source)
            if other != source:
                raise ConfigError(
                    f"{result}: both {other} and {source} would be written there; tell them apart "
                    'with --name "{stem}_{from}_v{k}{ext}", or keep their formats'
                )
