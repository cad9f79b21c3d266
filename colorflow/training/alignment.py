"""Do both halves of a pair show the scene from the same place?"""

from __future__ import annotations

import numpy as np
import torch

from colorflow.images.photo import Photo
from colorflow.images.planes import resize_plane

SIDE = 128
# In pixels of the reduced photos: 4 of 128 is what a nudged camera does.
REACH = 12
SHIFT = 4
# Edges of lamps and windows alone correlate a little with those of the day anywhere.
MARGIN = 0.1


def misaligned(first: Photo, second: Photo) -> bool:
    """Tell whether the edges of two photos fit better after a shift than as they are.

    Edges, the magnitudes of lightness gradients on 128 x 128 pixels, are correlated at all shifts
    of up to 12 pixels.

    Args:
        first: a photo.
        second: another one, of any size.

    Returns:
        True where the best shift is at least 4 pixels and correlates better than none by 0.1.
    """
    a, b = (_edges(photo) for photo in (first, second))
    # Circular correlation of standardised edges, by the Fourier transform.
    correlation = np.fft.ifft2(np.fft.fft2(a).conj() * np.fft.fft2(b)).real / a.size
    reach = np.r_[0 : REACH + 1, -REACH:0]
    near = correlation[np.ix_(reach, reach)]
    y, x = np.unravel_index(int(near.argmax()), near.shape)
    far = max(abs(int(reach[y])), abs(int(reach[x]))) >= SHIFT
    return bool(far and near[y, x] - near[0, 0] > MARGIN)


def _edges(photo: Photo) -> np.ndarray:
    lightness = resize_plane(photo.lightness_rows, (SIDE, SIDE))[0]
    down, across = torch.gradient(lightness)
    edges = (down.square() + across.square()).sqrt().numpy().astype(np.float64)
    # What leaves at one border must not come in at the other.
    edges *= np.outer(np.hanning(SIDE), np.hanning(SIDE))
    return np.asarray((edges - edges.mean()) / max(float(edges.std()), 1e-6))
