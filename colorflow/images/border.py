"""Find the border of a scan: paper, mounts, film, the background of the scanner."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from colorflow.images.border_lines import Edge, find_edge, line_width
from colorflow.images.frame import Border, Frame
from colorflow.images.photo import Photo
from colorflow.images.planes import resize_plane

# Longest side in pixels of the reduced copy that is searched.
_SIDE = 400
# A border is at most this share of the height or width on each side, and leaves at least this
# share of the area to the picture.
_MAX_SHARE, _MIN_AREA = 0.35, 0.25
# Borders within borders, e.g. the scanner's background, a mount and paper.
_MAX_LAYERS = 5
# Sides of one border differ by at most this many units of L, and this many rows per column.
_SAME_LEVEL, _SAME_SLOPE = 12.0, 0.015
# Least support of each edge if two sides agree and if more do, and least mean support of all.
_MIN_SUPPORT, _FAINT_SUPPORT, _MEAN_SUPPORT = 0.4, 0.25, 0.5
# Two neighbouring sides alone may be a dark corner of a scene: their least support, and their most
# noise in units of L.
_CORNER_SUPPORT, _CORNER_NOISE = 0.65, 2.0
# Pixels of the reduced copy that are left to the border, for the blur of the edge.
_MARGIN = 0.8
# Sides are numbered top, left, bottom, right; these are the signs of their slopes, seen from each
# side, when the picture is turned.
_TURN = (1, -1, -1, 1)

_Edges = list[Edge | None]


def find_border(photo: Photo) -> Border | None:
    """Find the border around the picture of a scan.

    Rather than a wrong border none is found: edges must be straight, and at least two sides must
    agree in lightness and angle. Of a picture that is turned by up to 2 degrees, the largest
    rectangle between its corners is what the border leaves.

    Args:
        photo: the scan.

    Returns:
        Widths of the border on all sides, or None if there is no border.
    """
    height, width = photo.size
    scale = min(1.0, _SIDE / max(height, width))
    size = max(1, round(height * scale)), max(1, round(width * scale))
    plane = resize_plane(photo.lightness_rows, size)[0].numpy()
    edges = _find_edges(plane)
    depths = _depths(edges, size)
    shares = [depth / size[side % 2] for side, depth in enumerate(depths)]
    left_over = (1 - shares[0] - shares[2]) * (1 - shares[1] - shares[3])
    if not any(edges) or max(shares) > _MAX_SHARE or left_over < _MIN_AREA:
        return None
    top, left, bottom, right = (
        math.ceil(share * photo.size[side % 2]) for side, share in enumerate(shares)
    )
    return Border(top, left, bottom, right)


def without_border(photo: Photo) -> Photo:
    """Cut a scan to the picture inside its border.

    Args:
        photo: the scan.

    Returns:
        The picture, with the scan around it as its ``frame`` and a note about it; the photo itself
        if it has no border, or none any more.
    """
    border = None if photo.frame else find_border(photo)
    return photo if border is None else cut(photo, border)


def cut(photo: Photo, border: Border) -> Photo:
    """Cut a scan to the picture inside a border that is known.

    Args:
        photo: the scan.
        border: of it.

    Returns:
        The picture, with the scan around it as its ``frame`` and a note about it.

    Raises:
        ImageError: nothing is left inside.
    """
    rows, columns = border.inside(photo.size)
    return replace(
        photo,
        pixels=np.ascontiguousarray(photo.pixels[rows, columns]),
        alpha=None if photo.alpha is None else np.ascontiguousarray(photo.alpha[rows, columns]),
        notes=[*photo.notes, f"{border}: left as it is"],
        frame=Frame(photo.pixels, photo.alpha, border),
    )


def _find_edges(plane: np.ndarray) -> _Edges:
    """Find the innermost edge of the border on each side."""
    from skimage.filters import median

    edges: _Edges = [None] * 4
    smooth = _views(median(plane, np.ones((3, 3))))
    for _ in range(_MAX_LAYERS):
        layer = _find_layer(smooth, edges, plane.shape)
        if not layer:
            break
        edges = [layer.get(side, edge) for side, edge in enumerate(edges)]
    return [
        edge and replace(edge, offset=edge.offset + width + _MARGIN)
        for edge, width in zip(edges, _line_widths(_views(plane), edges, plane.shape), strict=True)
    ]


def _find_layer(
    views: Sequence[np.ndarray], edges: _Edges, shape: tuple[int, ...]
) -> dict[int, Edge]:
    """Find a border of one lightness inside the edges found before; its edges by side."""
    depths = _depths(edges, shape)
    first = {side: _search(views, edges, side, depths) for side in range(4)}
    found = {side: edge for side, edge in first.items() if edge is not None}
    groups = [[side for side in found if _alike(found, side, other)] for other in found]
    group = max(groups, key=len, default=[])
    if len(group) < 2:
        return {}
    # All sides once more, along the angle they agree in, and without the ends of the sides.
    turns = [found[side].slope * _TURN[side] for side in group]
    trust = [(found[side].support / (0.3 + found[side].spread)) ** 2 for side in group]
    turn = float(np.average(turns, weights=trust))
    known = min((found[side] for side in group), key=lambda edge: edge.noise)
    known = replace(known, level=float(np.mean([found[side].level for side in group])))
    depths = _depths([found[s] if s in group else edge for s, edge in enumerate(edges)], shape)
    layer: dict[int, Edge] = {}
    least = _MIN_SUPPORT if len(group) == 2 else _FAINT_SUPPORT
    for side in range(4):
        other = None if side in group else known
        edge = _search(views, edges, side, depths, turn * _TURN[side], other)
        # A border that is narrow at one end may show only if all columns are looked at.
        edge = edge or (found[side] if side in group else None)
        if edge and abs(edge.level - known.level) < _SAME_LEVEL and edge.support >= least:
            layer[side] = edge
    supports = [edge.support for edge in layer.values()]
    if len(layer) < 2 or np.mean(supports) < _MEAN_SUPPORT:
        return {}
    if len(layer) == 2 and sum(layer) % 2:
        noise = max(edge.noise for edge in layer.values())
        if min(supports) < _CORNER_SUPPORT or noise > _CORNER_NOISE:
            return {}
    return layer


def _search(
    views: Sequence[np.ndarray],
    edges: _Edges,
    side: int,
    depths: Sequence[float],
    slope: float | None = None,
    known: Edge | None = None,
) -> Edge | None:
    """Find the next edge on one side, below the one found before."""
    view, edge = views[side], edges[side]
    columns = _columns(view, depths, side)
    start = replace(edge, offset=edge.offset + 1) if edge else Edge()
    limit = int(1.1 * _MAX_SHARE * view.shape[0] - max(0.0, start.inner(columns)))
    return find_edge(view, start, columns, limit, slope, known)


def _line_widths(views: Sequence[np.ndarray], edges: _Edges, shape: tuple[int, ...]) -> list[float]:
    """Measure the thin line around the picture on each side; 0 if there is none."""
    depths = _depths(edges, shape)
    widths = [
        line_width(view, edge, _columns(view, depths, side)) if edge else None
        for side, (view, edge) in enumerate(zip(views, edges, strict=True))
    ]
    # Where the picture is as dark as the line, the other sides tell how wide it is.
    seen = [width for width in widths if width is not None]
    usual = min(seen) if len(seen) >= 3 else 0.0
    return [usual if width is None else width for width in widths]


def _views(plane: np.ndarray) -> list[np.ndarray]:
    """Turn a plane so that each side in turn is at the top."""
    views = plane, plane.T, plane[::-1], plane[:, ::-1].T
    return [np.ascontiguousarray(view) for view in views]


def _columns(view: np.ndarray, depths: Sequence[float], side: int) -> range:
    """Return the columns of a view between the edges of the neighbouring sides."""
    before, after = (depths[1], depths[3]) if side % 2 == 0 else (depths[0], depths[2])
    return range(math.ceil(before), view.shape[1] - math.ceil(after))


def _depths(edges: _Edges, shape: tuple[int, ...]) -> list[float]:
    """Return how far the border reaches in on each side, in pixels."""
    depths = [0.0] * 4
    # The depth of a turned edge depends on where the neighbouring sides end.
    for _ in range(3):
        top, left, bottom, right = (int(depth) for depth in depths)
        across = range(left, shape[1] - right), range(top, shape[0] - bottom)
        depths = [
            max(0.0, edge.inner(across[side % 2])) if edge else 0.0
            for side, edge in enumerate(edges)
        ]
    return depths


def _alike(found: dict[int, Edge], one: int, other: int) -> bool:
    """Tell whether two sides may be of one border."""
    level = found[one].level - found[other].level
    turn = found[one].slope * _TURN[one] - found[other].slope * _TURN[other]
    return abs(level) < _SAME_LEVEL and abs(turn) < _SAME_SLOPE
