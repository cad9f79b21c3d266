"""Who is on the page: folders, how many are kept, and what is removed when."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest
from PIL import Image

from colorflow_ui.engine import Saved
from colorflow_ui.visitors import MAX_FILES, NothingOpenError, Visitors


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_a_visitor_keeps_the_visit(visitors):
    assert visitors.visit("ann") is visitors.visit("ann")
    assert visitors.visit("ann").folder != visitors.visit("bob").folder
    with pytest.raises(NothingOpenError):
        visitors.visit("")


def test_the_one_away_longest_goes_first(visitors):
    folders = {key: visitors.visit(key).folder for key in ("ann", "bob", "cid")}
    visitors.visit("ann")
    visitors.visit("dan")
    assert len(visitors) == 3
    assert [key for key, folder in folders.items() if folder.exists()] == ["ann", "cid"]


def test_who_is_away_too_long_is_forgotten(tmp_path):
    clock = Clock()
    visitors = Visitors(tmp_path / "v", 10, idle_seconds=60, clock=clock)
    old = visitors.visit("ann").folder
    clock.now = 50
    young = visitors.visit("bob").folder
    clock.now = 80
    visitors.sweep()
    assert (old.exists(), young.exists()) == (False, True)


def test_leaving_removes_all_files_and_is_harmless_twice(visitors):
    visit = visitors.visit("ann")
    path = visit.put(Saved("a.png", b"x"))
    visitors.leave("ann")
    visitors.leave("ann")
    visitors.leave(None)
    assert not path.exists()
    assert len(visitors) == 0


def test_work_for_somebody_who_left_ends(visitors):
    visit = visitors.visit("ann")
    visitors.leave("ann")
    with pytest.raises(NothingOpenError, match="closed"):
        visit.put(Saved("a.png", b"x"))
    assert not visit.folder.exists()


def test_names_of_files_lead_nowhere_else(visitors):
    visit = visitors.visit("ann")
    path = visit.put(Saved("../../evil.png", b"x"))
    assert path.name == "evil.png"
    assert visit.folder in path.parents


def test_an_upload_is_adopted_and_stays_when_the_visit_ends(visitors, upload):
    path = visitors.visit("ann").adopt(upload)
    assert path.read_bytes() == upload.read_bytes()
    visitors.leave("ann")
    assert upload.exists()
    assert not path.exists()


def test_files_of_a_visit_are_bounded(visitors):
    visit = visitors.visit("ann")
    picture = Image.new("L", (4, 4))
    paths = [visit.put_picture(picture) for _ in range(MAX_FILES + 20)]
    assert [path.exists() for path in paths[:20]] == [False] * 20
    assert all(path.exists() for path in paths[20:])
    assert len(list(visit.folder.iterdir())) == MAX_FILES


def test_many_at_once_get_one_visit_each(tmp_path):
    visitors = Visitors(tmp_path / "v", 100)
    seen: list[Path] = []

    def come(key: str) -> None:
        seen.append(visitors.visit(key).folder)

    threads = [threading.Thread(target=come, args=(f"v{i % 10}",)) for i in range(80)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(seen) == 80
    assert len(set(seen)) == 10


def test_closing_leaves_nothing(visitors):
    visitors.visit("ann").put(Saved("a.png", b"x"))
    visitors.close()
    assert not visitors.root.exists()
