"""Many plausible colour photos from one grey photo, by a conditional invertible network."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from colorflow.colorize import Colorizer
    from colorflow.hints import Hint
    from colorflow.models.latents import Latents
    from colorflow.translate import Translator
    from colorflow.variants import LogProb, Variant

__version__ = "0.1.0"
__all__ = ["Colorizer", "Hint", "Latents", "LogProb", "Translator", "Variant", "__version__"]


def __getattr__(name: str) -> Any:
    # Loaded on first use: importing torch takes seconds, and `colorflow --help` needs none of it.
    homes = {
        "Colorizer": "colorflow.colorize",
        "Hint": "colorflow.hints",
        "Latents": "colorflow.models.latents",
        "LogProb": "colorflow.variants",
        "Translator": "colorflow.translate",
        "Variant": "colorflow.variants",
    }
    if name in homes:
        return getattr(importlib.import_module(homes[name]), name)
    raise AttributeError(f"module 'colorflow' has no attribute '{name}'")
