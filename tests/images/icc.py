"""ICC profiles made by hand, of ICC.1:2022."""

from __future__ import annotations

import struct
from collections.abc import Sequence

import numpy as np

WHITE = (0.9642, 1.0, 0.8249)  # D50, to which profiles refer
# Colorants adapted to D50, as the profiles of these names hold them.
DISPLAY_P3 = [(0.51512, 0.2412, -0.00105), (0.29198, 0.69225, 0.04189), (0.1571, 0.06657, 0.78407)]
ADOBE_RGB = [(0.60974, 0.31111, 0.01947), (0.20528, 0.62567, 0.06087), (0.14919, 0.06322, 0.74457)]
SRGB = [(0.43607, 0.22249, 0.01392), (0.38515, 0.71687, 0.09708), (0.14307, 0.06061, 0.7141)]
# The transfer curve of sRGB as a parametric curve of type 3.
SRGB_CURVE = (2.4, 1 / 1.055, 0.055 / 1.055, 1 / 12.92, 0.04045)


def profile(space: bytes, tags: dict[bytes, bytes], pcs: bytes = b"XYZ ") -> bytes:
    """Join tags to a profile of a display or scanner."""
    white = b"XYZ \0\0\0\0" + fixed(WHITE)
    text = b"desc\0\0\0\0" + struct.pack(">I", 5) + b"test\0" + bytes(78)
    tags = {b"desc": text, b"wtpt": white, b"cprt": b"text\0\0\0\0none\0", **tags}
    table, body = b"", b""
    start = 128 + 4 + 12 * len(tags)
    for name, data in tags.items():
        table += struct.pack(">4sII", name, start + len(body), len(data))
        body += data + bytes(-len(data) % 4)
    size = start + len(body)
    head = struct.pack(">I4sI4s4s4s", size, b"test", 0x02400000, b"mntr", space, pcs)
    head += bytes(12) + b"acsp" + bytes(28) + fixed(WHITE)
    return head.ljust(128, b"\0") + struct.pack(">I", len(tags)) + table + body


def fixed(values: Sequence[float]) -> bytes:
    """Pack s15Fixed16 numbers."""
    return struct.pack(f">{len(values)}i", *(round(value * 65536) for value in values))


def gamma(value: float) -> bytes:
    """A curve of one exponent."""
    return b"curv\0\0\0\0" + struct.pack(">IH", 1, round(value * 256))


def linear() -> bytes:
    """A curve that changes nothing."""
    return b"curv" + bytes(8)


def sampled(values: Sequence[float]) -> bytes:
    """A curve of samples in [0, 1]."""
    numbers = np.round(np.asarray(values) * 65535).astype(">u2")
    return b"curv\0\0\0\0" + struct.pack(">I", len(numbers)) + numbers.tobytes()


def parametric(kind: int, *numbers: float) -> bytes:
    """A parametric curve."""
    return b"para\0\0\0\0" + struct.pack(">HH", kind, 0) + fixed(numbers)


def grey(curve: bytes, pcs: bytes = b"XYZ ") -> bytes:
    """A grey profile."""
    return profile(b"GRAY", {b"kTRC": curve}, pcs)


def rgb(colorants: list[tuple[float, float, float]], curve: bytes) -> bytes:
    """An RGB profile of curves and a matrix."""
    names = (b"rXYZ", b"gXYZ", b"bXYZ")
    columns = zip(names, colorants, strict=True)
    tags = {name: b"XYZ \0\0\0\0" + fixed(column) for name, column in columns}
    return profile(b"RGB ", tags | dict.fromkeys((b"rTRC", b"gTRC", b"bTRC"), curve))


def dot_gain(percent: float = 20) -> list[float]:
    """Samples of a curve like that of prints whose dots grow: dark where gamma 2.2 is too."""
    ink = np.linspace(1, 0, 256)
    grown = np.clip(ink + 4 * percent / 100 * ink * (1 - ink), 0, 1)
    return [float(value) for value in (1 - grown) * 0.98 + 0.02 * (1 - ink)]
