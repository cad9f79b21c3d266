"""Printing facts on standard output, for people or as JSON."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from typing import Any


def print_data(data: Mapping[str, Any], as_json: bool) -> None:
    """Print facts on standard output.

    Args:
        data: plain data.
        as_json: as JSON, else one indented line per fact.
    """
    if as_json:
        json.dump(data, sys.stdout, indent=2)
        print()
        return
    _print_lines(data, "")


def _print_lines(data: Mapping[str, Any], indent: str) -> None:
    for name, value in data.items():
        if isinstance(value, Mapping):
            print(f"{indent}{name}:")
            _print_lines(value, indent + "  ")
        elif isinstance(value, (list, tuple)) and value and isinstance(value[0], Mapping):
            print(f"{indent}{name}:")
            for entry in value:
                print(f"{indent}  " + "  ".join(f"{k} {_short(v)}" for k, v in entry.items()))
        else:
            print(f"{indent}{name}: {_short(value)}")


def _short(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.4g}"
    if isinstance(value, (list, tuple)):
        return ", ".join(_short(v) for v in value)
    if value is None or isinstance(value, bool):
        return {True: "yes", False: "no", None: "-"}[value]
    return str(value)
