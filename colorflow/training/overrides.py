"""``--set key=value``: change single fields of a nested config."""

from __future__ import annotations

import dataclasses
import difflib
import json
from collections.abc import Iterable, Iterator
from typing import Any

from colorflow.errors import ConfigError
from colorflow.training.config import TrainConfig


def override(config: TrainConfig, settings: Iterable[str]) -> TrainConfig:
    """Change fields of a training config.

    All settings are applied before the result is checked, so that fields which only fit together
    can be changed together.

    Args:
        config: to start from.
        settings: ``key=value`` each: the key with dots between levels, e.g.
            ``model.stages.0.hidden=96``; the value as JSON, or a plain word.

    Returns:
        The changed copy.

    Raises:
        ConfigError: a setting has no ``=``, its key does not exist, or its value does not fit.
    """
    data = _plain(config)
    for setting in settings:
        key, equals, text = setting.partition("=")
        if not equals:
            raise ConfigError(f"--set {setting}: expected key=value")
        _assign(data, key.strip(), _value(text.strip()))
    return TrainConfig.from_dict(data)


def _plain(value: Any) -> Any:
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {f.name: _plain(getattr(value, f.name)) for f in dataclasses.fields(value)}
    if isinstance(value, tuple):
        return [_plain(entry) for entry in value]
    return value


def _value(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return {"True": True, "False": False, "None": None}.get(text, text)


def _assign(data: Any, key: str, value: Any) -> None:
    known = dict(_leaves(data))
    if key not in known:
        near = difflib.get_close_matches(key, known, n=1, cutoff=0.0)
        raise ConfigError(f"--set {key}: there is no such setting; nearest: {near[0]}")
    old = known[key]
    if isinstance(old, bool) != isinstance(value, bool) and old is not None:
        raise ConfigError(f"--set {key}: expected something like {old!r}, got {value!r}")
    number = (int, float)
    per_level = key == "model.temperature" and isinstance(value, list)
    if isinstance(old, number) and not (isinstance(value, number) or per_level):
        raise ConfigError(f"--set {key}: expected a number, got {value!r}")
    if type(old) is int and isinstance(value, float):
        if not value.is_integer():
            raise ConfigError(f"--set {key}: expected a whole number, got {value}")
        value = int(value)
    if type(old) is float and not per_level:
        value = float(value)
    if isinstance(old, str) and not isinstance(value, str):
        value = str(value)
    *path, last = key.split(".")
    for part in path:
        data = data[int(part)] if isinstance(data, list) else data[part]
    data[int(last) if isinstance(data, list) else last] = value


def _leaves(data: Any, prefix: str = "") -> Iterator[tuple[str, Any]]:
    entries = data.items() if isinstance(data, dict) else enumerate(data)
    for name, value in entries:
        key = f"{prefix}{name}"
        # A whole phase cannot be assigned; what lies below a level, e.g. model.tail, can.
        if prefix or not isinstance(value, dict):
            yield key, value
        if isinstance(value, (dict, list)):
            yield from _leaves(value, key + ".")
