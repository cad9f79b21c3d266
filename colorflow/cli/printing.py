"""Printing facts on standard output, for people or as JSON."""

from __future__ import annotations

import json
import sys
import unicodedata
from collections.abc import Mapping
from typing import Any

# Directions of writing that one character can set for those that follow.
TURNS = frozenset({"LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI"})


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


def printable(text: str) -> str:
    r"""Make a text safe to print that may hold names of files.

    Args:
        text: may hold control characters, and bytes that are no text as lone surrogates.

    Returns:
        The text in one line, with escapes such as ``\n`` and ``\x1b`` for what would move the
        cursor, change colours or turn the direction of writing.
    """
    return "".join(_escaped(sign) if _is_control(sign) else sign for sign in text)


def _is_control(sign: str) -> bool:
    kind = unicodedata.category(sign)
    turns = unicodedata.bidirectional(sign) in TURNS
    return turns or kind in ("Cc", "Cs", "Zl", "Zp")


def _escaped(sign: str) -> str:
    if "\udc80" <= sign <= "\udcff":  # a byte that is no text
        return f"\\x{ord(sign) - 0xDC00:02x}"
    return sign.encode("unicode_escape").decode()


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
    return printable(str(value))
