"""Finding the straight edge between a picture and the border along one side of a scan."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

# Steepest edge that is looked for, in pixels down per pixel along: about 2.5 degrees.
MAX_SLOPE = 0.044
_SLOPES = np.linspace(-MAX_SLOPE, MAX_SLOPE, 23)
# Least share of the positions along a side at which a step marks the edge.
_MIN_VOTES = 0.25
# Share of the band next to the edge that has the level of the border.
_MIN_CLEAN = 0.93
# Below this lightness, a border may be film, with holes and lettering in it.
_FILM_LIGHTNESS = 35.0
# Share of a border that has its level; of film, with its holes.
_MIN_PLAIN, _MIN_FILM = 0.88, 0.55
# Lightness steps below the first are noise, whatever the border; noisier than the second is no
# border but a texture.
_MIN_STEP, _MAX_NOISE = 3.0, 4.5
# How fast the level of a border may drift from one row to the next, in units of L.
_DRIFT = 0.08


@dataclass(frozen=True)
class Edge:
    """A straight edge along the top of a plane: its row at column x is ``offset + slope x``.

    Args:
        offset: row at column 0, in pixels.
        slope: rows per column.
        level: lightness of the border next to it, L in [0, 100].
        noise: standard deviation of the border's lightness.
        support: share of the columns with a step at the edge, in [0, 1].
        spread: standard deviation of these steps from the straight line, in pixels.
    """

    offset: float = 0.0
    slope: float = 0.0
    level: float = 0.0
    noise: float = 0.0
    support: float = 0.0
    spread: float = 0.0

    def rows(self, columns: np.ndarray) -> np.ndarray:
        """Give the row of the edge at columns, float."""
        return self.offset + self.slope * columns

    def inner(self, start: int, stop: int) -> float:
        """Give the largest row of the edge within a range of columns."""
        return max(self.offset + self.slope * start, self.offset + self.slope * (stop - 1))


def find_edge(
    plane: np.ndarray,
    start: Edge,
    columns: range,
    limit: int,
    slope: float | None = None,
    known: Edge | None = None,
) -> Edge | None:
    """Look for the edge between the border along the top of a plane and the picture below.

    Args:
        plane: lightness, float32 [height, width], L in [0, 100].
        start: edge from which the border begins: that of a border further out, or row 0.
        columns: in which the picture is expected.
        limit: rows below ``start`` in which to look.

    Returns:
        The innermost edge of the border of one level, or None where there is no such border.
    """
    x = np.arange(columns.start, columns.stop)
    tall = min(limit, plane.shape[0])
    if tall < 4 or len(x) < 16:
        return None
    first = np.clip(np.ceil(start.rows(x)).astype(int), 0, plane.shape[0] - 1)
    rows = np.minimum(first + np.arange(tall)[:, None], plane.shape[0] - 1)
    band = plane[rows, x]
    # A blurred or wavy cut may lie at the very start.
    levels = [_level(band[skip : skip + 2]) for skip in range(4)]
    level = min((one for one in levels if one is not None), key=lambda l: l[1], default=None)
    if known is not None and (level is None or abs(np.median(level[0]) - known.level) > 8):
        level = np.full(len(x), known.level, np.float32), max(1.0, known.noise)
    if level is None:
        if DEBUG: print('no level')
        return None
    reference, noise = level
    band = band - reference
    # Light falls off slowly over a scan.
    drift = np.clip(np.diff(np.median(band, axis=1), prepend=0.0), -_DRIFT, _DRIFT).cumsum()
    step = max(_MIN_STEP, 4 * noise) if known is None else max(1.2, 3 * noise)
    away = np.abs(band - drift[:, None]) > step
    lightness = float(np.median(reference))
    reach = max(1, round(0.006 * min(plane.shape)))
    if slope is None:
        slopes = _SLOPES
    else:
        slopes = np.array([slope - start.slope])
    found = _innermost(away, x - x[0], reach, lightness < _FILM_LIGHTNESS, slopes)
    if found is None:
        if DEBUG: print('no line', lightness, noise, tall)
        return None
    base, slope, support, spread, outside = found
    if outside < (_MIN_FILM if lightness < _FILM_LIGHTNESS else _MIN_PLAIN):
        if DEBUG: print('not plain', outside, lightness)
        return None
    slope += start.slope
    offset = base + start.offset - slope * x[0] + start.slope * x[0]
    if abs(slope) > 1.2 * MAX_SLOPE:
        return None
    return Edge(offset, slope, lightness, noise, support, spread)


def _level(head: np.ndarray) -> tuple[np.ndarray, float] | None:
    """Fit the lightness along the outermost rows of a border, [columns], and its noise."""
    values = head.mean(axis=0)
    x = np.linspace(-1, 1, len(values))
    good = np.abs(values - np.median(values)) < 12
    for _ in range(3):
        if good.mean() < 0.8:
            return None
        fit = np.polynomial.polynomial.polyfit(x[good], values[good], 2)
        reference = np.polynomial.polynomial.polyval(x, fit)
        noise = 1.4826 * float(np.median(np.abs(head - reference)))
        good = np.abs(values - reference) < max(_MIN_STEP, 4 * noise)
    if noise > _MAX_NOISE or good.mean() < 0.85 or np.ptp(reference) > 25:
        return None
    return reference.astype(np.float32), noise


def _innermost(
    away: np.ndarray, x: np.ndarray, reach: int, film: bool, slopes: np.ndarray
) -> tuple[float, float, float, float, float] | None:
    """Find the innermost line at which pixels begin to differ from the border.

    Args:
        away: where they differ, bool [rows, columns].
        x: columns, from 0.
        reach: how far from the line a step may be, in rows.

    Returns:
        Row at column 0, slope, share of columns with a step, spread of the steps in rows, and the
        share of the border outside that has its level.
    """
    tall, wide = away.shape
    begins = away[1:-1] & away[2:] & ~away[:-2]
    row, column = np.nonzero(begins)
    row = row + 1
    if len(row) < _MIN_VOTES * wide:
        return None
    middle = x[-1] / 2
    votes = np.zeros((len(slopes), tall))
    for votes_of, slope in zip(votes, slopes, strict=True):
        at = np.rint(row - slope * (column - middle)).astype(int)
        at = at[(at >= 0) & (at < tall)]
        votes_of[:] = np.bincount(at, minlength=tall)
    window = np.ones(2 * reach + 1)
    votes = np.stack([np.convolve(v, window, mode="same") for v in votes]) / wide
    candidates = np.argwhere(votes >= max(_MIN_VOTES, 0.55 * votes.max()))
    good: list[tuple[float, int, float]] = []
    for index, at in candidates:
        rows = np.rint(at - reach + slopes[index] * (x - middle)).astype(int)
        near = [rows - 1, rows - 2]
        # Where the line begins above the outermost row there is nothing to see.
        seen = [(r >= 0) & (r < tall) for r in near]
        clean = [~away[r[s], x[s]] for r, s in zip(near, seen, strict=True)]
        number = sum(map(len, clean))
        if number == 0 and at <= reach + 2:
            continue
        if sum(int(c.sum()) for c in clean) >= _MIN_CLEAN * number and number >= 0.5 * wide:
            good.append((float(votes[index, at]), int(at), float(slopes[index])))
    if not good:
        return None
    places = [at for _, at, _ in good]
    # Beyond the holes of film the film goes on; beyond the end of paper there is the picture.
    low, high = (max(places) - 2 * reach, max(places)) if film else (min(places), min(places) + 2 * reach)
    support, at, slope = max(g for g in good if low <= g[1] <= high)
    residual = row - (at + slope * (column - middle))
    near_line = np.abs(residual) <= reach + 0.5
    tilt, shift = np.polyfit(column[near_line] - middle, residual[near_line], 1)
    if len(slopes) == 1:
        tilt = np.clip(tilt, -0.003, 0.003)
    at, slope = at + float(shift), slope + float(tilt)
    residual = row - (at + slope * (column - middle))
    near_line = np.abs(residual) <= reach + 0.5
    spread = float(residual[near_line].std())
    inner = float(np.quantile(residual[near_line], 0.85))
    line = at - reach + slope * (x - middle)
    outside = np.arange(tall)[:, None] < line
    plain = 1 - float(away[outside].mean()) if outside.any() else 1.0
    support = len(np.unique(column[near_line])) / wide
    return at + max(0.0, inner) - slope * middle, slope, support, spread, plain


def line_width(plane: np.ndarray, edge: Edge, columns: range) -> float | None:
    """Measure a thin dark line between an edge and the picture.

    Args:
        plane: lightness, float32 [height, width], L in [0, 100].
        edge: where the border ends.
        columns: of the picture.

    Returns:
        Rows from the edge to the end of the line, or None where there is no such line.
    """
    x = np.arange(columns.start, columns.stop)
    deep = max(6, round(0.03 * min(plane.shape)))
    rows = np.rint(edge.rows(x)).astype(int) + np.arange(-1, deep)[:, None]
    band = plane[rows.clip(0, plane.shape[0] - 1), x]
    middle = np.median(band, axis=1)
    darkest = int(np.argmin(middle[: deep // 2 + 2]))
    line = band[darkest]
    if middle[darkest] > min(45.0, edge.level - 15):
        return None
    if (np.abs(line - middle[darkest]) < 12).mean() < 0.7:
        return None
    brighter = (band[darkest + 1 :] > line + 6).mean(axis=1)
    if brighter.max() < 0.65:
        return None
    # Half way up the far side of the line, and the blur beyond.
    return darkest + float(np.argmax(brighter > 0.9 * brighter.max()))

DEBUG=False
