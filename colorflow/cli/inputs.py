"""From what the user typed as inputs, or sends on standard input, to paths."""

from __future__ import annotations

import glob
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from colorflow.batch.places import place
from colorflow.errors import ConfigError

BYTE_ORDER_MARK = b"\xef\xbb\xbf"


def read_inputs(typed: Sequence[str], null: bool = False) -> list[Path]:
    """Turn arguments into paths.

    Args:
        typed: files, folders, URLs, patterns that the shell did not expand, or ``-`` for a list of
            these on standard input.
        null: names on standard input end with a zero byte, as ``find -print0`` writes them, and not
            with a line.

    Returns:
        The paths, in their order.

    Raises:
        ConfigError: there is none, or the list holds zero bytes and ``null`` is not given.
    """
    listed: list[str] = []
    for text in typed:
        listed += _from_stdin(null) if text == "-" else [text]
    if not listed:
        raise ConfigError("inputs: expected photos or folders, the list on standard input is empty")
    return [place(text) for name in listed for text in _expanded(name)]


def _from_stdin(null: bool) -> list[str]:
    # Bytes: names of files need not be text, and a line may end as on another system.
    if sys.stdin is None:
        raise ConfigError("inputs: expected a list on standard input, which is closed")
    data = sys.stdin.buffer.read().removeprefix(BYTE_ORDER_MARK)
    if null and data and b"\0" not in data:
        raise ConfigError(
            "inputs: expected names that end with zero bytes on standard input, found none; leave "
            "out --null if there is a name per line"
        )
    if null:
        return [os.fsdecode(name) for name in data.split(b"\0") if name]
    if b"\0" in data:
        raise ConfigError(
            "inputs: the list on standard input holds zero bytes; with find -print0 use --null, "
            "and save lists of Windows as UTF-8"
        )
    lines = (line.rstrip(b"\r") for line in data.split(b"\n"))
    return [os.fsdecode(line) for line in lines if line.strip()]


def _expanded(text: str) -> list[str]:
    """Expand a pattern that the shell did not, as that of Windows does not."""
    if "://" in text or not glob.has_magic(text) or os.path.lexists(text):
        return [text]
    return sorted(glob.glob(text, recursive=True)) or [text]
