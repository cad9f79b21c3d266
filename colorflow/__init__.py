"""Many plausible colour photos from one grey photo, by a conditional invertible network."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from colorflow.colorize import Colorizer, LogProb, Variant
    from colorflow.models.latents import Latents

__version__ = "0.1.0"
__all__ = ["Colorizer", "Latents", "LogProb", "Variant", "__version__"]


def __getattr__(name: str) -> Any:
    # Loaded on first use: importing torch takes seconds, and `colorflow --help` needs none of it.
    if name == "Latents":
        from colorflow.models.latents import Latents

        return Latents
    if name in ("Colorizer", "LogProb", "Variant"):
        from colorflow import colorize

        return getattr(colorize, name)
    raise AttributeError(f"module 'colorflow' has no attribute '{name}'")
