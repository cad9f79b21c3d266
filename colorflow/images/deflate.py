"""How the pixels of PNG and TIFF files are compressed."""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from zlib import _Compress

# Level 6 takes four times as long for files 3 to 5 % smaller.
LEVEL = 1


def compressor(kind: np.dtype) -> _Compress:
    """Make what compresses differences of neighbouring pixels.

    Differences of 16 bits end in noise, in which a search for repetitions finds little: with runs
    and Huffman codes alone, compression is twice as fast for files up to 3 % larger.

    Args:
        kind: type of the pixels.

    Returns:
        An object with ``compress`` and ``flush``.
    """
    strategy = zlib.Z_DEFAULT_STRATEGY if kind.itemsize == 1 else zlib.Z_RLE
    return zlib.compressobj(LEVEL, strategy=strategy)
