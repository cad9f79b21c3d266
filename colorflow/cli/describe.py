"""The facts behind ``colorflow info`` and ``colorflow doctor``, as plain data."""

from __future__ import annotations

import platform
from dataclasses import asdict
from pathlib import Path
from typing import Any

from colorflow import __version__
from colorflow.errors import CheckpointError


def describe_file(path: Path) -> dict[str, Any]:
    """Tell what is in a picture, a checkpoint or a latents file.

    Args:
        path: of the file.

    Returns:
        Plain data; ``kind`` is ``"picture"``, ``"model"`` or ``"latents"``.

    Raises:
        ImageError: it is neither.
        CheckpointError: a safetensors file is damaged or of another program.
    """
    if path.suffix.lower() == ".safetensors":
        return _describe_tensors(path)
    return _describe_picture(path)


def _describe_picture(path: Path) -> dict[str, Any]:
    from colorflow.images.read import read_photo
    from colorflow.images.write import read_history

    photo = read_photo(path)
    height, width = photo.size
    return {
        "file": str(path),
        "kind": "picture",
        "format": photo.format,
        "width": width,
        "height": height,
        "depth": photo.pixels.dtype.itemsize * 8,
        "channels": 1 if photo.pixels.ndim == 2 else 3,
        "alpha": photo.alpha is not None,
        "coloured": photo.is_coloured(),
        "content_sha256": photo.digest(),
        "made_by": read_history(path),
    }


def _describe_tensors(path: Path) -> dict[str, Any]:
    from colorflow.models.checkpoint import load_checkpoint
    from colorflow.models.latents import Latents

    try:
        latents = Latents.load(path)
    except CheckpointError:
        _, info = load_checkpoint(path)
        return {
            "file": str(path),
            "kind": info.part or "model",
            "parameters": info.parameters,
            "content_sha256": info.content_hash,
            "backbone_sha256": info.backbone_hash,
            "provenance": info.provenance,
            "config": info.config.to_dict(),
        }
    levels = [list(shape) for shape in latents.shapes]
    return {"file": str(path), "kind": "latents", "count": len(latents), "levels": levels}


def examine(model: str, device: str) -> dict[str, Any]:
    """Check weights, device and invertibility.

    Args:
        model: bundled name or path.
        device: where to compute.

    Returns:
        Plain data; ``healthy`` says whether all is within limits.

    Raises:
        CheckpointError: the weights are missing or damaged.
        ConfigError: the device is not there.
    """
    import torch

    from colorflow.evaluation.round_trip import check_round_trips
    from colorflow.resources import bundled
    from colorflow.translate import load_sampler

    colorizer = load_sampler(model, device)
    photos = sorted(bundled("examples").glob("*.jpg"))[::3]
    trips = check_round_trips(colorizer, photos)
    info = colorizer.info
    return {
        "colorflow": __version__,
        "python": platform.python_version(),
        "torch": torch.__version__,
        "device": str(colorizer.device),
        "model": colorizer.model_id,
        "model_file": str(info.path) if info else None,
        "content_sha256": info.content_hash if info else None,
        "backbone_sha256": info.backbone_hash if info else None,
        "round_trips": [{**asdict(trip), "ok": trip.ok} for trip in trips],
        "healthy": all(trip.ok for trip in trips),
    }


def write_explanation(photo: Path, out: Path, model: str, device: str) -> str:
    """Write a picture of what a model's condition network sees.

    Args:
        photo: to look at.
        out: picture to write.
        model: bundled name or path.
        device: where to compute.

    Returns:
        One line on what was done.

    Raises:
        ImageError: the photo cannot be read, or the picture not be written.
        CheckpointError: the model cannot be used.
    """
    from colorflow.errors import ImageError
    from colorflow.explain import explain
    from colorflow.files import written_whole
    from colorflow.images.write import encode_image
    from colorflow.translate import load_sampler

    sampler = load_sampler(model, device)
    picture = explain(sampler, photo)
    data = encode_image(picture, out.suffix)
    try:
        with written_whole(out) as temporary:
            temporary.write_bytes(data)
    except OSError as error:
        raise ImageError(f"{out}: could not be written ({error.strerror or error})") from error
    strides = ", ".join(str(stride) for stride in sorted(sampler.model.config.condition_strides))
    return f"{out}: the photo, and levels of {strides} pixels per position"
