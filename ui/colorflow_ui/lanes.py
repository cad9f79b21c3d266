"""How much is done at once, and how memory goes back afterwards."""

from __future__ import annotations

import ctypes
from typing import Any

from colorflow_ui.engine import Engine

# M_ARENA_MAX of glibc's malloc.h.
ARENA_MAX = -8


def compute_lane(engine: Engine) -> dict[str, Any]:
    """Describe the lane of events that run the networks.

    Args:
        engine: does the work.

    Returns:
        Arguments of a Gradio event.
    """
    return {"concurrency_id": "compute", "concurrency_limit": engine.lanes}


def quick_lane(engine: Engine) -> dict[str, Any]:
    """Describe the lane of events that must answer at once, though others wait for variants.

    Args:
        engine: does the work.

    Returns:
        Arguments of a Gradio event.
    """
    return {"concurrency_id": "quick", "concurrency_limit": engine.lanes}


def batch_lane() -> dict[str, Any]:
    """Describe the lane of jobs of many photos, one after the other.

    Returns:
        Arguments of a Gradio event.
    """
    return {"concurrency_id": "batch", "concurrency_limit": 1}


def share_memory_pools(count: int = 2) -> bool:
    """Let the threads of this process share a few pools of memory.

    By default glibc gives each thread one of its own, which keeps what was once needed in it: with
    every crowd of visitors the process would hold more. To be called before threads are started.

    Args:
        count: of the pools.

    Returns:
        Whether there was a way to ask for it.
    """
    try:
        return bool(ctypes.CDLL(None).mallopt(ARENA_MAX, count))
    except (OSError, AttributeError, TypeError):
        return False


def give_back_memory() -> bool:
    """Return memory that is not used any more to the system.

    The allocator of glibc keeps what many threads freed, which for a page is soon several hundred
    megabytes.

    Returns:
        Whether there was a way to ask for it.
    """
    try:
        trim = ctypes.CDLL(None).malloc_trim
    except (OSError, AttributeError, TypeError):
        return False
    trim(0)
    return True
