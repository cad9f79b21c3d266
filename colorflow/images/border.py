"""Borders of scans: the rectangle of the picture inside paper, mounts, film and lid."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch

from colorflow.images.border_lines import Edge, find_edge
from colorflow.images.photo import Photo, resize_planes

# Longest side in pixels of the copy that is searched.
SIDE = 400
# A border takes at most this share of the height or width on each side, and leaves at least this
# share of the area to the picture.
MAX_SHARE, MIN_AREA = 0.35, 0.25
# Borders one inside the other, e.g. lid, mount, paper and key line.
_LAYERS = 5
_SIDES = ("top", "left", "bottom", "right")
# Borders of one layer are of one lightness, up to this many units of L.
_SAME_LEVEL = 12.0
# Least mean share of the edges at which the picture differs from the border.
_MIN_SUPPORT = 0.5


@dataclass(frozen=True)
class Border:
    """The frame around the picture in a scan, as the rectangle of the picture.

    Args:
        top: first row of the picture, in pixels.
        left: first column.
        bottom: row after the last one.
        right: column after the last one.
    """

    top: int
    left: int
    bottom: int
    right: int


def find_border(photo: Photo) -> Border | None:
    """Find the border around the picture in a scan."""
    height, width = photo.size
    scale = min(1.0, SIDE / max(height, width))
    size = max(1, round(height * scale)), max(1, round(width * scale))
    small = resize_planes(photo.lightness[None], size)[0].numpy()
    edges = _edges(small)
    if not any(edges):
        return None
    top, left, bottom, right = _rectangle(edges, small.shape)
    ys, xs = height / small.shape[0], width / small.shape[1]
    return Border(
        math.ceil(top * ys) if edges[0] else 0,
        math.ceil(left * xs) if edges[1] else 0,
        math.floor((small.shape[0] - bottom) * ys) if edges[2] else height,
        math.floor((small.shape[1] - right) * xs) if edges[3] else width,
    )


def _views(plane):
    return plane, plane.T, plane[::-1], plane[:, ::-1].T


def _depths(edges, shape):
    height, width = shape
    depths = [0.0] * 4
    for _ in range(3):
        top, left, bottom, right = depths
        across = (int(left), width - int(right)), (int(top), height - int(bottom))
        depths = [max(0.0, e.inner(*across[i % 2])) if e else 0.0 for i, e in enumerate(edges)]
    return depths


def _rectangle(edges, shape):
    return _depths(edges, shape)


def _edges(plane):
    shape = plane.shape
    views = [np.ascontiguousarray(v) for v in _views(plane)]
    edges: list[Edge | None] = [None] * 4
    for _ in range(_LAYERS):
        depths = _depths(edges, shape)
        found = _layer(views, edges, depths, shape)
        if found is None:
            break
        for i, e in found.items():
            edges[i] = e
    return edges


def _layer(views, edges, depths, shape):
    found = {}
    for i, view in enumerate(views):
        a, b = (depths[1], depths[3]) if i % 2 == 0 else (depths[0], depths[2])
        cols = range(math.ceil(a), view.shape[1] - math.ceil(b))
        start = edges[i] or Edge()
        begin = Edge(start.offset + 1 if edges[i] else 0.0, start.slope)
        limit = int(MAX_SHARE * 1.1 * view.shape[0] - max(0, start.inner(cols.start, cols.stop)))
        e = find_edge(view, begin, cols, limit)
        if e is not None:
            found[i] = e
    if not found:
        return None
    # support within the extents of the picture
    new = [found.get(i, edges[i]) for i in range(4)]
    inner = _depths(new, shape)
    good = {}
    for i, e in found.items():
        a, b = (inner[1], inner[3]) if i % 2 == 0 else (inner[0], inner[2])
        n = views[i].shape[1]
        part = (n - a - b) / max(1, n - (math.ceil(depths[1 - i % 2]) + math.ceil(depths[3 - i % 2])))
        good[i] = min(1.0, e.support / max(part, 0.1))
    same = [i for i in found if sum(abs(found[j].level - found[i].level) < _SAME_LEVEL for j in found) >= 2]
    if DEBUG:
        print({i: (round(e.offset,1), round(e.slope,3), round(e.level), round(e.noise,1), round(good[i],2), round(e.spread,2)) for i,e in found.items()}, same)
    accepted = {i: found[i] for i in same if good[i] > 0.35}
    if len(accepted) < 2 or np.mean([good[i] for i in accepted]) < _MIN_SUPPORT:
        return None
    return accepted
DEBUG = False
