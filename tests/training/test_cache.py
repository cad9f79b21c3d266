"""The cache of features: right rows, found again, whatever happened to the one who wrote them."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from colorflow.errors import ConfigError
from colorflow.models.presets import preset
from colorflow.networks.backbones import load_backbone
from colorflow.training.cache import FeatureCache, fill_cache
from colorflow.training.views import Views

TAPS = preset("tiny").taps
OF = {"backbone": "photo", "seed": 0}
CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def backbone() -> nn.Module:
    return load_backbone("photo", TAPS)


class Counting(nn.Module):
    """A cheap backbone that counts the photos it is shown."""

    def __init__(self) -> None:
        super().__init__()
        self.seen = 0

    def forward(self, condition: Tensor) -> dict[str, Tensor]:
        self.seen += len(condition)
        return {"mean": condition.mean((2, 3))}


def filled(
    folder: Path, views: Views, count: int = 2, backbone: nn.Module | None = None
) -> tuple[FeatureCache, list[int]]:
    cache = FeatureCache(folder, OF)
    rows = fill_cache(
        cache, views, count, backbone or Counting(), CPU, torch.float32, log=lambda line: None
    )
    return cache, rows


def assert_right(cache: FeatureCache, rows: list[int], views: Views) -> None:
    batch = cache.read(rows)
    for number in range(len(rows)):
        view, position = divmod(number, len(views.files))
        condition, target = views.pair(position, view)
        assert torch.allclose(batch["condition"][number], condition, atol=1e-3)
        assert torch.allclose(batch["target"][number], target, atol=4e-3)
        assert torch.allclose(batch["mean"][number], condition.mean(), atol=1e-3)


@pytest.mark.parametrize(("precision", "bound"), [(torch.bfloat16, 0.02), (torch.float32, 1e-3)])
def test_rows_hold_what_the_backbone_says(
    precision: torch.dtype,
    bound: float,
    tmp_path: Path,
    views: Views,
    backbone: nn.Module,
):
    cache = FeatureCache(tmp_path, OF)
    own = load_backbone("photo", TAPS)
    rows = fill_cache(cache, views, 2, own, CPU, precision, workers=2, log=lambda line: None)
    assert len(set(rows)) == 2 * len(views.files)
    batch = cache.read(rows)
    for number in (0, 3, 8, 15):
        view, position = divmod(number, 8)
        condition, target = views.pair(position, view)
        assert torch.allclose(batch["condition"][number], condition, atol=1e-3)
        assert torch.allclose(batch["target"][number], target, atol=4e-3)
        with torch.inference_mode():
            features = backbone(condition[None])
        for tap in TAPS:
            assert batch[tap].dtype == torch.float32
            error = (batch[tap][number] - features[tap][0]).abs().mean() / features[tap].mean()
            assert float(error) < bound


def test_rows_are_found_again_and_only_missing_ones_are_computed(tmp_path: Path, views: Views):
    first = Counting()
    _, rows = filled(tmp_path, dataclasses.replace(views, files=views.files[:5]), 2, first)
    assert first.seen == 10
    again = Counting()
    cache, same = filled(tmp_path, dataclasses.replace(views, files=views.files[:5]), 2, again)
    assert again.seen == 0
    assert same == rows
    more = Counting()
    cache, rows = filled(tmp_path, views, 3, more)
    assert more.seen == 8 * 3 - 5 * 2
    assert_right(cache, rows, views)
    fresh = FeatureCache(tmp_path, OF)
    assert [fresh.row(file.content, 0) for file in views.files] == rows[:8]
    assert fresh.row(views.files[0].content, 3) is None
    assert_right(fresh, rows, views)


def test_what_another_process_wrote_is_not_computed_again(tmp_path: Path, views: Views):
    early = FeatureCache(tmp_path, OF)
    filled(tmp_path, views)
    backbone = Counting()
    rows = fill_cache(early, views, 2, backbone, CPU, torch.float32, log=lambda line: None)
    assert backbone.seen == 0
    assert_right(early, rows, views)


def test_photos_of_the_same_content_share_a_row(tmp_path: Path, views: Views):
    twice = dataclasses.replace(views, files=(*views.files[:2], views.files[0]))
    backbone = Counting()
    cache, rows = filled(tmp_path, twice, 2, backbone)
    assert backbone.seen == 4
    assert rows[0] == rows[2] != rows[1]
    assert_right(cache, rows, twice)


@pytest.mark.parametrize("rows_left", [4, 0])
def test_a_writer_that_was_killed_does_no_harm(tmp_path: Path, views: Views, rows_left: int):
    cache, _ = filled(tmp_path, dataclasses.replace(views, files=views.files[:4]), 1)
    lines = (cache.folder / "rows.txt").read_text().splitlines(keepends=True)
    # It had written the values, and the line of the next row but for its end.
    for number, path in enumerate(sorted(cache.folder.glob("*.f16"))):
        with path.open("ab") as file:
            file.write(b"\xff" * (7 + 50_000 * number))
    started = f"{views.files[4].content} 0"
    (cache.folder / "rows.txt").write_text("".join(lines[:rows_left]) + started)
    backbone = Counting()
    cache, rows = filled(tmp_path, views, 2, backbone)
    assert backbone.seen == 16 - rows_left
    assert_right(cache, rows, views)
    fresh = FeatureCache(tmp_path, OF)
    keys = [(file.content, view) for view in range(2) for file in views.files]
    assert [fresh.row(*key) for key in keys] == rows
    assert_right(fresh, rows, views)


def test_a_writer_killed_before_its_first_row_does_no_harm(tmp_path: Path, views: Views):
    cache, _ = filled(tmp_path, views, 1)
    (cache.folder / "rows.txt").unlink()
    cache, rows = filled(tmp_path, views, 2)
    assert_right(cache, rows, views)


@pytest.mark.parametrize("change", [{"seed": 1}, {"backbone": "lite2"}, {"crop": 0.5}])
def test_other_settings_never_share_rows(tmp_path: Path, views: Views, change: dict[str, object]):
    cache, _ = filled(tmp_path, views)
    other = FeatureCache(tmp_path, {**OF, **change})
    assert other.folder != cache.folder
    assert other.row(views.files[0].content, 0) is None
    assert FeatureCache(tmp_path, dict(reversed(OF.items()))).folder == cache.folder


def test_rows_of_another_shape_are_refused(tmp_path: Path):
    cache = FeatureCache(tmp_path, OF)
    cache.append([("a", 0)], {"x": torch.zeros(1, 3)})
    with pytest.raises(ConfigError, match=str(cache.folder)):
        cache.append([("b", 0)], {"x": torch.zeros(1, 4)})
    assert FeatureCache(tmp_path, OF).rows == {"a 0": 0}


def test_rows_are_read_in_the_order_asked_for(tmp_path: Path):
    cache = FeatureCache(tmp_path, OF)
    values = torch.arange(12.0).reshape(6, 2)
    keys = [(str(number), 0) for number in range(6)]
    cache.append(keys[:4], {"x": values[:4]})
    assert torch.equal(cache.read([3, 0, 3])["x"], values[[3, 0, 3]])
    cache.append(keys[4:], {"x": values[4:]})
    assert torch.equal(cache.read([5, 1])["x"], values[[5, 1]])


def test_work_on_the_cache_is_told_and_idle_looks_are_not(tmp_path: Path, views: Views):
    def told(count: int) -> list[str]:
        lines: list[str] = []
        cache = FeatureCache(tmp_path, OF)
        fill_cache(cache, views, count, Counting(), CPU, torch.float32, log=lines.append)
        return lines

    first = told(1)
    assert "8 of 8 views to compute" in first[0]
    assert "features 8/8" in first[-1]
    assert told(1) == []
    assert "8 of 16" in told(2)[0]
