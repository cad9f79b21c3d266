"""From measurements to the table people read, to JSON, and to a reliability plot."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch

from colorflow.evaluation.bootstrap import standard_error
from colorflow.evaluation.calibration import LEVELS, Coverage
from colorflow.evaluation.classifier import frechet_distance
from colorflow.evaluation.measured import (
    FLOW,
    GREY,
    HEAD,
    MEAN_PARTNER,
    TRUTH,
    Evaluation,
    Method,
)

Figure = dict[str, float]


def summarise(result: Evaluation) -> dict[str, Any]:
    """Turn measurements into figures with error bars.

    Args:
        result: of :func:`colorflow.evaluation.protocol.evaluate`.

    Returns:
        Plain data: ``protocol``, ``methods`` (name -> figure -> ``value`` and ``error``),
        ``ratios`` of the headline figure, ``coverage``.
    """
    methods = {name: _figures(method, result) for name, method in result.methods.items()}
    coverage = result.coverage
    return {
        "model": result.model,
        "data": result.data,
        "photos": len(result.photos),
        "left_out": result.left_out,
        "protocol": {**result.protocol.__dict__, "temperature": result.temperature},
        "methods": methods,
        "ratios": _ratios(result),
        "coverage": levels_of(result),
        "reliability": (
            [list(pair) for pair in zip(coverage.nominal, coverage.contained, strict=True)]
            if coverage
            else []
        ),
        "classifier": result.classifier,
        "sites": _sites(result),
    }


def _root_mean(values: np.ndarray) -> float:
    return math.sqrt(float(values.mean()))


def _mean(values: np.ndarray) -> float:
    return float(values.mean())


# Name in the table, name in the measurements, statistic over photos.
ROWS: tuple[tuple[str, str, Callable[[np.ndarray], float]], ...] = (
    ("rmse_best_image", "best_image", _root_mean),
    ("rmse_best_pixel", "best_pixel", _root_mean),
    ("rmse_one", "one", _root_mean),
    ("rmse_full_best", "full_best", _root_mean),
    ("rmse_full_one", "full_one", _root_mean),
    ("variance", "variance", _mean),
    ("distance", "distance", _mean),
    ("psnr_best", "psnr_best", _mean),
    ("psnr_one", "psnr_one", _mean),
    ("colourfulness", "colourfulness", _mean),
    ("bits_per_dim", "bits", _mean),
)


def _figures(method: Method, result: Evaluation) -> dict[str, Figure]:
    figures: dict[str, Figure] = {}
    for name, source, statistic in ROWS:
        if source in method.figures:
            values = method.array(source)
            error = _error(values, statistic, result)
            figures[name] = {"value": statistic(values), "error": error}
    truth = result.methods[TRUTH].array("colourfulness")
    both = np.stack([method.array("colourfulness"), truth], 1)
    if method is not result.methods[TRUTH]:

        def gap(rows: np.ndarray) -> float:
            return float(rows[:, 0].mean() / rows[:, 1].mean() - 1)

        error = _error(both, gap, result)
        figures["colourfulness_gap"] = {"value": gap(both), "error": error}
    if method.features:
        agreement = torch.cat(method.agreement).numpy()
        error = _error(agreement, _mean, result)
        figures["top5_agreement"] = {"value": _mean(agreement), "error": error}
        features = torch.cat(method.features)
        if method is not result.methods[TRUTH] and len(features) > 1:
            true_features = torch.cat(result.methods[TRUTH].features)
            figures["fid"] = {"value": frechet_distance(features, true_features)}
    return figures


def _error(
    values: np.ndarray, statistic: Callable[[np.ndarray], float], result: Evaluation
) -> float:
    # The same photos are drawn for every figure, so that rows and methods compare in pairs.
    generator = np.random.default_rng(abs(result.protocol.seed))
    return standard_error(values, statistic, generator)


def _ratios(result: Evaluation) -> dict[str, Figure]:
    """The headline RMSE of the flow over those of the baselines, bootstrapped in pairs."""
    ratios: dict[str, Figure] = {}
    ours = result.methods[FLOW]
    for name, baseline in result.methods.items():
        if name in (FLOW, TRUTH):
            continue
        for row in ("best_image", "full_best"):
            pairs = np.stack([ours.array(row), baseline.array(row)], 1)

            def ratio(rows: np.ndarray) -> float:
                return math.sqrt(float(rows[:, 0].mean() / max(rows[:, 1].mean(), 1e-12)))

            error = _error(pairs, ratio, result)
            ratios[f"{row} / {name}"] = {"value": ratio(pairs), "error": error}
    return ratios


def _sites(result: Evaluation) -> dict[str, Any]:
    """Give the headline RMSE of every method, and the distances, site by site."""
    found: dict[str, Any] = {}
    for site in sorted({name for name in result.sites if name}):
        rows = [k for k, name in enumerate(result.sites) if name == site]
        methods = {
            name: _root_mean(method.array("best_image")[rows])
            for name, method in result.methods.items()
            if name != TRUTH
        }
        samples = float(result.methods[FLOW].array("distance")[rows].mean())
        found[site] = {
            "pairs": len(rows),
            "rmse_best_image": methods,
            "distance": samples,
            "true_distance": result.distances.get(site),
        }
    return found


LABELS = {
    "rmse_best_image": "RMSE, best of n whole images",
    "rmse_best_pixel": "RMSE, best of n per pixel",
    "rmse_one": "RMSE, one sample",
    "rmse_full_best": "RMSE at full size, best of n whole images",
    "rmse_full_one": "RMSE at full size, one sample",
    "variance": "variance of the samples",
    "distance": "distance between samples, Delta E",
    "psnr_best": "PSNR, best of n, dB",
    "psnr_one": "PSNR, one sample, dB",
    "colourfulness": "colourfulness",
    "colourfulness_gap": "colourfulness against the truth",
    "bits_per_dim": "bits per dimension",
    "top5_agreement": "top-5 agreement",
    "fid": "FID (EfficientNet-Lite0)",
}
PERCENT = {"colourfulness_gap", "top5_agreement"}


def markdown(summary: dict[str, Any]) -> str:
    """Write the table.

    Args:
        summary: of :func:`summarise`.

    Returns:
        Markdown that reads well as plain text too.
    """
    protocol, methods = summary["protocol"], summary["methods"]
    lines = [
        f"model {summary['model']}, {summary['photos']} photos of {summary['data']}, "
        f"n = {protocol['n']}, temperature {_temperature(protocol['temperature'])}, "
        f"seed {protocol['seed']}",
        "",
        "| | " + " | ".join(methods) + " |",
        "|---|" + "---|" * len(methods),
    ]
    for name, label in LABELS.items():
        cells = [_cell(name, figures.get(name)) for figures in methods.values()]
        if any(cell.strip() for cell in cells):
            lines.append(f"| {label} | " + " | ".join(cells) + " |")
    lines.append("")
    for base in (GREY, MEAN_PARTNER, HEAD):
        for row, words in (("best_image", ""), ("full_best", " at full size")):
            figure = summary["ratios"].get(f"{row} / {base}")
            if figure:
                lines.append(
                    f"best of {protocol['n']}{words} / {base}: {figure['value']:.3f} ± "
                    f"{figure['error']:.3f}"
                )
    for site, figures in summary["sites"].items():
        lines.append(_site_line(site, figures))
    for level, share in summary["coverage"].items():
        lines.append(f"{level} intervals at temperature 1 contain the truth: {share:.1%}")
    if not summary["classifier"] and not summary["sites"]:
        lines.append("FID and top-5 agreement are left out: install colorflow-cinn[evaluate]")
    if summary["left_out"]:
        lines.append(f"left out: {len(summary['left_out'])} photos")
    return "\n".join(lines)


def _site_line(site: str, figures: dict[str, Any]) -> str:
    errors = ", ".join(f"{name} {v:.2f}" for name, v in figures["rmse_best_image"].items())
    line = f"site {site}, {figures['pairs']} pairs: RMSE of {errors}"
    if figures["true_distance"]:
        share = figures["distance"] / figures["true_distance"]
        line += f"; samples differ by {share:.0%} of what true partners do"
    return line


def _cell(name: str, figure: Figure | None) -> str:
    if figure is None:
        return ""
    scale, digits = (100, 1) if name in PERCENT else (1, 3 if name == "bits_per_dim" else 2)
    unit = " %" if name in PERCENT else ""
    text = f"{figure['value'] * scale:.{digits}f}"
    if "error" in figure:
        text += f" ± {figure['error'] * scale:.{digits}f}"
    return text + unit


def _temperature(value: Any) -> str:
    if isinstance(value, (list, tuple)):
        return " / ".join(f"{entry:g}" for entry in value)
    return f"{value:g}"


def reliability_plot(coverage: Coverage, path: Path, title: str) -> None:
    """Draw measured over nominal coverage; a calibrated model lies on the diagonal.

    Args:
        coverage: at temperature 1.
        path: PNG to write.
        title: above the plot.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure as Canvas

    figure = Canvas(figsize=(4.2, 4.2), dpi=120, layout="constrained")
    axes = figure.add_subplot()
    axes.plot([0, 1], [0, 1], color="0.6", linewidth=1, label="calibrated")
    axes.plot(coverage.nominal, coverage.contained, marker="o", markersize=3, label="samples")
    axes.set(
        xlabel="nominal share of central interval",
        ylabel="share of true a, b inside",
        xlim=(0, 1),
        ylim=(0, 1),
        title=title,
    )
    axes.legend(loc="upper left", frameon=False)
    FigureCanvasAgg(figure).print_png(path)


def levels_of(result: Evaluation) -> dict[str, Any]:
    """Give the coverage at the three levels of the protocol, by level."""
    if result.coverage is None:
        return {}
    return {f"{level:.0%}": result.coverage.at(level) for level in LEVELS}
