"""The range of a picture's values: as its file states it, or as it can be told from the values."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from colorflow.images.lab import row_strips

# 10, 12 and 14 bits, the depths of cameras and scanners that are often stored in 16-bit words.
LIMITS = (1023, 4095, 16383)
# Fewer different values than this are a drawing, not a photo.
DISTINCT = 64
# A 16-bit picture that ends below this comes out almost black.
DARK = 4095
# Resampling overshoots by less than this.
OVERSHOOT = 1.005

Kind = type[np.uint8] | type[np.uint16] | type[np.float32]


@dataclass(frozen=True)
class Stated:
    """What a file says about its values.

    Args:
        low: value of black, or None.
        high: value of white, or None.
        bits: significant bits of each value, or None.
        exact: whether the range is that of the file format, which is not to be doubted.
    """

    low: float | None = None
    high: float | None = None
    bits: int | None = None
    exact: bool = False


def scaled(values: np.ndarray, stated: Stated) -> tuple[np.ndarray, list[str]]:
    """Bring values to the full range of a photo's type.

    Args:
        values: of any real type and shape [height, width, ...].
        stated: what the file says about them.

    Returns:
        uint8 or uint16 with black at 0 and white at 255 or 65535, or float32 in [0, 1]; and notes
        for the user on what was assumed.

    Raises:
        ValueError: values are not finite.
    """
    kind = values.dtype
    if kind == np.bool_:
        return values * np.uint8(255), []
    if kind == np.uint8:
        return values, []
    if kind.kind == "f":
        return _scaled_floats(values, stated)
    if kind == np.uint16:
        return _scaled_words(values, stated)
    return _scaled_integers(values, stated)


def _scaled_words(values: np.ndarray, stated: Stated) -> tuple[np.ndarray, list[str]]:
    bits = stated.bits or 16
    top = int(values.max())
    if 8 < bits < 16 and top < 1 << bits:
        # The upper bits repeat in the lower ones, so that white becomes 65535.
        return values << (16 - bits) | values >> (2 * bits - 16), []
    if stated.exact or top > LIMITS[-1]:
        return values, []
    low, high = stated.low or 0.0, stated.high
    # A range of more than half of the 16 bits is statistics of a picture that is bright enough.
    if high is not None and low < high <= 32767:
        return _stretched(values, low, high, np.uint16), [_stated_note(low, high)]
    guess = _limit(values, top)
    if guess:
        return _stretched(values, 0, guess, np.uint16), [_guess_note(values.min(), top, 0, guess)]
    if 0 < top <= DARK:
        return values, [
            f"its values end at {top} of 65535 and come out dark; where white is at a lower value, "
            "scale the picture first"
        ]
    return values, []


def _scaled_integers(values: np.ndarray, stated: Stated) -> tuple[np.ndarray, list[str]]:
    if values.dtype == np.int8 and stated.low is None and _is_rougher(values, np.uint8):
        note = (
            "its values are called signed, but neighbours fit better without sign: read as 0 to 255"
        )
        return values.view(np.uint8), [note]
    bottom, top = int(values.min()), int(values.max())
    eight = values.dtype.itemsize == 1
    if stated.low is not None and stated.high is not None and stated.low < stated.high:
        low, high = stated.low, stated.high
        note = _stated_note(low, high)
    else:
        low, high = _integer_range(values, bottom, top)
        note = _guess_note(bottom, top, low, high)
    return _stretched(values, low, high, np.uint8 if eight else np.uint16), [note]


def _integer_range(values: np.ndarray, bottom: int, top: int) -> tuple[float, float]:
    """Choose a range for signed values, and for those of 32 bits and more."""
    limits = np.iinfo(values.dtype)
    if limits.bits <= 16:
        return (limits.min if bottom < 0 else 0), limits.max
    if bottom < 0:
        return bottom, top  # of 32 bits; their whole range would make mid-grey of everything
    if top <= 65535:
        return 0, 255 if top <= 255 else _limit(values, top) or 65535
    return 0, limits.max if top > limits.max // 2 else top


def _is_rougher(values: np.ndarray, other: type[np.generic]) -> bool:
    """Tell whether neighbours differ more than they do with the bytes read as another type."""
    steps = [
        np.abs(np.diff(view[: 1 << 10].astype(np.int32), axis=1)).sum()
        for view in (values, np.ascontiguousarray(values).view(other))
    ]
    return bool(steps[0] > steps[1])


def _scaled_floats(values: np.ndarray, stated: Stated) -> tuple[np.ndarray, list[str]]:
    wrong = int(values.size - np.count_nonzero(np.isfinite(values)))
    if wrong:
        raise ValueError(f"{wrong} values that are not finite")
    bottom, top = float(values.min()), float(values.max())
    low, high = stated.low, stated.high
    # A stated range within 0 to 1 is statistics of a picture that needs no scaling.
    if low is not None and high is not None and low < high and (low < 0 or high > 1):
        return _stretched(values, low, high, np.float32), [_stated_note(low, high)]
    notes = []
    if bottom < 0:
        count = int(np.count_nonzero(values < 0))
        notes.append(f"{count} of its {values.size} values are negative and were taken for black")
    high = _float_top(values, top)
    if high != 1:
        notes.insert(0, _guess_note(bottom, top, 0, high))
    elif bottom >= 0 and top <= 1:
        return values.astype(np.float32, copy=False), notes
    return _stretched(values, 0.0, high, np.float32), notes


def _float_top(values: np.ndarray, top: float) -> float:
    """Choose the value of white: 1, that of the integers the picture was made from, or its top."""
    if top <= 1 + 1 / 65535:
        return 1.0
    for usual in (255.0, 65535.0):
        if usual / 2 < top <= usual * OVERSHOOT:
            return usual
    whole = all((values[rows] == np.round(values[rows])).all() for rows in _strips(values))
    if whole and top < 65535:
        return 255.0 if top <= 255 else float(_limit(values, int(top)) or 65535)
    return top


def _limit(values: np.ndarray, top: int) -> int | None:
    """Find the greatest value of 10, 12 or 14 bits, if the values seem to have so many.

    Only where more than a thousandth of the values lies in the upper half of that range: a dark
    scan of 16 bits stays dark.
    """
    limit = next((limit for limit in LIMITS if top <= limit), None)
    if limit is None or top < 256:
        return None
    bright = sum(int(np.count_nonzero(values[rows] > limit // 2)) for rows in _strips(values))
    step = max(1, values.shape[0] // 256)
    if bright <= values.size / 1000 or np.unique(values[::step]).size < DISTINCT:
        return None
    return limit


def _stretched(values: np.ndarray, low: float, high: float, kind: Kind) -> np.ndarray:
    """Map ``low`` to black and ``high`` to white; values beyond are clipped."""
    result = np.empty(values.shape, kind)
    top = {np.uint8: 255.0, np.uint16: 65535.0, np.float32: 1.0}[kind]
    for rows in _strips(values):
        unit = (values[rows].astype(np.float64) - low) / (high - low)
        part = np.clip(unit, 0.0, 1.0) * top
        result[rows] = part if kind is np.float32 else np.round(part)
    return result


def _strips(values: np.ndarray) -> list[slice]:
    return list(row_strips(values.shape[0], values.shape[1]))


def _stated_note(low: float, high: float) -> str:
    return f"{_number(low)} to {_number(high)}, as its file states, was taken for black to white"


def _guess_note(bottom: float, top: float, low: float, high: float) -> str:
    return (
        f"values {_number(bottom)} to {_number(top)} without a stated range: "
        f"{_number(low)} to {_number(high)} was taken for black to white"
    )


def _number(value: float) -> str:
    return str(int(value)) if float(value).is_integer() else f"{value:.4g}"
