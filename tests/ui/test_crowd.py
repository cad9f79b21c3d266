"""Several visitors at once on the launched page, each with photos of a shape of its own."""

from __future__ import annotations

import runpy
import time
from pathlib import Path

import pytest

from colorflow_ui.launch import Server

SCRIPT = Path(__file__).parents[2] / "scripts" / "bench_ui_load.py"


@pytest.mark.slow
def test_nobody_sees_anothers_pictures_and_nothing_is_left(server: Server):
    people = runpy.run_path(str(SCRIPT))["crowd"](server.url, 8, 4, 3)
    assert [visitor.strays for visitor in people] == [0] * 8
    assert all(len(visitor.seen) == 12 for visitor in people)
    assert len(set().union(*(visitor.seen for visitor in people))) == 8 * 12
    folder = server.folder / "visitors"
    # Visitors are forgotten first, then their files go.
    for _ in range(200):
        if not len(server.page.visitors) and not list(folder.iterdir()):
            break
        time.sleep(0.1)
    assert list(folder.iterdir()) == []
