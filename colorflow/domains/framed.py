"""The last step for scans with a border: results inside, the border as it was."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from PIL import Image
from torch import Tensor

from colorflow.domains.base import Domain, Finishing
from colorflow.images.frame import Frame
from colorflow.images.photo import Photo
from colorflow.images.strips import Strips


class FramedFinishing:
    """Puts the border of a scan around the pictures of another finishing.

    Args:
        inside: makes the pictures inside the border.
        frame: the scan and its border.
    """

    def __init__(self, inside: Finishing, frame: Frame) -> None:
        self.inside = inside
        self.frame = frame

    def pictures(self, targets: Sequence[Tensor]) -> list[Image.Image]:
        """Make pictures of the size of the scan, 8 bits per channel."""
        return [self.frame.around(picture) for picture in self.inside.pictures(targets)]

    def deep(self, target: Tensor) -> np.ndarray:
        """Make a picture of the size of the scan, uint16 [height, width, channels]."""
        return self.strips(target).whole()

    def strips(self, target: Tensor) -> Strips:
        """Make the same strip by strip."""
        return self.frame.around_strips(self.inside.strips(target))

    def with_vivid(self, vivid: float) -> Finishing:
        """Do the same with another factor on the chroma inside."""
        return FramedFinishing(self.inside.with_vivid(vivid), self.frame)


def finishing_of(domain: Domain, photo: Photo, vivid: float = 1.0) -> Finishing:
    """Prepare the last step for all variants of a photo, with its border if it has one.

    Args:
        domain: of the model.
        photo: the photo the condition was made of.
        vivid: factor on the chroma of what is predicted.

    Returns:
        What makes pictures of predicted targets, of the size of the photo or of its frame.
    """
    inside = domain.finishing(photo, vivid)
    return FramedFinishing(inside, photo.frame) if photo.frame else inside
