"""Choosing one of several variants without a person."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from colorflow.domains.base import Domain
from colorflow.errors import ConfigError
from colorflow.variants import Variant


def typicality(variants: Sequence[Variant]) -> list[float]:
    """Tell how far the surprise of each variant is from that to be expected.

    The most probable colouring is a dull one. Typical samples are those whose -log p is near the
    entropy, which the mean of -log p over the samples estimates:

        t_k = |log p_k - mean_j log p_j|

    Source: Nalisnick et al., "Detecting Out-of-Distribution Inputs to Deep Generative Models Using
    Typicality" (2019).

    Args:
        variants: of one photo.

    Returns:
        t_k of each, in nats; lower is more typical.
    """
    scores = torch.tensor([variant.log_prob for variant in variants], dtype=torch.float64)
    return [float(value) for value in (scores - scores.mean()).abs()]


def medoid(variants: Sequence[Variant]) -> int:
    """Find the variant nearest to all others; unlike their mean, it is not muted.

    Args:
        variants: of one photo.

    Returns:
        Its position: the least sum of Euclidean distances between targets.
    """
    flat = torch.stack([variant.target.flatten() for variant in variants]).double()
    distances = torch.cdist(flat, flat, compute_mode="donot_use_mm_for_euclid_dist")
    return int(distances.sum(1).argmin())


def most_colourful(variants: Sequence[Variant], domain: Domain) -> int:
    """Find the variant with the highest mean chroma, sqrt(a^2 + b^2), at the model's size.

    Args:
        variants: of one photo.
        domain: of the model; it says which channels of a target are chroma.

    Returns:
        Its position.
    """
    chroma = torch.stack([variant.target[domain.chroma_channels] for variant in variants])
    return int(chroma.square().sum(1).sqrt().mean((1, 2)).argmax())


def choose(variants: Sequence[Variant], pick: str, domain: Domain) -> list[Variant]:
    """Choose variants.

    Args:
        variants: of one photo.
        pick: ``"all"``, ``"best-typical"``, ``"medoid"`` or ``"most-colourful"``.
        domain: of the model.

    Returns:
        All of them, or the one.

    Raises:
        ConfigError: there is no such choice.
    """
    if pick == "all":
        return list(variants)
    if pick == "best-typical":
        distances = typicality(variants)
        return [variants[distances.index(min(distances))]]
    if pick == "medoid":
        return [variants[medoid(variants)]]
    if pick == "most-colourful":
        return [variants[most_colourful(variants, domain)]]
    raise ConfigError(f"pick: expected all, best-typical, medoid or most-colourful, got {pick}")
