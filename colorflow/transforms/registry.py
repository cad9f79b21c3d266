"""Transforms by name, so that one test suite and the documentation find them all."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from colorflow.errors import ConfigError
from colorflow.transforms.base import Transform

T = TypeVar("T", bound=type[Transform])

_REGISTRY: dict[str, type[Transform]] = {}


def register(name: str) -> Callable[[T], T]:
    """Enter a transform class under a name.

    Args:
        name: unique, in snake case.

    Returns:
        The decorator.

    Raises:
        ConfigError: the name is taken by another class.
    """

    def enter(transform: T) -> T:
        if _REGISTRY.setdefault(name, transform) is not transform:
            raise ConfigError(
                f"transform '{name}': the name is taken by {_REGISTRY[name].__name__}"
            )
        return transform

    return enter


def transform_names() -> list[str]:
    """List the names of all registered transforms.

    Returns:
        The names, sorted.
    """
    return sorted(_REGISTRY)


def get_transform(name: str) -> type[Transform]:
    """Look a transform class up.

    Args:
        name: as registered.

    Returns:
        The class.

    Raises:
        ConfigError: there is no such name.
    """
    if name not in _REGISTRY:
        raise ConfigError(f"transform '{name}': expected one of {', '.join(transform_names())}")
    return _REGISTRY[name]
