"""Draw the training curve of one or several runs from their logs.

python scripts/plot_training.py RUN [RUN...] --out curve.png
"""

from __future__ import annotations

import argparse
import json
import math
from pathlib import Path
from typing import Any

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from colorflow.training.reports import LOG


def read_reports(run: Path) -> list[dict[str, Any]]:
    """Read the reports of a run that have a likelihood.

    Args:
        run: its folder.

    Returns:
        The entries of its log.
    """
    entries = [json.loads(line) for line in (run / LOG).read_text().splitlines()]
    return [entry for entry in entries if "bits_per_dim" in entry["held_back"]]


def main() -> None:
    """Read the logs, draw bits per dimension and the best of eight over photos seen."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("runs", type=Path, nargs="+")
    parser.add_argument("--out", type=Path, required=True)
    options = parser.parse_args()
    figure = Figure(figsize=(8, 3.4), dpi=120, layout="constrained")
    left, right = figure.subplots(1, 2)
    for run in options.runs:
        reports = read_reports(run)
        seen = [entry["photos_seen"] / 1000 for entry in reports]
        left.plot(seen, [e["bits_per_dim"] for e in reports], ls=":", label=f"{run.name}, training")
        left.plot(seen, [e["held_back"]["bits_per_dim"] for e in reports], label=run.name)
        best = [math.sqrt(e["held_back"]["best@0.7"] / e["held_back"]["grey"]) for e in reports]
        right.plot(seen, best, label=run.name)
    left.set(xlabel="thousand photos seen", ylabel="bits per dimension")
    right.set(xlabel="thousand photos seen", ylabel="best of 8 at 0.7, RMSE / grey's")
    for axes in (left, right):
        axes.legend(frameon=False, fontsize=8)
    FigureCanvasAgg(figure).print_png(options.out)
    print(options.out)


if __name__ == "__main__":
    main()
