"""Hints as rows of a table, and as the JSON that the command line takes."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Sequence
from typing import Any

from colorflow.errors import ConfigError

# x, y in pixels of the upright photo, and #rrggbb.
Row = tuple[float, float, str]

_NUMBERS = re.compile(r"rgba?\(\s*([\d.]+)[\s,]+([\d.]+)[\s,]+([\d.]+)")


def colour_of(text: str) -> str:
    """Read a colour as a colour picker or a person writes it.

    Args:
        text: ``#rgb``, ``#rrggbb``, ``#rrggbbaa`` or ``rgba(…)``.

    Returns:
        ``#rrggbb``.

    Raises:
        ConfigError: it is no colour.
    """
    text = str(text).strip().lower()
    numbers = _NUMBERS.match(text)
    if numbers:
        values = [min(255, round(float(value))) for value in numbers.groups()]
        return "#" + "".join(f"{value:02x}" for value in values)
    digits = text.removeprefix("#")
    if re.fullmatch(r"[0-9a-f]{3}", digits):
        return "#" + "".join(2 * digit for digit in digits)
    if re.fullmatch(r"[0-9a-f]{6}([0-9a-f]{2})?", digits):
        return "#" + digits[:6]
    raise ConfigError(f"colour: expected one like #b5412d, got {text!r}")


def hint_at(
    place: tuple[float, float], shown: tuple[int, int], photo: tuple[int, int], colour: str
) -> Row:
    """Turn a click on a preview into a point of the photo.

    Args:
        place: x and y in pixels of the preview.
        shown: height and width of the preview.
        photo: height and width of the photo.
        colour: of the point.

    Returns:
        The point, inside the photo.
    """
    (x, y), (height, width) = place, photo
    # The centre of a pixel of the preview, in the photo.
    column = math.floor((x + 0.5) * width / shown[1])
    row = math.floor((y + 0.5) * height / shown[0])
    inside = min(max(column, 0), width - 1), min(max(row, 0), height - 1)
    return (*inside, colour_of(colour))


def rows_of(table: Sequence[Sequence[Any]] | None) -> list[Row]:
    """Read the rows of a table; empty ones are passed over.

    Args:
        table: x, y and colour in each row, as typed.

    Returns:
        The points.

    Raises:
        ConfigError: a row is no point.
    """
    rows = []
    for number, cells in enumerate(table or [], 1):
        values = [*cells]
        if all(value is None or str(value).strip() == "" for value in values):
            continue
        try:
            rows.append((_number(values[0]), _number(values[1]), colour_of(values[2])))
        except (TypeError, ValueError, OverflowError, IndexError) as error:
            raise ConfigError(
                f"point {number}: expected two numbers and a colour, got {values}"
            ) from error
    return rows


def rows_to_json(rows: Sequence[Row]) -> str:
    """Write points as ``colorflow colorize --hints`` takes them.

    Args:
        rows: the points.

    Returns:
        A JSON list, one point per line.
    """
    lines = [json.dumps({"x": x, "y": y, "hex": colour}) for x, y, colour in rows]
    return "[\n  " + ",\n  ".join(lines) + "\n]" if lines else "[]"


def rows_from_json(text: str) -> list[Row]:
    """Read points written by :func:`rows_to_json`, or by hand.

    Args:
        text: JSON.

    Returns:
        The points.

    Raises:
        ConfigError: it is something else.
    """
    try:
        data = json.loads(text or "[]")
        return rows_of([[hint["x"], hint["y"], hint["hex"]] for hint in data])
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise ConfigError(
            'hints: expected JSON like [{"x": 120, "y": 80, "hex": "#b5412d"}]'
        ) from error


def _number(value: Any) -> float:
    number = float(value)
    if not math.isfinite(number):
        raise ValueError(f"{value} is no place")
    return int(number) if number.is_integer() else number
