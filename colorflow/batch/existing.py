"""What an earlier run left: done, unfinished, made with other settings, or not ours."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Any

from colorflow.batch.names import latents_path
from colorflow.batch.places import local_copy
from colorflow.errors import ColorflowError
from colorflow.images.whole import is_whole
from colorflow.images.write import read_history

# A setting that only results have for which it is on.
BORDER = "ignore_border"


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
    moved along or trusted; dates play no part. Where only some of the results are there, or one is
    cut short, the run or the copy that made them broke off.

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
    whole = True
    for path in there:
        history, with_end = _seen(path)
        whole = whole and with_end
        if history is None:
            return Existing(
                State.foreign, f"{path} is there and was not made by colorflow; nothing was changed"
            )
        if history.get("settings") != identity:
            return Existing(State.stale, f"results exist, {_difference(history, settings)}")
        histories.append(history)
    if not all(same_photo(history) for history in histories):
        return Existing(State.stale, f"{there[0]} was made of another photo")
    done = whole and there == list(outputs)
    return Existing(State.done, "done before") if done else ABSENT


def with_latents(found: Existing, outputs: Sequence[Path]) -> Existing:
    """Take latents beside the results into account.

    Args:
        found: state of the results.
        outputs: where the results go.

    Returns:
        Where latents are missing, the results are made again; latents without a result are a file
        of somebody else.
    """
    pairs = [(path, latents_path(path)) for path in outputs]
    for path, latents in pairs:
        if latents.exists() and not path.exists():
            reason = f"{latents} is there without its result; nothing was changed"
            return Existing(State.foreign, reason)
    whole = all(latents.exists() for _, latents in pairs)
    return found if whole or found.state is not State.done else ABSENT


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
    return _seen(path)[0]


def _seen(path: Path) -> tuple[dict[str, Any] | None, bool]:
    """Read the history of a result and whether it has its end; a URL is fetched once for both."""
    try:
        with local_copy(path) as local:
            history = read_history(local)
            return history, history is not None and is_whole(local)
    except (ColorflowError, OSError):
        return None, False


def _difference(history: Mapping[str, Any], settings: Mapping[str, Any]) -> str:
    names = [
        f"{name} {history[name]} instead of {value}"
        for name, value in settings.items()
        if name in history
        and name not in ("hints", BORDER)
        and _plain(history[name]) != _plain(value)
    ]
    if history.get("hints") != settings.get("hints"):
        names.append("other hints")
    if bool(history.get(BORDER)) != bool(settings.get(BORDER)):
        names.append(f"{BORDER} {'on' if history.get(BORDER) else 'off'}")
    return f"made with {', '.join(names)}" if names else "made with other settings"


def _plain(value: Any) -> Any:
    return list(value) if isinstance(value, (list, tuple)) else value
