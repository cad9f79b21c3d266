"""Colour hints: "this pixel is #aa3311", as values and as JSON."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from colorflow.errors import ConfigError, ImageError

# More than anybody sets by hand; a result's metadata has to hold them.
MAX_HINTS = 100
# From this Delta E on, a colour that was reached is not the one that was wished.
FAR = 10.0
_FIELDS = {"x", "y", "hex"}
_HEX = re.compile(r"#([0-9a-f]{3}|[0-9a-f]{6})")


@dataclass(frozen=True)
class Hint:
    """The colour somebody wishes at a place of a photo; of the colour, only the chroma counts.

    Args:
        x: column in pixels of the upright photo, from the left, 0 <= x < width.
        y: row in pixels, from the top, 0 <= y < height.
        hex: ``"#rrggbb"`` or ``"#rgb"``, in either case; kept as ``"#rrggbb"`` in lower case.

    Raises:
        ConfigError: a coordinate is negative or no number, or the colour is written otherwise.
    """

    x: float
    y: float
    hex: str

    def __post_init__(self) -> None:
        for name in ("x", "y"):
            value = getattr(self, name)
            number = isinstance(value, (int, float)) and not isinstance(value, bool)
            if not (number and 0 <= value < math.inf):
                raise ConfigError(f"{name}: expected a number of pixels >= 0, got {value!r}")
            object.__setattr__(self, name, float(value) + 0.0)
        text = self.hex.lower() if isinstance(self.hex, str) else ""
        if not _HEX.fullmatch(text):
            raise ConfigError(f'hex: expected a colour like "#aa3311", got {self.hex!r}')
        digits = text[1:] if len(text) == 7 else "".join(2 * digit for digit in text[1:])
        object.__setattr__(self, "hex", f"#{digits}")

    @property
    def rgb(self) -> tuple[int, int, int]:
        """Red, green and blue of the colour, 0 to 255."""
        red, green, blue = bytes.fromhex(self.hex[1:])
        return red, green, blue

    def __str__(self) -> str:
        return f"{self.hex} at ({self.x:g}, {self.y:g})"


def parse_hints(data: Any, where: str) -> tuple[Hint, ...]:
    """Make hints of decoded JSON.

    Args:
        data: a list of ``{"x": column, "y": row, "hex": "#rrggbb"}``.
        where: it comes from, for messages.

    Returns:
        The hints, in order.

    Raises:
        ConfigError: it is something else; says where, and which row.
    """
    if not isinstance(data, list):
        raise ConfigError(
            f'{where}: expected a list of hints {{"x", "y", "hex"}}, got {_kind(data)}'
        )
    if len(data) > MAX_HINTS:
        raise ConfigError(f"{where}: expected at most {MAX_HINTS} hints, got {len(data)}")
    hints = []
    for number, row in enumerate(data, 1):
        if not isinstance(row, Mapping):
            raise ConfigError(
                f'{where}: hint {number}: expected {{"x", "y", "hex"}}, got {_kind(row)}'
            )
        if set(row) != _FIELDS:
            got = ", ".join(sorted(map(str, row))) or "nothing"
            raise ConfigError(f"{where}: hint {number}: expected the fields x, y, hex, got {got}")
        try:
            hints.append(Hint(row["x"], row["y"], row["hex"]))
        except ConfigError as error:
            raise ConfigError(f"{where}: hint {number}: {error}") from error
    return tuple(hints)


def read_hints(path: str | Path) -> tuple[Hint, ...]:
    """Read the hints of one photo from a JSON file.

    Args:
        path: of the file, a list as :func:`parse_hints` takes it.

    Returns:
        The hints, in order.

    Raises:
        ConfigError: the file cannot be read, or holds something else.
    """
    return parse_hints(read_json(path), str(path))


def read_json(path: str | Path) -> Any:
    """Read a JSON file that a user wrote.

    Args:
        path: of the file.

    Returns:
        Its content.

    Raises:
        ConfigError: it cannot be read, or is no JSON; says in which line.
    """
    try:
        return json.loads(Path(path).read_text(encoding="utf-8-sig"))
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read ({error.strerror or error})") from error
    except json.JSONDecodeError as error:
        raise ConfigError(
            f"{path}: expected JSON, line {error.lineno} is none ({error.msg})"
        ) from error
    except (UnicodeDecodeError, RecursionError) as error:
        raise ConfigError(f"{path}: expected JSON in UTF-8, found something else") from error


def hints_to_json(hints: Sequence[Hint]) -> list[dict[str, Any]]:
    """Write hints as plain data; undoes :func:`parse_hints`.

    Args:
        hints: any.

    Returns:
        A list of ``{"x", "y", "hex"}``.
    """
    return [{"x": hint.x, "y": hint.y, "hex": hint.hex} for hint in hints]


def require_inside(hints: Sequence[Hint], size: tuple[int, int], name: str) -> None:
    """See that hints lie within their photo.

    Args:
        hints: of the photo.
        size: its height and width in pixels, upright.
        name: of the photo, for the message.

    Raises:
        ConfigError: there are too many hints.
        ImageError: one lies outside.
    """
    if len(hints) > MAX_HINTS:
        raise ConfigError(f"hints: expected at most {MAX_HINTS}, got {len(hints)}")
    height, width = size
    for number, hint in enumerate(hints, 1):
        if not (hint.x < width and hint.y < height):
            raise ImageError(
                f"{name}: hint {number}, {hint}, lies outside the photo, which is "
                f"{width} x {height} pixels when upright; move it or leave it out"
            )


def move_inside(
    hints: Sequence[Hint], corner: tuple[int, int], size: tuple[int, int], name: str
) -> tuple[Hint, ...]:
    """Give hints of a scan as hints of the picture inside its border.

    Args:
        hints: with positions in the whole scan.
        corner: column and row of the picture's first pixel in the scan.
        size: height and width of the picture, in pixels.
        name: of the photo, for the message.

    Returns:
        The hints, with positions in the picture.

    Raises:
        ImageError: a hint lies on the border, which gets no colours.
    """
    left, top = corner
    height, width = size
    for number, hint in enumerate(hints, 1):
        if not (left <= hint.x < left + width and top <= hint.y < top + height):
            raise ImageError(
                f"{name}: hint {number}, {hint}, lies on the border, which stays as it is; the "
                f"picture has columns {left} to {left + width - 1} and rows {top} to "
                f"{top + height - 1}: move the hint there or leave it out"
            )
    return tuple(Hint(hint.x - left, hint.y - top, hint.hex) for hint in hints)


def _kind(data: Any) -> str:
    names = {dict: "an object", list: "a list", str: "a text", bool: "true or false"}
    return names.get(type(data), "null" if data is None else "a number")
