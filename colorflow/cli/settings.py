"""From options to settings, and from a job to the exit of the command."""

from __future__ import annotations

import math

import typer

from colorflow.cli import exit_codes
from colorflow.errors import ConfigError


def pixels_of(megapixels: float | None) -> int:
    """Give the largest photo to accept.

    Args:
        megapixels: as the user says; None for the usual limit.

    Returns:
        Pixels.

    Raises:
        ConfigError: it is not a finite number.
    """
    from colorflow.images.read import MAX_PIXELS

    if megapixels is None:
        return MAX_PIXELS
    if not math.isfinite(megapixels):
        raise ConfigError(f"--max-pixels: expected a number of megapixels, got {megapixels}")
    return round(megapixels * 1e6)


def rerun_of(skip: bool, changed: bool, overwrite: bool) -> str:
    """Tell what is to happen where there are results already.

    Args:
        skip: ``--skip-existing`` was given.
        changed: ``--changed`` was given.
        overwrite: ``--overwrite`` was given.

    Returns:
        As :class:`colorflow.batch.config.BatchConfig` takes it.

    Raises:
        ConfigError: more than one was given.
    """
    if skip + changed + overwrite > 1:
        raise ConfigError("--skip-existing, --changed, --overwrite: expected one of them")
    return "overwrite" if overwrite else "changed" if changed else "skip"


def leave(code: int) -> None:
    """End the command.

    Args:
        code: of the exit; nothing happens where all is done.

    Raises:
        Exit: with any other code.
    """
    if code != exit_codes.DONE:
        raise typer.Exit(code)
