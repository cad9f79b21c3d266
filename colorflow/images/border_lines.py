"""Find the straight edge of a border along one side of a scan."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

# Steepest edge that is searched for, in rows per column: 2.5 degrees.
_MAX_SLOPE = 0.044
_SLOPES = np.linspace(-_MAX_SLOPE, _MAX_SLOPE, 23)
# How far the slope of a side may differ from that of the whole picture; prints are cut by hand.
_SLACK = 0.003
# How far the steps of an edge may lie from the straight line, as a share of the shorter side.
_REACH = 0.006
# Least share of the columns that have a step at the edge, also relative to the strongest edge.
_MIN_VOTES, _NEAR_BEST = 0.25, 0.55
# Least share of the pixels just outside the edge that have the level of the border.
_MIN_CLEAN = 0.93
# Borders darker than this may be film, with holes and lettering.
_FILM_LIGHTNESS = 35.0
# Least share of a border that has its level, and of film.
_MIN_PLAIN, _MIN_FILM = 0.88, 0.55
# A step is this many standard deviations of the noise, and at least so many units of L; the second
# pair is for sides whose border is known from the other sides.
_STEP, _KNOWN_STEP = (4.0, 3.0), (3.0, 1.2)
# A band with more noise, or more change along the side, in units of L, is no border.
_MAX_NOISE, _MAX_CHANGE = 4.5, 25.0
# With less noise than this, in units of L, the first rows of a border are taken as they are.
_LITTLE_NOISE = 0.7
# Most that the lightness of a border may drift from row to row, in units of L.
_DRIFT = 0.08


@dataclass(frozen=True)
class Edge:
    """A straight edge near the top of a plane: its row is ``offset + slope * column``.

    Args:
        offset: row at column 0, in pixels.
        slope: rows per column.
        level: lightness of the border outside the edge, L in [0, 100].
        noise: standard deviation of this lightness.
        support: share of the columns with a step at the edge, in [0, 1].
        spread: standard deviation of the steps from the straight line, in pixels.
    """

    offset: float = 0.0
    slope: float = 0.0
    level: float = 0.0
    noise: float = 0.0
    support: float = 0.0
    spread: float = 0.0

    def rows(self, columns: np.ndarray) -> np.ndarray:
        """Return the row of the edge at each column, float."""
        return self.offset + self.slope * columns

    def inner(self, columns: range) -> float:
        """Return the largest row of the edge within a range of columns."""
        return self.offset + max(self.slope * columns.start, self.slope * (columns.stop - 1))


def find_edge(
    plane: np.ndarray,
    start: Edge,
    columns: range,
    limit: int,
    slope: float | None = None,
    known: Edge | None = None,
) -> Edge | None:
    """Find the edge between the border along the top of a plane and what is below it.

    Args:
        plane: lightness, float32 [height, width], L in [0, 100].
        start: edge where the border begins, e.g. that of a border further out.
        columns: where to search.
        limit: number of rows below ``start`` to search.
        slope: of the edge, where it is known; any up to 2.5 degrees if None.
        known: edge of another side with the same border; fainter steps are found with it.

    Returns:
        The edge, or None if no border of one level ends in a straight line.
    """
    x = np.arange(columns.start, columns.stop)
    tall = min(limit, plane.shape[0])
    if tall < 6 or len(x) < 16:
        return None
    first = np.ceil(start.rows(x)).astype(int)
    rows = (first + np.arange(tall)[:, None]).clip(0, plane.shape[0] - 1)
    band = plane[rows, x]
    fitted = _border_level(band, known)
    if fitted is None:
        return None
    reference, noise = fitted
    band = band - reference
    # The lightness of a border may change slowly with the distance from the side of the scan.
    drift = np.clip(np.diff(np.median(band, axis=1), prepend=0.0), -_DRIFT, _DRIFT).cumsum()
    factor, least = _STEP if known is None else _KNOWN_STEP
    away = np.abs(band - drift[:, None]) > max(least, factor * noise)
    level = float(np.median(reference))
    film = level < _FILM_LIGHTNESS
    slopes = _SLOPES if slope is None else np.array([slope - start.slope])
    line = _line(away, slopes, max(1, round(_REACH * min(plane.shape))), film)
    if line is None or line.plain < (_MIN_FILM if film else _MIN_PLAIN):
        return None
    tilt = line.slope + start.slope
    if abs(tilt) > 1.2 * _MAX_SLOPE:
        return None
    offset = line.offset - line.slope * x[0] + start.offset
    return Edge(offset, tilt, level, noise, line.support, line.spread)


def line_width(plane: np.ndarray, edge: Edge, columns: range) -> float | None:
    """Measure a thin dark line between the edge of a border and the picture.

    Args:
        plane: lightness, float32 [height, width], L in [0, 100].
        edge: of the border.
        columns: of the picture.

    Returns:
        Number of rows from the edge to the end of the line, or None if there is no line.
    """
    x = np.arange(columns.start, columns.stop)
    deep = max(6, round(0.03 * min(plane.shape)))
    rows = np.rint(edge.rows(x)).astype(int) + np.arange(-1, deep)[:, None]
    band = plane[rows.clip(0, plane.shape[0] - 1), x]
    middle = np.median(band, axis=1)
    darkest = int(np.argmin(middle[: deep // 2 + 2]))
    line = band[darkest]
    even = (np.abs(line - middle[darkest]) < 12).mean() > 0.7
    if not even or middle[darkest] > min(45.0, edge.level - 15):
        return None
    brighter = (band[darkest + 1 :] > line + 6).mean(axis=1)
    if brighter.max() < 0.55:
        return None
    width = darkest + float(np.argmax(brighter > 0.75 * brighter.max()))
    return width if width <= 0.012 * max(plane.shape) else None


def _border_level(band: np.ndarray, known: Edge | None) -> tuple[np.ndarray, float] | None:
    """Return the lightness of the border at each column, and its noise; None if uneven."""
    # The first rows may belong to the blurred or wavy edge of the border further out.
    best: tuple[np.ndarray, float] | None = None
    for skip in range(4):
        fit = _fit_level(band[skip : skip + 2])
        if fit is not None and (best is None or fit[1] < best[1]):
            best = fit
        if best is not None and best[1] < _LITTLE_NOISE:
            break
    if known is not None and (best is None or abs(np.median(best[0]) - known.level) > 8):
        return np.full(band.shape[1], known.level, np.float32), max(1.0, known.noise)
    return best


def _fit_level(head: np.ndarray) -> tuple[np.ndarray, float] | None:
    """Fit a parabola to the lightness of a few rows [rows, columns], without the outliers."""
    values = head.mean(axis=0)
    x = np.linspace(-1, 1, len(values))
    good = np.abs(values - np.median(values)) < 12
    reference, noise = values, 0.0
    for _ in range(3):
        if good.mean() < 0.8:
            return None
        reference = np.polyval(np.polyfit(x[good], values[good], 2), x)
        noise = 1.4826 * float(np.median(np.abs(head - reference)))
        good = np.abs(values - reference) < max(3.0, 4 * noise)
    if noise > _MAX_NOISE or good.mean() < 0.85 or np.ptp(reference) > _MAX_CHANGE:
        return None
    return reference.astype(np.float32), noise


@dataclass(frozen=True)
class _Line:
    """A line found in a band; ``offset`` is its row at the first column, the rest as in Edge.

    ``plain`` is the share of the border outside the line that has its level.
    """

    offset: float
    slope: float
    support: float
    spread: float
    plain: float


def _line(away: np.ndarray, slopes: np.ndarray, reach: int, film: bool) -> _Line | None:
    """Find the line at which a band stops having the level of the border.

    Args:
        away: where it has another level, bool [rows, columns].
        slopes: to try, in rows per column.
        reach: how far steps may lie from the line, in rows.
        film: the border may have holes.
    """
    tall, wide = away.shape
    x = np.arange(wide) - (wide - 1) / 2
    row, column = np.nonzero(away[1:-1] & away[2:] & ~away[:-2])
    row = row + 1
    if len(row) < _MIN_VOTES * wide:
        return None
    # A Hough transform: each step votes for the lines through it.
    votes = np.zeros((len(slopes), tall))
    window = np.ones(2 * reach + 1) / wide
    for index, slope in enumerate(slopes):
        at = np.rint(row - slope * x[column]).astype(int)
        counts = np.bincount(at[(at >= 0) & (at < tall)], minlength=tall)
        votes[index] = np.convolve(counts, window, mode="same")
    best = votes.argmax(axis=0)
    strength = votes.max(axis=0)
    good = [
        (float(strength[at]), int(at), float(slopes[best[at]]))
        for at in np.flatnonzero(strength >= max(_MIN_VOTES, _NEAR_BEST * strength.max()))
        if _is_clean(away, np.rint(at - reach + slopes[best[at]] * x).astype(int))
    ]
    if not good:
        return None
    # Film goes on beyond its holes; other borders end with the first edge.
    rows = [at for _, at, _ in good]
    low = max(rows) - 2 * reach if film else min(rows)
    _, at, slope = max(line for line in good if low <= line[1] <= low + 2 * reach)
    residual = row - (at + slope * x[column])
    near = np.abs(residual) <= reach + 0.5
    tilt, shift = np.polyfit(x[column[near]], residual[near], 1)
    if len(slopes) == 1:
        tilt = np.clip(tilt, -_SLACK, _SLACK)
    slope, middle = slope + float(tilt), at + float(shift)
    residual = row - (middle + slope * x[column])
    near = np.abs(residual) <= reach + 0.5
    outside = np.arange(tall)[:, None] < middle - reach + slope * x
    return _Line(
        # Most steps of a wavy edge are to lie outside the line.
        middle + max(0.0, float(np.quantile(residual[near], 0.7))) + slope * x[0],
        slope,
        len(np.unique(column[near])) / wide,
        float(residual[near].std()),
        1 - float(away[outside].mean()) if outside.any() else 1.0,
    )


def _is_clean(away: np.ndarray, line: np.ndarray) -> bool:
    """Tell whether the two rows outside a line have the level of the border."""
    tall, wide = away.shape
    rows = line - np.array([[1], [2]])
    seen = (rows >= 0) & (rows < tall)
    if seen.sum() < 0.5 * wide:
        return False
    columns = np.broadcast_to(np.arange(wide), rows.shape)
    return float(away[rows[seen], columns[seen]].mean()) <= 1 - _MIN_CLEAN
