"""The hints of a job: which photo each list is for."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from colorflow.batch.discover import Job, discover
from colorflow.batch.hint_file import hints_for_jobs
from colorflow.batch.places import full_name
from colorflow.errors import ConfigError
from colorflow.hints import Hint

ROWS = [{"x": 1, "y": 2, "hex": "#AA3311"}]
HINTS = (Hint(1, 2, "#aa3311"),)


@pytest.fixture
def jobs(tmp_path: Path) -> list[Job]:
    for name in ("a.jpg", "sub/a.jpg", "sub/b.jpg", "sub/deep/c.png"):
        path = tmp_path / "in" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    (tmp_path / "single.jpg").touch()
    return discover([tmp_path / "in", tmp_path / "single.jpg"], tmp_path / "out").jobs


def told(tmp_path: Path, jobs: list[Job], content: object) -> dict[str, tuple[Hint, ...]]:
    path = tmp_path / "hints.json"
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    found = hints_for_jobs(path, jobs, tmp_path / "out")
    return {str(Path(name).relative_to(tmp_path)): hints for name, hints in found.items()}


@pytest.mark.parametrize(
    ("name", "source"),
    [
        ("a.jpg", "in/a.jpg"),  # the whole name of one, though the bare name of another, too
        ("sub/a.jpg", "in/sub/a.jpg"),
        ("./sub/b.jpg", "in/sub/b.jpg"),
        ("sub\\b.jpg", "in/sub/b.jpg"),
        ("b.jpg", "in/sub/b.jpg"),
        ("c.png", "in/sub/deep/c.png"),
        ("single.jpg", "single.jpg"),
    ],
)
def test_photos_are_found_by_their_names(tmp_path, jobs, name, source):
    assert told(tmp_path, jobs, {name: ROWS}) == {source: HINTS}


def test_a_list_is_for_the_only_photo(tmp_path, jobs):
    assert told(tmp_path, jobs[:1], ROWS) == {"in/a.jpg": HINTS}
    with pytest.raises(ConfigError, match="one list for 5 photos"):
        told(tmp_path, jobs, ROWS)


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ({"gone.jpg": ROWS, "a.jpg": ROWS, "no/b.jpg": []}, r"named gone\.jpg, no/b\.jpg;"),
        ({"b.jpg": ROWS, "sub/b.jpg": ROWS}, r"sub/b\.jpg: .*under another name already"),
        ({"b.jpg": {"x": 1}}, r"b\.jpg: expected a list of hints"),
        ({"b.jpg": [*ROWS, {"x": 1, "y": 1, "hex": "#12"}]}, r"b\.jpg: hint 2: hex"),
        ("3", "expected a list of hints, or"),
        ('{"a.jpg": [}', "expected JSON, line 1 is none"),
    ],
)
def test_what_does_not_fit_is_said_in_one_line(tmp_path, jobs, content, expected):
    with pytest.raises(ConfigError, match=expected) as caught:
        told(tmp_path, jobs, content)
    assert "\n" not in str(caught.value)
    assert str(tmp_path / "hints.json") in str(caught.value)


def test_a_bare_name_of_several_photos_is_not_guessed_at(tmp_path, jobs):
    twins = [job for job in jobs if job.source.parent.name == "sub"]
    twins.append(Job(tmp_path / "in/other/b.jpg", tmp_path / "out/other/b"))
    with pytest.raises(ConfigError, match=r"b\.jpg: 2 photos have this name"):
        told(tmp_path, twins, {"b.jpg": ROWS})


def test_names_are_whole_so_that_another_process_finds_the_photo(tmp_path, jobs, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (job,) = discover([Path("single.jpg")], Path("out")).jobs
    path = tmp_path / "hints.json"
    path.write_text(json.dumps(ROWS))
    assert set(hints_for_jobs(path, [job], Path("out"))) == {full_name(tmp_path / "single.jpg")}
