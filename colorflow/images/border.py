"""Borders of scans: the rectangle of the picture inside paper, mounts, film and lid."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
import torch

from colorflow.images.border_lines import Edge, find_edge, line_width
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
    from scipy.ndimage import median_filter
    raw = [np.ascontiguousarray(v) for v in _views(plane)]
    views = [np.ascontiguousarray(v) for v in _views(median_filter(plane, 3))]
    edges: list[Edge | None] = [None] * 4
    for _ in range(_LAYERS):
        found = _layer(views, edges, shape)
        if found is None:
            break
        for i, e in found.items():
            edges[i] = e
    depths = _depths(edges, shape)
    lines = [e and line_width(raw[i], e, _columns(views[i], depths, i)) for i, e in enumerate(edges)]
    seen = [w for w in lines if w]
    if DEBUG: print("lines", lines)
    if len(seen) >= max(2, sum(e is not None for e in edges) - 1) and np.ptp(seen) <= 3:
        usual = float(np.median(seen))
        edges = [e and replace(e, offset=e.offset + (w or usual)) for e, w in zip(edges, lines)]
    return [e and replace(e, offset=e.offset + 1) for e in edges]

def _columns(view, depths, i):
    a, b = (depths[1], depths[3]) if i % 2 == 0 else (depths[0], depths[2])
    return range(math.ceil(a), view.shape[1] - math.ceil(b))

_TURN = (1, -1, -1, 1)

def _search(views, edges, i, depths, slope=None, known=None):
    view, edge = views[i], edges[i]
    cols = _columns(view, depths, i)
    begin = replace(edge, offset=edge.offset + 1) if edge else Edge()
    limit = int(MAX_SHARE * 1.1 * view.shape[0] - max(0, begin.inner(cols.start, cols.stop)))
    return find_edge(view, begin, cols, limit, slope, known)

def _show(found):
    if DEBUG:
        print({i: (round(e.offset,1), round(e.slope,3), round(e.level), round(e.noise,1), round(e.support,2), round(e.spread,2)) for i,e in found.items()})

def _layer(views, edges, shape):
    depths = _depths(edges, shape)
    found = {}
    for i in range(4):
        e = _search(views, edges, i, depths)
        if e is not None:
            found[i] = e
    _show(found)
    # The largest group of sides that agree in level and angle.
    def alike(i, j):
        return abs(found[j].level - found[i].level) < _SAME_LEVEL and abs(found[j].slope*_TURN[j] - found[i].slope*_TURN[i]) < 0.015
    groups = [[j for j in found if alike(i, j)] for i in found]
    group = max(groups, key=len, default=[])
    if len(group) < 2:
        return None
    turns = np.array([found[i].slope * _TURN[i] for i in group])
    weights = np.array([found[i].support / (0.3 + found[i].spread) for i in group])
    turn = float(np.sum(turns * weights**2) / np.sum(weights**2))
    known = min((found[i] for i in group), key=lambda e: e.noise)
    known = replace(known, level=float(np.mean([found[i].level for i in group])))
    inner = _depths([found[i] if i in group else edges[i] for i in range(4)], shape)
    accepted = {}
    for i in range(4):
        e = _search(views, edges, i, inner, turn * _TURN[i], None if i in group else known)
        if e is not None and e.support > 0.4 and abs(e.level-known.level) < _SAME_LEVEL:
            accepted[i] = e
    _show(accepted)
    noise = max((e.noise for e in accepted.values()), default=0)
    supports = [e.support for e in accepted.values()]
    if len(accepted) < 2:
        return None
    # Two neighbouring sides are what a dark corner of a scene may look like.
    corner = len(accepted) == 2 and sum(accepted) % 2 == 1
    if min(supports) < (0.65 if corner else 0.4) or np.mean(supports) < _MIN_SUPPORT or (corner and noise > 2):
        return None
    return accepted
DEBUG = False
