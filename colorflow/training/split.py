"""Split photos or pairs into those to train on and those held back for the reports."""

from __future__ import annotations

import hashlib
import json
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from colorflow.files import written_whole
from colorflow.training.sites import tells_apart
from colorflow.training.survey import Survey, Surveyed, first_names

SPLIT = "split.json"
# One photo in so many is held back, one site or block of pairs in so many.
PHOTOS_PER_HELD = 50
SITES_PER_HELD = 10
# Longest block of neighbouring pairs.
BLOCK = 10


@dataclass(frozen=True)
class Split:
    """What a run trains on, and what it measures its reports on.

    Args:
        train: photos or pairs to train on.
        held: photos or pairs to measure; empty if nothing is held back.
        notes: lines for the log.
        shared: (path in ``--data``, path in ``--val``) of photos that are in both.
    """

    train: tuple[Surveyed, ...]
    held: tuple[Surveyed, ...]
    notes: tuple[str, ...] = ()
    shared: tuple[tuple[str, str], ...] = ()


def hold_back_photos(survey: Survey) -> Split:
    """Hold back about one photo in fifty, chosen by content, at least one.

    Args:
        survey: of one folder.

    Returns:
        The split; copies of one photo are on the same side. If there is only one, it is on both.
    """
    ranked = sorted(survey.good, key=lambda file: file.content)
    every = max(2, min(PHOTOS_PER_HELD, len(ranked)))
    held = {file.content for file in ranked[::every]}
    return _held_back(survey, [file.content in held for file in survey.good])


def hold_back_pairs(survey: Survey) -> Split:
    """Hold back about a tenth of the sites, or of the pairs where sites cannot be told apart.

    Sites are chosen by a hash of their names, at least one, and never more than half of the pairs.
    Without sites, blocks of neighbouring names are held back, since neighbours often show one
    scene.

    Args:
        survey: of pairs.

    Returns:
        The split. If there is only one pair, it is on both sides.
    """
    good = survey.good
    if not tells_apart(survey):
        warning = (
            "warning: held-back pairs may show the same scenes as their neighbours in training, so "
            "the figures of reports and of evaluate on them will be too kind; name the sites with "
            "--site, or pairs of other scenes with --val"
        )
        notes = (warning,) if len(good) > 1 else ()
        return _held_back(survey, _blocks(good), " in blocks of neighbouring names", notes)
    sites = _some_sites(good)
    of = f" of the site{'s' if len(sites) > 1 else ''} {first_names(sorted(sites))}"
    return _held_back(survey, [file.site in sites for file in good], of)


def hold_back_nothing(survey: Survey) -> Split:
    """Train on all photos or pairs of a survey.

    Args:
        survey: of one folder.

    Returns:
        The split, without held-back photos.
    """
    note = (
        f"--val none: nothing is held back, all {len(survey.good)} {survey.kind} train; reports "
        "have no figures of unseen photos, and the last weights are kept"
    )
    return Split(survey.good, (), (note,))


def hold_back_given(survey: Survey, val: Survey, run: Path) -> Split:
    """Train on one survey and measure on another.

    Args:
        survey: to train on.
        val: to measure.
        run: folder of the run, whose :data:`SPLIT` lists what is in both.

    Returns:
        The split, with warnings if sites or photos are in both.
    """
    notes = []
    both = {file.site for file in survey.good if file.site} & {file.site for file in val.good}
    if both and survey.sites_by == val.sites_by:
        notes.append(
            f"warning: {len(both)} sites of --val are among those of --data too, the figures will "
            f"be too kind: {first_names(sorted(both))}"
        )
    shared = tuple(survey.shared_with(val))
    if shared:
        notes.append(
            f"warning: {len(shared)} {survey.kind} of --val are among those of --data too, the "
            f"figures will be too kind: {first_names([val.name_of(path) for _, path in shared])}; "
            f"all of them are in {run / SPLIT}"
        )
    return Split(survey.good, val.good, tuple(notes), shared)


def write_split(split: Split, run: Path) -> None:
    """List what is held back, and what is in both folders, in the folder of a run.

    Args:
        split: of the run.
        run: its folder.

    Raises:
        OSError: the file cannot be written.
    """
    held = [[name for name in (file.path, file.partner) if name] for file in split.held]
    content = {"held_back": held, "shared": split.shared}
    with written_whole(run / SPLIT) as temporary:
        temporary.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")


def _held_back(
    survey: Survey, chosen: Sequence[bool], of: str = "", notes: tuple[str, ...] = ()
) -> Split:
    files = list(zip(survey.good, chosen, strict=True))
    train = tuple(file for file, held in files if not held)
    held = tuple(file for file, held in files if held)
    if not train:
        warning = (
            f"warning: {survey.folder}: expected at least two different {survey.kind}, found one; "
            "it is trained on and held back both, so the reports tell nothing of unseen photos"
        )
        return Split(survey.good, held, (*notes, warning))
    line = (
        f"no --val: {len(held)} {survey.kind}{of} are held back for the reports, {len(train)} train"
    )
    return Split(train, held, (line, *notes))


def _some_sites(files: Sequence[Surveyed]) -> set[str]:
    """Choose sites to hold back; of two or more, the smallest one always fits into a half."""
    counts = Counter(file.site for file in files)
    wanted = max(1, len(counts) // SITES_PER_HELD)
    chosen: set[str] = set()
    pairs = 0
    for site in sorted(counts, key=lambda name: hashlib.sha256(name.encode()).hexdigest()):
        if len(chosen) < wanted and 2 * (pairs + counts[site]) <= len(files):
            chosen.add(site)
            pairs += counts[site]
    return chosen


def _blocks(files: Sequence[Surveyed]) -> list[bool]:
    """Mark about every tenth block of consecutive names, at least one."""
    count = len(files)
    size = min(BLOCK, -(-count // SITES_PER_HELD))
    blocks = -(-count // size)
    wanted = max(1, blocks // SITES_PER_HELD)
    # In the middles of equal parts of all blocks.
    chosen = {(2 * part + 1) * blocks // (2 * wanted) for part in range(wanted)}
    order = sorted(range(count), key=lambda row: _in_natural_order(files[row].path))
    held = {row for place, row in enumerate(order) if place // size in chosen}
    return [row in held for row in range(count)]


def _in_natural_order(path: str) -> list[str | int]:
    """Sort key in which ``IMG_9`` comes before ``IMG_10``."""
    # Odd parts are those that matched, so that numbers are compared with numbers alone.
    parts = re.split(r"(\d+)", path)
    return [int(part) if place % 2 else part for place, part in enumerate(parts)]
