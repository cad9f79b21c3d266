"""The errors a caller can meet, each with one line a user can act on.

Every message says which file or layer, what was expected, what came, and what to do.
"""

from __future__ import annotations


class ColorflowError(Exception):
    """Base of all errors raised on purpose by colorflow; catch this one to catch them all."""


class ImageError(ColorflowError):
    """A picture cannot be read, understood or written."""


class TooLargeError(ImageError):
    """A picture has more pixels than the limit."""


class CheckpointError(ColorflowError):
    """A weights file is missing, truncated, altered, or made for another network."""


class ShapeError(ColorflowError):
    """A tensor has a shape the layer cannot take."""


class ConditionError(ColorflowError):
    """A condition is missing, unexpected, or does not fit the tensor it conditions."""


class ImplausibleError(ColorflowError):
    """A model gave colours that no photo can have, and went on doing so with other seeds."""


class ConfigError(ColorflowError):
    """A setting is unknown, of the wrong type, or out of range."""


class NotConvergedError(ColorflowError):
    """An iterative inverse did not reach its tolerance."""


class NotInvertibleError(ColorflowError):
    """A transform failed the invertibility check."""


class NothingFoundError(ColorflowError):
    """No photo was found where the user pointed."""
