"""From figures to the table people read."""

from __future__ import annotations

from typing import Any

from colorflow.evaluation.measured import GREY, HEAD, MEAN_PARTNER, SMALL
from colorflow.evaluation.summary import Figure

# {base} is the method that does nothing, {n} the number of samples.
LABELS = {
    "first": "first variant / {base}",
    "best_of_4": "best of 4 / {base}",
    "best_of_n": "best of {n} / {base}",
    "first_worse": "first variant worse than {base}",
    "colourfulness_gap": "colourfulness against the truth",
    "chroma_gap": "mean chroma against the truth",
    "distance": "distance between variants, Delta E",
    "rmse_best_image": "RMSE, best of n whole images",
    "rmse_best_pixel": "RMSE, best of n per pixel",
    "rmse_one": "RMSE, one sample",
    "rmse_full_best": "RMSE at full size, best of n whole images",
    "rmse_full_one": "RMSE at full size, one sample",
    "variance": "variance of the samples",
    "psnr_best": "PSNR, best of n, dB",
    "psnr_one": "PSNR, one sample, dB",
    "colourfulness": "colourfulness",
    "bits_per_dim": "bits per dimension",
    "top5_agreement": "top-5 agreement, first variant",
    "fid": "FID (EfficientNet-Lite0)",
}
PERCENT = {"first_worse", "colourfulness_gap", "chroma_gap", "top5_agreement"}
RATIOS = {"first", "best_of_4", "best_of_n", "bits_per_dim"}  # three digits


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
        f"seed {protocol['seed']}, {protocol['draw']} variants, pictures "
        + ("of full size" if protocol["full_size"] else f"of at most {SMALL} pixels"),
        "",
        "| | " + " | ".join(methods) + " |",
        "|---|" + "---|" * len(methods),
    ]
    words = {"base": next(iter(methods)), "n": protocol["n"]}
    for name, label in LABELS.items():
        cells = [_cell(name, figures.get(name)) for figures in methods.values()]
        if any(cell.strip() for cell in cells):
            lines.append(f"| {label.format(**words)} | " + " | ".join(cells) + " |")
    lines.append("")
    for base in (GREY, MEAN_PARTNER, HEAD):
        for row, place in (("best_image", ""), ("full_best", " at full size")):
            figure = summary["ratios"].get(f"{row} / {base}")
            if figure:
                lines.append(
                    f"root mean square, best of {protocol['n']}{place} / {base}: "
                    f"{figure['value']:.3f} ± {figure['error']:.3f}"
                )
    for site, figures in summary["sites"].items():
        lines.append(_site_line(site, figures))
    for level, figure in summary["coverage"].items():
        lines.append(
            f"{level} intervals at temperature 1 contain the truth: {figure['value']:.1%} ± "
            f"{figure['error']:.1%} ({summary['calibrated']} photos)"
        )
    if not summary["classifier"] and not summary["sites"]:
        lines.append("FID and top-5 agreement are left out: install colorflow-cinn[evaluate]")
    if summary["left_out"]:
        lines.append(f"left out: {len(summary['left_out'])} photos")
    lines += _share_table(summary)
    return "\n".join(lines)


def _share_table(summary: dict[str, Any]) -> list[str]:
    if not summary["shares"]:
        return []
    lines = [
        "",
        "| share | mean share | truth nearest to the variant | variants |",
        "|---|---|---|---|",
    ]
    for b in summary["shares"]:
        lines.append(
            f"| {b['low']:.0%} to {b['high']:.0%} | {b['share']:.1%} | {b['nearest']:.1%} ± "
            f"{b['error']:.1%} | {b['cases']} |"
        )
    lines += ["", f"shares are off by {summary['share_error']:.1%} in the mean"]
    return lines


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
    scale, digits = (100, 1) if name in PERCENT else (1, 3 if name in RATIOS else 2)
    unit = " %" if name in PERCENT else ""
    text = f"{figure['value'] * scale:.{digits}f}"
    if "error" in figure:
        text += f" ± {figure['error'] * scale:.{digits}f}"
    return text + unit


def _temperature(value: Any) -> str:
    if isinstance(value, (list, tuple)):
        return " / ".join(f"{entry:g}" for entry in value)
    return f"{value:g}"
