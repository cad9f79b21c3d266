"""What is condition and what is target, and how a photo becomes one and the other.

A model, its training and its evaluation know only the ``Domain``: the tensors it makes of a photo
and the way back to a picture. Colorization is lightness -> chroma; translation is a photo ->
another photo of the same scene.
"""

from __future__ import annotations

from colorflow.domains.base import Domain, Finishing, Geometry
from colorflow.domains.colorization import Colorization
from colorflow.domains.framed import FramedFinishing, finishing_of
from colorflow.domains.translation import Translation
from colorflow.errors import ConfigError
from colorflow.models.config import ModelConfig

__all__ = [
    "Colorization",
    "Domain",
    "Finishing",
    "FramedFinishing",
    "Geometry",
    "Translation",
    "colorization_of",
    "domain_of",
    "finishing_of",
    "geometry_of",
]


def geometry_of(config: ModelConfig) -> Geometry:
    """Tell at which sizes a model looks at a photo.

    Args:
        config: of the model.

    Returns:
        Its sizes.
    """
    # A fully connected tail takes one size only: photos are squared, the result stretched back.
    aspect = 1.0 if config.tail else 4.0
    return Geometry(config.side, config.stride, config.coarsest_stride, aspect)


def domain_of(config: ModelConfig) -> Domain:
    """Build the domain a model works in.

    Args:
        config: of the model.

    Returns:
        The domain, with the model's sizes and scale.
    """
    kind = Translation if config.domain == Translation.name else Colorization
    return kind(geometry_of(config), config.target_scale)


def colorization_of(config: ModelConfig) -> Colorization:
    """Build the domain of a colorizer.

    Args:
        config: of the model.

    Returns:
        The domain, with the model's sizes and scale.

    Raises:
        ConfigError: the model is not for colorization.
    """
    domain = domain_of(config)
    if not isinstance(domain, Colorization):
        raise ConfigError(f"domain: expected '{Colorization.name}', the model says {config.domain}")
    return domain
