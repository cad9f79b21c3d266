"""What the tabs do, with a fake engine: galleries, picks, files, and whose they are."""

from __future__ import annotations

from pathlib import Path

import gradio as gr
import pytest
from PIL import Image

from colorflow.errors import ImageError
from colorflow_ui.desk import Desk, caption, in_words, title
from colorflow_ui.engine import FileOptions, Take
from colorflow_ui.visitors import MAX_TAKES, NothingOpenError
from colorflow_ui.widgets import guarded
from tests.ui.fake import AGAIN, IMPOSSIBLE


def drawn(desk: Desk, key: str, upload: Path, n: int = 3) -> list[tuple[str, str]]:
    bench = desk.open(key, "colorize", str(upload))
    return list(desk.fill(key, "colorize", bench.sitting.draw(n, 5, 1.0)))[-1]


def test_variants_come_one_by_one_with_captions(desk, upload):
    bench = desk.open("ann", "colorize", str(upload))
    steps = [len(s) for s in desk.fill("ann", "colorize", bench.sitting.draw(3, 5, 1.0))]
    assert steps == [1, 2, 3]
    shown = drawn(desk, "ann", upload)
    assert [text for _, text in shown] == [f"{i} · 33 % of what seems plausible" for i in (1, 2, 3)]
    pictures = {Path(path).read_bytes() for path, _ in shown}
    assert len(pictures) == 3


def test_pictures_are_lossless_files_in_the_visitors_own_folder(desk, upload):
    (path, _), *_ = drawn(desk, "ann", upload)
    assert desk.visitors.visit("ann").folder in Path(path).parents
    with Image.open(path) as picture:
        assert picture.format == "PNG"
        sitting = desk.bench("ann", "colorize").sitting
        take = desk.bench("ann", "colorize").take(1)
        assert picture.tobytes() == sitting.picture(take, 1.0, 512).tobytes()


def test_a_pick_is_compared_with_the_grey_photo_and_follows_the_saturation(desk, upload):
    drawn(desk, "ann", upload)
    assert desk.pick("ann", "colorize", 1) == 2
    usual, calm = (desk.compare("ann", "colorize", s) for s in (1.0, 0.0))
    assert usual.caption.startswith("2 · ")
    assert usual.before == calm.before
    assert Path(usual.after).read_bytes() != Path(calm.after).read_bytes()
    with Image.open(calm.after) as picture:
        red, green, blue = picture.getpixel((50, 30))
    assert red == green == blue


def test_vivid_changes_the_comparison_and_draws_nothing(desk, upload, monkeypatch):
    drawn(desk, "ann", upload)
    desk.pick("ann", "colorize", 1)
    monkeypatch.setattr(type(desk.bench("ann", "colorize").sitting), "draw", None)
    usual, pale = (desk.compare("ann", "colorize", 1.0, vivid) for vivid in (1.0, 0.4))
    assert Path(usual.after).read_bytes() != Path(pale.after).read_bytes()
    assert usual.caption == pale.caption


def test_independent_draws_and_edits_have_no_share(desk, upload):
    bench = desk.open("ann", "colorize", str(upload))
    independent = next(bench.sitting.draw(1, 5, 1.0, "independent"))
    assert caption(1, independent) == "1 · seed 5 · typical"
    first = next(bench.sitting.draw(1, 5, 1.0))
    edited = next(bench.sitting.more_like(first, 1, 3))
    assert caption(2, edited) == "2 · more like this · typical"


def test_a_variant_that_was_drawn_again_says_so(desk, upload):
    bench = desk.open("ann", "colorize", str(upload))
    shown = list(desk.fill("ann", "colorize", bench.sitting.draw(2, AGAIN, 1.0)))[-1]
    assert shown[0][1] == "1 · 50 % of what seems plausible · drawn again"
    assert "again" not in shown[1][1]
    desk.pick("ann", "colorize", 0)
    told = desk.compare("ann", "colorize", 1.0).caption
    assert told == (
        "1 · seed 77 · 50 % of what seems plausible · typical · "
        "drawn again: the first draw had impossible colours"
    )
    assert title(1, Take(None, "seed 0", 1.0, redrawn=2)).endswith(
        "drawn again: the first 2 draws had impossible colours"
    )


def test_colours_that_stay_impossible_are_said_in_one_line(desk, upload):
    desk.open("ann", "colorize", str(upload))

    @guarded(1)
    def draw():
        takes = desk.bench("ann", "colorize").sitting.draw(2, IMPOSSIBLE, 1.0)
        for shown in desk.fill("ann", "colorize", takes):
            yield ["", shown]

    ((notice, kept),) = draw()
    assert "variant 1: expected colours that a photo can have" in notice
    assert "alert" in notice
    assert "\n" not in notice
    assert kept == gr.skip()


def test_what_is_saved_is_the_pick_as_it_was_adjusted(desk, upload):
    drawn(desk, "ann", upload)
    desk.pick("ann", "colorize", 2)
    path, notes = desk.save("ann", "colorize", 0.4, FileOptions("png", "strip"))
    assert Path(path).name == "street_v3.png"
    drawn_as = "('drawn', 5, 2, 1.0, 'representative', 1.0)"
    assert Path(path).read_text() == f"street.png {drawn_as} 0.4 1.0 png strip"
    assert notes == ("a note",)
    path, _ = desk.save("ann", "colorize", 0.4, FileOptions(), 1.3)
    assert Path(path).read_text() == f"street.png {drawn_as} 0.4 1.3 keep keep"


def test_nothing_is_open_at_first(desk, upload):
    with pytest.raises(NothingOpenError, match="Choose a photo"):
        desk.compare("ann", "colorize", 1.0)
    desk.open("ann", "colorize", str(upload))
    with pytest.raises(NothingOpenError, match="Click a variant"):
        desk.compare("ann", "colorize", 1.0)
    with pytest.raises(NothingOpenError):
        desk.pick("ann", "colorize", 0)
    with pytest.raises(NothingOpenError, match="session"):
        desk.open(None, "colorize", str(upload))


def test_nobody_sees_the_photos_of_others(desk, upload, tmp_path):
    other = tmp_path / "other.png"
    Image.new("L", (64, 64), 9).save(other)
    mine, theirs = drawn(desk, "ann", upload), drawn(desk, "bob", other)
    assert not {p for p, _ in mine} & {p for p, _ in theirs}
    assert desk.bench("ann", "colorize").sitting.name == "street.png"
    assert desk.bench("bob", "colorize").sitting.name == "other.png"
    desk.visitors.leave("bob")
    assert not any(Path(path).exists() for path, _ in theirs)
    assert all(Path(path).exists() for path, _ in mine)


def test_a_file_that_cannot_be_read_leaves_what_was_open(desk, upload, tmp_path):
    shown = drawn(desk, "ann", upload)
    broken = tmp_path / "broken.jpg"
    broken.write_bytes(b"nothing")
    with pytest.raises(ImageError, match=r"broken\.jpg"):
        desk.open("ann", "colorize", str(broken))
    assert len(desk.bench("ann", "colorize").takes) == len(shown)


def test_another_photo_ends_the_drawing_for_the_one_before(desk, upload):
    bench = desk.open("ann", "colorize", str(upload))
    steps = desk.fill("ann", "colorize", bench.sitting.draw(8, 5, 1.0))
    next(steps)
    fresh = desk.open("ann", "colorize", str(upload))
    assert list(steps) == []
    assert not fresh.takes


def test_the_oldest_variants_go_and_numbers_stay(desk, upload):
    shown = drawn(desk, "ann", upload, MAX_TAKES + 5)
    assert len(shown) == MAX_TAKES
    assert shown[0][1].startswith("6 · ")
    assert desk.pick("ann", "colorize", 0) == 6
    assert all(Path(path).exists() for path, _ in shown)


@pytest.mark.parametrize(
    ("typicality", "words"), [(0.9, "typical"), (0.1, "less typical"), (0.01, "unusual")]
)
def test_typicality_in_words(typicality, words):
    assert in_words(typicality) == words


def test_hints_are_captioned_by_the_worst_of_them():
    take = Take(None, "seed 1", 0.5, {}, (1.2, 7.6))
    assert caption(4, take) == "4 · seed 1 · hints met within 8"
