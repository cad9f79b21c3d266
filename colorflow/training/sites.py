"""Which site, a camera or a place, each pair belongs to: pairs of one site stay together.

A site is named by the user (``--site``, or a table's column ``scene``), or else guessed from the
folder or the name of the pair. A guess may fail, so nothing is refused because of it.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path, PurePosixPath

from colorflow.errors import ConfigError
from colorflow.training.layouts import SCENE
from colorflow.training.survey import Survey, Surveyed

BY_FOLDER, BY_NAME, BY_OPTION = "by folder", "by name", "by --site"
BY_COLUMN = f"by table column {SCENE}"
GUESSES = (BY_FOLDER, BY_NAME)


def site_of(name: str) -> str:
    """Guess the site from the name of a pair: everything before its last number.

    Args:
        name: e.g. ``"harbour_017"``; folders are not looked at.

    Returns:
        E.g. ``"harbour"``; the whole name if it does not end with a number, or is nothing else.
    """
    stem = PurePosixPath(name).name
    return stem.rstrip("0123456789").rstrip("_- .") or stem


def compile_site(pattern: str) -> re.Pattern[str]:
    """Compile the regular expression of ``--site``.

    Args:
        pattern: as typed.

    Returns:
        The expression.

    Raises:
        ConfigError: it is not a regular expression.
    """
    try:
        return re.compile(pattern)
    except re.error as error:
        raise ConfigError(
            f"--site {pattern}: expected a regular expression, e.g. '^[^_]+' ({error})"
        ) from error


def assign_sites(
    place: Path,
    files: Sequence[Surveyed],
    names: Sequence[str],
    scenes: Sequence[str],
    pattern: str | None = None,
) -> tuple[tuple[Surveyed, ...], str]:
    """Give every good pair its site.

    The first of these rules that applies is used for all: the regular expression; the scenes of a
    table (pairs without one go by name); the folder, if pairs lie in several; the name.

    Args:
        place: folder or table, for messages.
        files: all pairs of a survey; those that are left out stay as they are.
        names: of the pairs, as :class:`colorflow.training.layouts.Pair` has them.
        scenes: of the pairs, as a table names them, or empty.
        pattern: regular expression, searched in the names: its first group, or the whole match
            where it has none, is the site.

    Returns:
        The files with their sites, and the rule that was used.

    Raises:
        ConfigError: the expression is wrong, or matches nothing in the name of a good pair.
    """
    good = [row for row, file in enumerate(files) if not file.reason]
    if pattern is not None:
        rule, found = BY_OPTION, _by_pattern(place, pattern, [names[row] for row in good])
    elif any(scenes[row] for row in good):
        rule, found = BY_COLUMN, [scenes[row] or site_of(names[row]) for row in good]
    else:
        rule, found = BY_FOLDER, [PurePosixPath(names[row]).parent.as_posix() for row in good]
        if len(set(found)) < 2:
            rule, found = BY_NAME, [site_of(names[row]) for row in good]
    sited = list(files)
    for row, site in zip(good, found, strict=True):
        sited[row] = replace(files[row], site=site)
    return tuple(sited), rule


def tells_apart(survey: Survey) -> bool:
    """Tell whether the sites of a survey can be used to split it.

    Args:
        survey: of pairs.

    Returns:
        False if all pairs are of one site, or if a guess gave every pair a site of its own.
    """
    count = len({file.site for file in survey.good})
    guessed = survey.sites_by in GUESSES
    return count > 1 and not (guessed and count == len(survey.good))


def sites_line(survey: Survey) -> str:
    """Say in one line how many sites there are, and how they were found.

    Args:
        survey: of pairs.

    Returns:
        The line, e.g. ``"pairs: 12 sites by folder"``.
    """
    sites = sorted({file.site for file in survey.good})
    count = f"{len(sites)} site{'s' if len(sites) > 1 else ''} {survey.sites_by}"
    if tells_apart(survey):
        return f"{survey.folder}: {count}"
    which = f"only '{sites[0]}'" if len(sites) == 1 else "one for each pair"
    return f"{survey.folder}: {count}, {which}, which does not tell scenes apart"


def _by_pattern(place: Path, pattern: str, names: Sequence[str]) -> list[str]:
    expression = compile_site(pattern)
    matches = [expression.search(name) for name in names]
    # A group that took no part in the match, and an empty match, name no site.
    sites = [match[1 if expression.groups else 0] or "" if match else "" for match in matches]
    unmatched = [name for name, site in zip(names, sites, strict=True) if not site]
    if unmatched:
        raise ConfigError(
            f"{place}: expected a match of --site {pattern} in the name of every pair, "
            f"{len(unmatched)} of {len(names)} have none, e.g. '{unmatched[0]}'"
        )
    return sites
