"""The finishing of scans: what is inside is the task's, the border is the scan's."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from colorflow.domains import Colorization, FramedFinishing, Geometry, Translation, finishing_of
from colorflow.images.frame import Border, Frame
from colorflow.images.photo import Photo

GEOMETRY = Geometry(32, 4, 8)


@pytest.mark.parametrize("domain", [Colorization(GEOMETRY), Translation(GEOMETRY)])
def test_vivid_is_for_the_inside_alone(domain):
    scan = np.random.default_rng(2).integers(0, 256, (40, 50, 3), np.uint8)
    border = Border(4, 5, 6, 7)
    rows, columns = border.inside((40, 50))
    photo = Photo(np.ascontiguousarray(scan[rows, columns]), frame=Frame(scan, None, border))
    target = torch.randn(domain.target_channels, 8, 8, generator=torch.Generator().manual_seed(1))
    framed = finishing_of(domain, photo)
    assert isinstance(framed, FramedFinishing)
    for finishing, vivid in ((framed, 1.0), (framed.with_vivid(0.3), 0.3)):
        found = np.array(finishing.pictures([target])[0])
        (alone,) = domain.finishing(Photo(photo.pixels), vivid).pictures([target])
        np.testing.assert_array_equal(found[rows, columns], np.asarray(alone))
        found[rows, columns] = scan[rows, columns]
        np.testing.assert_array_equal(found, scan)


def test_a_photo_without_a_frame_is_finished_as_ever():
    photo = Photo(np.full((40, 50), 90, np.uint8))
    assert not isinstance(finishing_of(Colorization(GEOMETRY), photo), FramedFinishing)
