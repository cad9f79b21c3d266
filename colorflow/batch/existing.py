"""What an earlier run left: done, unfinished, made with other settings, or not ours."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
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


ABSENT = Existing(State.absent)


def examine(
    outputs: Sequence[Path],
    settings: Mapping[str, Any],
    identity: str,
    same_photo: Callable[[Mapping[str, Any]], bool],
) -> Existing:
    """Look at what lies where the results of a photo are to go.

    A result says by which settings and of which photo it was made, so nothing else has to be kept,
    moved along or trusted; dates play no part. Where only some of the results are there, the run
    that made them was killed.

    Args:
        outputs: where the results go.
        settings: of this job, to name what differs.
        identity: hash of these settings.
        same_photo: tells whether a history is of the photo; called only where settings agree.

    Returns:
        The state of all of them together.
    """
    there = [path for path in outputs if modified(path) is not None]
    histories = []
    for path in there:
        history = history_at(path)
        if history is None:
            return Existing(
                State.foreign, f"{path} is there and was not made by colorflow; nothing was changed"
            )
        if history.get("settings") != identity:
            return Existing(State.stale, f"results exist, {_difference(history, settings)}")
        histories.append(history)
    if not all(same_photo(history) for history in histories):
        return Existing(State.stale, f"{there[0]} was made of another photo")
    return Existing(State.done, "done before") if there == list(outputs) else ABSENT


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
