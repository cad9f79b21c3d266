"""Where the bundled weights and example photos lie, and hashes that identify weights."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor

from colorflow.errors import CheckpointError


def bundled(folder: str, name: str = "") -> Path:
    """Find a bundled file or folder.

    A wheel carries ``pretrained/`` and ``examples/`` inside the package; a checkout has them
    beside it. Both are looked at, the package first.

    Args:
        folder: ``"pretrained"`` or ``"examples"``.
        name: file inside it; empty for the folder itself.

    Returns:
        The path of the existing file or folder.

    Raises:
        CheckpointError: it is in neither place.
    """
    path = bundled_path(folder, name)
    if path is None:
        expected = Path(__file__).resolve().parent / folder / name
        raise CheckpointError(
            f"{folder}/{name}: expected among the bundled files of colorflow, found nothing at "
            f"{expected}; reinstall colorflow"
        )
    return path


def bundled_path(folder: str, name: str = "") -> Path | None:
    """Find a bundled file or folder that need not be there.

    Args:
        folder: ``"pretrained"`` or ``"examples"``.
        name: file inside it; empty for the folder itself.

    Returns:
        The path, or None.
    """
    package = Path(__file__).resolve().parent
    for root in (package, package.parent):
        path = root / folder / name
        if path.exists():
            return path
    return None


def sha256_of_file(path: Path) -> str:
    """Hash a file's bytes.

    Args:
        path: an existing file.

    Returns:
        The SHA-256 of its content, 64 hexadecimal digits.
    """
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


def hash_of_tensors(state: Mapping[str, Tensor]) -> str:
    """Hash tensors by name, type, shape and value.

    Args:
        state: tensors on the CPU.

    Returns:
        SHA-256, 64 hexadecimal digits.
    """
    digest = hashlib.sha256()
    for name in sorted(state):
        tensor = state[name].contiguous()
        digest.update(f"{name} {tensor.dtype} {list(tensor.shape)}".encode())
        digest.update(tensor.view(-1).view(torch.uint8).numpy().tobytes())
    return digest.hexdigest()
