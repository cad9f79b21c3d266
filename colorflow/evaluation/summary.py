"""From measurements to figures with error bars, as plain data."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import torch

from colorflow.evaluation.bootstrap import standard_error
from colorflow.evaluation.calibration import LEVELS
from colorflow.evaluation.classifier import frechet_distance
from colorflow.evaluation.headline import headline
from colorflow.evaluation.measured import FLOW, TRUTH, Evaluation, Method
from colorflow.evaluation.shares import expected_error, share_reliability

Figure = dict[str, float]

# What is looked at first, of the flow.
HEADLINE = (
    "first",
    "best_of_4",
    "best_of_n",
    "first_worse",
    "colourfulness_gap",
    "chroma_gap",
    "distance",
)


def summarise(result: Evaluation) -> dict[str, Any]:
    """Turn measurements into figures with error bars.

    Args:
        result: of :func:`colorflow.evaluation.protocol.evaluate`.

    Returns:
        Plain data: ``protocol``, ``headline`` (figure -> ``value`` and ``error``, of the flow),
        ``methods`` (name -> figure -> likewise), ``ratios`` of root mean squares, ``coverage`` by
        level, ``reliability`` (nominal and measured coverage, and its error, of all intervals),
        ``shares`` by bin.
    """
    methods = {name: _figures(method, result) for name, method in result.methods.items()}
    coverage = result.coverage
    shares = share_reliability(result.shares, result.nearest)
    return {
        "model": result.model,
        "data": result.data,
        "photos": len(result.photos),
        "left_out": result.left_out,
        "protocol": {**result.protocol.__dict__, "temperature": result.temperature},
        "headline": {name: methods[FLOW][name] for name in HEADLINE if name in methods[FLOW]},
        "methods": methods,
        "ratios": _ratios(result),
        "coverage": levels_of(result),
        "calibrated": coverage.photos if coverage else 0,
        "reliability": (
            [
                list(row)
                for row in zip(coverage.nominal, coverage.contained, coverage.errors, strict=True)
            ]
            if coverage
            else []
        ),
        "shares": [dict(b.__dict__) for b in shares],
        "share_error": expected_error(shares) if shares else None,
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
    truth = result.methods[TRUTH]
    if method is not truth:
        both = np.stack([method.array("colourfulness"), truth.array("colourfulness")], 1)
        error = _error(both, _gap, result)
        figures["colourfulness_gap"] = {"value": _gap(both), "error": error}
        nothing = next(iter(result.methods.values()))
        for name, (rows, statistic) in headline(method, nothing, truth, result.protocol.n).items():
            error = _error(rows, statistic, result)
            figures[name] = {"value": statistic(rows), "error": error}
    if method.features:
        agreement = torch.cat(method.agreement).numpy()
        error = _error(agreement, _mean, result)
        figures["top5_agreement"] = {"value": _mean(agreement), "error": error}
        features = torch.cat(method.features)
        if method is not result.methods[TRUTH] and len(features) > 1:
            true_features = torch.cat(result.methods[TRUTH].features)
            figures["fid"] = {"value": frechet_distance(features, true_features)}
    return figures


def _gap(rows: np.ndarray) -> float:
    return float(rows[:, 0].mean() / rows[:, 1].mean() - 1)


def _error(
    values: np.ndarray, statistic: Callable[[np.ndarray], float], result: Evaluation
) -> float:
    # The same photos are drawn for every figure, so that rows and methods compare in pairs.
    generator = np.random.default_rng(abs(result.protocol.seed))
    return standard_error(values, statistic, generator)


def _ratios(result: Evaluation) -> dict[str, Figure]:
    """The root mean square errors of the flow over those of baselines, bootstrapped in pairs."""
    ratios: dict[str, Figure] = {}
    ours = result.methods[FLOW]
    for name, baseline in result.methods.items():
        if name in (FLOW, TRUTH):
            continue
        for row in ("best_image", "full_best"):
            if row not in ours.figures:
                continue
            pairs = np.stack([ours.array(row), baseline.array(row)], 1)

            def ratio(rows: np.ndarray) -> float:
                return math.sqrt(float(rows[:, 0].mean() / max(rows[:, 1].mean(), 1e-12)))

            error = _error(pairs, ratio, result)
            ratios[f"{row} / {name}"] = {"value": ratio(pairs), "error": error}
    return ratios


def _sites(result: Evaluation) -> dict[str, Any]:
    """Give the RMSE of the best of every method, and the distances, site by site."""
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


def levels_of(result: Evaluation) -> dict[str, Figure]:
    """Give the coverage at the three levels of the protocol, by level.

    Args:
        result: what was measured.

    Returns:
        ``value`` and ``error`` of each; nothing where coverage was not measured.
    """
    if (coverage := result.coverage) is None:
        return {}
    return {
        f"{level:.0%}": {"value": coverage.at(level), "error": coverage.error_at(level)}
        for level in LEVELS
    }
