"""Reliability: of the central intervals of samples, and of the shares of variants."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from colorflow.evaluation.calibration import Coverage
from colorflow.evaluation.shares import ShareBin


def reliability_plot(
    coverage: Coverage | None, shares: Sequence[ShareBin], path: Path, title: str
) -> None:
    """Draw what was measured over what is claimed; a calibrated model lies on the diagonals.

    Args:
        coverage: of central intervals at temperature 1; None leaves its panel out.
        shares: of variants; none leave their panel out.
        path: PNG to write.
        title: above the plot.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure as Canvas

    count = (coverage is not None) + bool(shares)
    figure = Canvas(figsize=(4.2 * max(count, 1), 4.2), dpi=120, layout="constrained")
    figure.suptitle(title)
    panels = list(figure.subplots(1, max(count, 1), squeeze=False)[0])
    if coverage is not None:
        points = coverage.nominal, coverage.contained, coverage.errors
        axes = "nominal share of central interval", "share of true a, b inside"
        _panel(panels.pop(0), points, axes, "samples, temperature 1")
    if shares:
        claimed, measured = tuple(b.share for b in shares), tuple(b.nearest for b in shares)
        points = claimed, measured, tuple(b.error for b in shares)
        axes = "mean share of the variants", "how often the truth was nearest to them"
        _panel(panels.pop(0), points, axes, "variants")
    FigureCanvasAgg(figure).print_png(path)


def _panel(
    axes: Any, points: Sequence[Sequence[float]], names: tuple[str, str], label: str
) -> None:
    claimed, measured, errors = points
    axes.plot([0, 1], [0, 1], color="0.6", linewidth=1, label="calibrated")
    axes.errorbar(
        claimed, measured, yerr=errors, marker="o", markersize=3, linewidth=1, label=label
    )
    axes.set(xlabel=names[0], ylabel=names[1], xlim=(0, 1), ylim=(0, 1))
    axes.legend(loc="upper left", frameon=False)
