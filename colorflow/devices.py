"""Choosing where to compute, and with how many threads."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import torch

from colorflow.errors import ConfigError


def choose_device(name: str = "auto") -> torch.device:
    """Turn a device name into a device that works here.

    Args:
        name: ``"auto"`` (CUDA, else MPS, else CPU), ``"cpu"``, ``"cuda"``, ``"cuda:1"``, ``"mps"``.

    Returns:
        The device.

    Raises:
        ConfigError: the name is unknown or the device is not there.
    """
    if name == "auto":
        if torch.cuda.is_available():
            return torch.device("cuda")
        return torch.device("mps" if torch.backends.mps.is_available() else "cpu")
    try:
        device = torch.device(name)
    except RuntimeError as error:
        raise ConfigError(f"device '{name}': expected auto, cpu, cuda or mps") from error
    there = {
        "cpu": True,
        "cuda": torch.cuda.is_available() and (device.index or 0) < torch.cuda.device_count(),
        "mps": torch.backends.mps.is_available(),
    }
    if not there.get(device.type, False):
        raise ConfigError(f"device '{name}': not available on this machine; use 'auto' or 'cpu'")
    return device


@contextlib.contextmanager
def one_thread(device: torch.device | None = None) -> Iterator[None]:
    """Compute with a single thread per operation where that decides the last bits: on a CPU.

    PyTorch keeps this number per calling thread, so other threads are not slowed down.

    Args:
        device: where the block computes; the CPU where None.

    Yields:
        Nothing.
    """
    before = torch.get_num_threads()
    if before == 1 or (device is not None and device.type != "cpu"):
        yield
        return
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)
