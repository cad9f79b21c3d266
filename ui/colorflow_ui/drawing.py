"""Pictures that explain: heat maps, their legend, and marks on photos."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from PIL import Image, ImageDraw

# Dark to light, so that the order is seen without colours, too; 0 to 1 on the scale.
RAMP = ("#1b1033", "#5b1a6e", "#a82a63", "#e3543f", "#f99b2b", "#f7e37a")
# Delta E at the end of the scale: larger values look alike.
SCALE_END = 40.0
OPACITY = 0.72


def ramp_colours(values: np.ndarray) -> np.ndarray:
    """Look values up on the colour ramp.

    Args:
        values: any shape, in [0, 1]; others are clipped.

    Returns:
        uint8, with a last axis of 3.
    """
    anchors = np.array([[int(h[i : i + 2], 16) for i in (1, 3, 5)] for h in RAMP], np.float32)
    place = np.clip(values, 0, 1) * (len(RAMP) - 1)
    low = np.minimum(place.astype(int), len(RAMP) - 2)
    share = (place - low)[..., None]
    colours: np.ndarray = np.round(anchors[low] * (1 - share) + anchors[low + 1] * share)
    return colours.astype(np.uint8)


def heat_map(grey: Image.Image, delta_e: np.ndarray) -> Image.Image:
    """Lay a map of colour differences over a photo.

    Args:
        grey: the photo.
        delta_e: [height, width] of the same size, Delta E.

    Returns:
        An ``RGB`` picture.
    """
    colours = Image.fromarray(ramp_colours(delta_e / SCALE_END)).resize(grey.size)
    return Image.blend(grey.convert("RGB"), colours, OPACITY)


def legend_html() -> str:
    """Write the legend of :func:`heat_map`.

    Returns:
        HTML.
    """
    steps = [f"{SCALE_END * i / 4:.0f}" for i in range(5)]
    ticks = "".join(f"<span>{step}{'+' if step == steps[-1] else ''}</span>" for step in steps)
    return (
        f'<div class="legend"><div class="bar" style="background: linear-gradient(to right, '
        f'{", ".join(RAMP)})"></div><div class="ticks">{ticks}</div>'
        '<div class="ticks"><span>sure</span><span>colour difference (Delta E)</span>'
        "<span>a guess</span></div></div>"
    )


def peaks(delta_e: np.ndarray, count: int = 3) -> list[tuple[int, int, float]]:
    """Find where a map is highest, averaged over small areas that lie apart.

    Args:
        delta_e: [height, width].
        count: how many at most.

    Returns:
        x, y and the mean there, highest first.
    """
    height, width = delta_e.shape
    side = max(1, min(height, width) // 12)
    rows, columns = max(1, height // side), max(1, width // side)
    blocks = delta_e[: rows * side, : columns * side]
    means = blocks.reshape(rows, side, columns, side).mean((1, 3)).copy()
    found = []
    for _ in range(count):
        row, column = np.unravel_index(int(means.argmax()), means.shape)
        value = float(means[row, column])
        if value <= 0:
            break
        x, y = int((column + 0.5) * side), int((row + 0.5) * side)
        found.append((min(x, width - 1), min(y, height - 1), value))
        means[max(0, row - 2) : row + 3, max(0, column - 2) : column + 3] = -1
    return found


def marked(
    picture: Image.Image, marks: Sequence[tuple[float, float, str]], numbered: bool = True
) -> Image.Image:
    """Draw round marks on a picture.

    Args:
        picture: any picture.
        marks: x and y in its pixels, and a colour ``#rrggbb`` each.
        numbered: write numbers into them, from 1.

    Returns:
        An ``RGB`` picture.
    """
    result = picture.convert("RGB")
    draw = ImageDraw.Draw(result)
    radius = max(7, round(min(result.size) / 50))
    for number, (x, y, colour) in enumerate(marks, 1):
        box = (x - radius, y - radius, x + radius, y + radius)
        # Two rings: one of them stands out against any photo.
        draw.ellipse([v + d for v, d in zip(box, (-2, -2, 2, 2), strict=True)], fill="black")
        draw.ellipse(box, fill="white")
        draw.ellipse([v + d for v, d in zip(box, (2, 2, -2, -2), strict=True)], fill=colour)
        if numbered:
            red, green, blue = (int(colour[i : i + 2], 16) for i in (1, 3, 5))
            ink = "black" if 0.3 * red + 0.59 * green + 0.11 * blue > 128 else "white"
            draw.text((x, y), str(number), fill=ink, anchor="mm", font_size=radius * 1.3)
    return result
