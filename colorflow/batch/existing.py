"""What an earlier run left: done, unfinished, made with other settings, or not ours."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Any

from colorflow.batch.places import local_copy
from colorflow.errors import ColorflowError
from colorflow.images.write import read_history


class State(Enum):
    """What is there of the results of a photo."""

    absent = "absent"
    done = "done"
    stale = "stale"
    foreign = "foreign"


@dataclass(frozen=True)
class Existing:
    """What is there, and why it is taken for that.

    Args:
        state: of the results.
        reason: one clause for the report; empty where nothing needs to be said.
    """

    state: State
    reason: str = ""


def examine(
    source: Path, outputs: Sequence[Path], settings: Mapping[str, Any], identity: str
) -> Existing:
    """Look at what lies where the results of a photo are to go.

    A result says itself by which settings it was made, so nothing else has to be kept, moved along
    or trusted. Results that lack only some of their number are those of a run that was killed.

    Args:
        source: the photo.
        outputs: where its results go.
        settings: of this job, to name what differs.
        identity: hash of these settings.

    Returns:
        The state of all of them together.
    """
    ages = [modified(path) for path in outputs]
    there = [path for path, age in zip(outputs, ages, strict=True) if age is not None]
    if not there:
        return Existing(State.absent)
    for path in there:
        history = history_at(path)
        if history is None:
            return Existing(
                State.foreign, f"{path} is there and was not made by colorflow; nothing was changed"
            )
        if history.get("settings") != identity:
            return Existing(State.stale, f"results exist, {_difference(history, settings)}")
    if len(there) < len(outputs):
        return Existing(State.absent)
    changed = modified(source)
    oldest = min(age for age in ages if age is not None)
    # Some places tell no time. A photo from the future would be newer than its results for ever.
    if changed and oldest and oldest < changed <= time.time():
        return Existing(State.stale, "results exist, the photo has changed since")
    return Existing(State.done, "done before")


def modified(path: Path) -> float | None:
    """Tell when a file was last written.

    Args:
        path: of this machine or a URL.

    Returns:
        Seconds since the epoch, 0 where the place does not say; None where there is no file.
    """
    try:
        return float(path.stat().st_mtime or 0)
    except (OSError, ValueError):
        return None


def history_at(path: Path) -> dict[str, Any] | None:
    """Read how a picture was made, if colorflow made it.

    Args:
        path: of any file, of this machine or a URL.

    Returns:
        What it says of itself; None for anything else.
    """
    try:
        with local_copy(path) as local:
            return read_history(local)
    except (ColorflowError, OSError):
        return None


def _difference(history: Mapping[str, Any], settings: Mapping[str, Any]) -> str:
    names = [
        f"{name} {history[name]} instead of {value}"
        for name, value in settings.items()
        if name in history and name != "hints" and _plain(history[name]) != _plain(value)
    ]
    if history.get("hints") != settings.get("hints"):
        names.append("other hints")
    return f"made with {', '.join(names)}" if names else "made with other settings"


def _plain(value: Any) -> Any:
    return list(value) if isinstance(value, (list, tuple)) else value
