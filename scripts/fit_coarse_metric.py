"""Fit what the coarse map of a flow tells of its target: the metric of representative variants.

    python scripts/fit_coarse_metric.py --data PHOTOS --every 4 [--model photo]

For the draws of each photo, the differences of the targets from their mean, averaged down to the
size of the coarse map, are regressed on those of the map: one matrix for all photos and places, by
least squares. Prints the share of variance it explains, and the rows for ``coarse_metric``.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import torch
from torch import Tensor
from torch.nn import functional

from colorflow.images.read import read_photo
from colorflow.sampling import Sampler
from colorflow.training.survey import list_photos
from colorflow.translate import load_sampler

DRAWS = 32


@torch.inference_mode()
def moments(sampler: Sampler, path: Path) -> tuple[Tensor, Tensor, float]:
    """Sum what the regression needs over the draws of one photo.

    Args:
        sampler: the model.
        path: of the photo.

    Returns:
        Covariance sums of the map [channels, channels], of map and target [channels, targets], and
        of the target.
    """
    photo = read_photo(path)
    prepared = sampler.prepare(sampler.domain.condition(photo))
    latents = sampler.plan(photo, DRAWS, strategy="independent").latents(range(DRAWS))
    latents = latents.to(sampler.device)
    maps = sampler.model.coarse(latents, prepared).double().cpu()
    targets = sampler.domain.in_lab(sampler.model.inverse(latents, prepared)[0]).double().cpu()
    targets = functional.adaptive_avg_pool2d(targets, (maps.shape[2], maps.shape[3]))
    x, y = ((values - values.mean(0)).movedim(1, -1).flatten(0, 2) for values in (maps, targets))
    return x.T @ x, x.T @ y, float(y.square().sum())


def main() -> None:
    """Sum over photos, solve, print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", default="photo")
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--every", type=int, default=4)
    options = parser.parse_args()
    sampler = load_sampler(options.model)
    parts = [moments(sampler, path) for path in list_photos(options.data)[:: options.every]]
    xx, xy = (torch.stack([part[i] for part in parts]).sum(0) for i in (0, 1))
    ridge = 1e-3 * xx.trace() / len(xx) * torch.eye(len(xx), dtype=xx.dtype)
    matrix = torch.linalg.solve(xx + ridge, xy)
    total = sum(part[2] for part in parts)
    left = total - 2 * float((matrix * xy).sum()) + float((matrix.T @ xx @ matrix).trace())
    print(f"{sampler.model_id}, {len(parts)} photos: {1 - left / total:.1%} of variance explained")
    for row in matrix.T.tolist():
        print([round(value, 2) for value in row])


if __name__ == "__main__":
    main()
