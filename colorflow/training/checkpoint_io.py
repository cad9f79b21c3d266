"""Lightning's training checkpoints as safetensors: nothing is pickled, nothing half-written."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from lightning.fabric.plugins import CheckpointIO
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from colorflow.errors import CheckpointError
from colorflow.files import written_whole

FORMAT = "colorflow-training"
_TENSOR, _ITEMS, _TUPLE = "$tensor", "$items", "$tuple"


class SafetensorsIO(CheckpointIO):
    """Saves the nested state of a training run: tensors as such, everything else as JSON.

    A file of that name is replaced only once the new one is whole and on the disk.
    """

    def save_checkpoint(
        self, checkpoint: dict[str, Any], path: str | Path, storage_options: Any | None = None
    ) -> None:
        """Write a checkpoint.

        Args:
            checkpoint: nested dictionaries, lists, tuples, tensors, numbers, texts, None.
            path: of the file.
            storage_options: not used.

        Raises:
            CheckpointError: it holds something else, or the disk is full.
        """
        tensors: dict[str, Tensor] = {}
        tree = _flatten(checkpoint, "", tensors)
        metadata = {"format": FORMAT, "tree": json.dumps(tree)}
        try:
            with written_whole(path) as temporary:
                save_file(tensors, temporary, metadata=metadata)
        except (OSError, SafetensorError) as error:
            raise CheckpointError(
                f"{path}: could not write the checkpoint ({error}); the one before is still whole. "
                "Make room and go on with --resume"
            ) from error

    def load_checkpoint(
        self,
        path: str | Path,
        map_location: Callable[..., Any] | None = None,
        weights_only: bool | None = None,
    ) -> dict[str, Any]:
        """Read a checkpoint.

        Args:
            path: of the file.
            map_location: not used; tensors come on the CPU.
            weights_only: not used; nothing is ever unpickled.

        Returns:
            What was saved.

        Raises:
            CheckpointError: the file is missing, damaged or of another kind.
        """
        try:
            with safe_open(path, framework="pt") as file:
                metadata = file.metadata() or {}
                tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        except (SafetensorError, OSError) as error:
            raise CheckpointError(
                f"{path}: expected a training checkpoint, could not read it ({error}); "
                "start the run anew"
            ) from error
        if metadata.get("format") != FORMAT:
            raise CheckpointError(
                f"{path}: expected a training checkpoint, the file holds other tensors"
            )
        state: dict[str, Any] = _unflatten(json.loads(metadata["tree"]), tensors)
        return state

    def remove_checkpoint(self, path: str | Path) -> None:
        """Delete a checkpoint.

        Args:
            path: of the file.
        """
        Path(path).unlink(missing_ok=True)


def _flatten(value: Any, name: str, tensors: dict[str, Tensor]) -> Any:
    if isinstance(value, Tensor):
        key = f"{len(tensors)}{name}"  # names alone, joined from keys, need not be distinct
        # Cloned, since safetensors refuses tensors that share memory.
        tensors[key] = value.detach().to("cpu", copy=True).contiguous()
        return {_TENSOR: key}
    if isinstance(value, dict):
        # As pairs, because JSON would turn numbers that are keys into texts.
        items = [[k, _flatten(v, f"{name}/{k}", tensors)] for k, v in value.items()]
        return {_ITEMS: items}
    if isinstance(value, (list, tuple)):
        entries = [_flatten(v, f"{name}/{i}", tensors) for i, v in enumerate(value)]
        return {_TUPLE: entries} if isinstance(value, tuple) else entries
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    raise CheckpointError(
        f"training checkpoint: expected tensors and plain data, got {type(value).__name__} at "
        f"'{name}'"
    )


def _unflatten(tree: Any, tensors: dict[str, Tensor]) -> Any:
    if isinstance(tree, list):
        return [_unflatten(entry, tensors) for entry in tree]
    if not isinstance(tree, dict):
        return tree
    if _TENSOR in tree:
        return tensors[tree[_TENSOR]]
    if _TUPLE in tree:
        return tuple(_unflatten(entry, tensors) for entry in tree[_TUPLE])
    return {key: _unflatten(value, tensors) for key, value in tree[_ITEMS]}
