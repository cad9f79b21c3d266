"""The backbone that belongs to a checkpoint."""

from __future__ import annotations

from pathlib import Path

from colorflow.errors import CheckpointError
from colorflow.models.checkpoint import CheckpointInfo
from colorflow.networks.backbones import SOURCES, Backbone, backbone_hash, load_backbone


def matching_backbone(info: CheckpointInfo, source: str | None = None) -> Backbone:
    """Load the backbone a model was trained with.

    Args:
        info: of the model's checkpoint.
        source: of the weights, where it is not the one the model names.

    Returns:
        The backbone, on the CPU.

    Raises:
        CheckpointError: it cannot be had, or is another one.
    """
    if info.backbone is not None and source is None:
        return info.backbone
    source = source or info.config.backbone
    if source not in SOURCES and not Path(source).is_file():
        raise CheckpointError(
            f"{info.path}: expected the backbone '{source}' it was trained with, found no such "
            f"file; give backbone= one of {', '.join(SOURCES)} or a path"
        )
    if info.backbone is not None:
        raise CheckpointError(f"{info.path}: holds its own backbone; leave backbone= out")
    found = backbone_hash(source)
    if found != info.backbone_hash:
        raise CheckpointError(
            f"{info.path}: trained with backbone weights {info.backbone_hash[:12]}…, '{source}' "
            f"has {found[:12]}…; use the weights the model was trained with"
        )
    return load_backbone(source, info.config.taps)
