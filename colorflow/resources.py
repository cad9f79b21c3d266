"""Where the bundled weights and example photos lie, installed or in a checkout."""

from __future__ import annotations

import hashlib
from pathlib import Path

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
