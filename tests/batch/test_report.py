"""The report: readable at any moment, complete at the end, never somebody else's."""

import errno
import io
import json
import os
import stat
from pathlib import Path

import pytest

from colorflow.batch.report import Report, read_report
from colorflow.batch.results import Result
from colorflow.errors import ConfigError, ImageError

JOB = {"settings": {"seed": 0}, "device": "cpu"}


def lines(path):
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_a_line_is_there_as_soon_as_it_is_added(tmp_path):
    path = tmp_path / "r.jsonl"
    report = Report(path, JOB)
    report.add(Result(tmp_path / "a.jpg", outputs=[tmp_path / "a_v1.jpg"], seconds=1.5))
    head, line = lines(path)
    assert head["settings"] == {"seed": 0}
    assert line["status"] == "ok"
    assert line["outputs"] == [str(tmp_path / "a_v1.jpg")]
    report.close()


def test_a_run_that_goes_on_keeps_what_was_done_and_replaces_what_failed(tmp_path):
    path = tmp_path / "r.jsonl"
    a, b, c = (tmp_path / name for name in "abc")
    first = Report(path, JOB)
    first.add(Result(a, seconds=3.0))
    first.add(Result(b, "failed", reason="b: broken"))
    with path.open("a") as file:
        file.write('{"input": "torn')  # killed in the middle of a line
    second = Report(path, JOB)
    second.add(Result(a, "skipped", reason="done before"))
    second.add(Result(b))
    second.add(Result(c))
    second.close()
    found = lines(path)[1:]
    assert [(line["input"], line["status"]) for line in found] == [
        (str(a), "ok"),
        (str(b), "ok"),
        (str(c), "ok"),
    ]
    assert found[0]["seconds"] == 3.0


def test_the_report_of_another_job_is_set_aside(tmp_path):
    path = tmp_path / "r.jsonl"
    for seed in range(3):
        report = Report(path, {"settings": {"seed": seed}})
        report.add(Result(tmp_path / f"{seed}.jpg"))
        report.close()
    assert sorted(os.listdir(tmp_path)) == ["r.1.jsonl", "r.2.jsonl", "r.jsonl"]
    assert lines(tmp_path / "r.2.jsonl")[0]["settings"] == {"seed": 1}
    assert report.set_aside == tmp_path / "r.2.jsonl"


@pytest.mark.parametrize("content", ["dear diary\n", '{"a": 1}\n', "[]\n", "\n"])
def test_a_file_that_is_no_report_is_left_alone(tmp_path, content):
    path = tmp_path / "r.jsonl"
    path.write_text(content)
    with pytest.raises(ConfigError, match="--report"):
        Report(path, JOB)
    assert path.read_text() == content


def test_a_place_that_cannot_be_written_is_named(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(ImageError, match="--report"):
        Report(tmp_path / "file" / "r.jsonl", JOB)


def test_names_that_are_no_text_and_notes_in_any_language_survive(tmp_path):
    path = tmp_path / "r.jsonl"
    source = tmp_path / os.fsdecode(b"caf\xe9.jpg")
    report = Report(path, JOB)
    report.add(Result(source, notes=["déjà vu"]))
    report.close()
    (line,) = read_report(path)
    assert os.fsencode(line["input"]) == os.fsencode(source)
    assert line["warnings"] == ["déjà vu"]


def test_reading_makes_paths_absolute(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    report = Report(Path("out/r.jsonl"), JOB)
    report.add(Result(Path("in/a.jpg"), outputs=[Path("out/a.jpg")]))
    report.close()
    monkeypatch.chdir("/")
    (line,) = read_report(tmp_path / "out/r.jsonl")
    assert line["input"] == str((tmp_path / "in/a.jpg").resolve())
    assert line["outputs"] == [str((tmp_path / "out/a.jpg").resolve())]
    with pytest.raises(ConfigError, match="found nothing"):
        read_report(tmp_path / "nowhere")


def test_two_folders_of_relative_names_keep_their_own_lines(tmp_path, monkeypatch):
    """Both call their photo x.jpg; the report tells them apart."""
    path = tmp_path / "r.jsonl"
    for name, status in (("one", "ok"), ("two", "skipped")):
        (tmp_path / name).mkdir()
        monkeypatch.chdir(tmp_path / name)
        report = Report(path, JOB)
        report.add(Result(Path("x.jpg"), status, outputs=[Path("../out/x_v1.jpg")]))
        report.close()
    assert [(line["input"], line["status"]) for line in lines(path)[1:]] == [
        (str(tmp_path / "one/x.jpg"), "ok"),
        (str(tmp_path / "two/x.jpg"), "skipped"),
    ]
    assert lines(path)[1]["outputs"] == [str(tmp_path / "out/x_v1.jpg")]


def test_a_pipe_gets_each_line_once_and_stays_a_pipe(pipe, tmp_path):
    path, received = pipe
    report = Report(path, JOB)
    report.add(Result(tmp_path / "a.jpg"))
    report.add(Result(tmp_path / "b.jpg", "failed", reason="b.jpg: broken"))
    report.close()
    head, *rest = map(json.loads, received().splitlines())
    assert head["settings"] == {"seed": 0}
    assert [line["status"] for line in rest] == ["ok", "failed"]
    assert stat.S_ISFIFO(path.stat().st_mode)
    assert os.listdir(tmp_path) == ["pipe"]


def test_a_device_is_written_to_and_stays_a_device(tmp_path):
    """A terminal of the test's own stands for /dev/null and its like."""
    mine, theirs = os.openpty()
    name = Path(os.ttyname(theirs))
    kind = name.stat().st_rdev
    report = Report(name, JOB)
    report.add(Result(tmp_path / "a.jpg"))
    report.close()
    head, line = os.read(mine, 1 << 16).splitlines()
    assert json.loads(head)["report"] == 1
    assert json.loads(line)["status"] == "ok"
    assert name.stat().st_rdev == kind
    os.close(mine)
    os.close(theirs)


def test_a_stream_gets_the_lines_and_stays_open(tmp_path):
    stream = io.StringIO()
    report = Report(None, JOB, stream)
    report.add(Result(tmp_path / "a.jpg"))
    report.close()
    assert len(stream.getvalue().splitlines()) == 2
    assert report.path is None


@pytest.mark.parametrize(
    ("number", "advice"), [(errno.ENOSPC, "choose another place"), (errno.EPIPE, "reader has gone")]
)
def test_a_stream_that_takes_no_more_ends_the_job(number, advice):
    class Full(io.StringIO):
        def write(self, text):
            raise OSError(number, os.strerror(number))

    told = f"standard output: the report cannot be written .*{advice}"
    with pytest.raises(ImageError, match=told):
        Report(None, JOB, Full())


def test_a_link_to_a_report_stays_a_link(tmp_path):
    (tmp_path / "there").mkdir()
    os.symlink("there/r.jsonl", tmp_path / "r.jsonl")
    report = Report(tmp_path / "r.jsonl", JOB)
    report.add(Result(tmp_path / "a.jpg"))
    report.close()
    assert os.readlink(tmp_path / "r.jsonl") == "there/r.jsonl"
    assert len(lines(tmp_path / "there/r.jsonl")) == 2


def test_a_result_belongs_to_one_photo(tmp_path):
    path = tmp_path / "r.jsonl"
    report = Report(path, JOB)
    result = tmp_path / "out/s_v1.jpg"
    report.add(Result(tmp_path / "roll1/s.jpg", outputs=[result]))
    report.add(Result(tmp_path / "roll2/s.jpg", outputs=[result]))
    report.close()
    old, new = read_report(path)
    assert (old["status"], old["outputs"]) == ("stale", [])
    assert str(tmp_path / "roll2/s.jpg") in old["reason"]
    assert (new["status"], new["outputs"]) == ("ok", [str(result)])


def test_an_empty_file_becomes_the_report(tmp_path):
    path = tmp_path / "r.jsonl"
    path.touch()
    report = Report(path, JOB)
    report.close()
    assert report.set_aside is None
    assert os.listdir(tmp_path) == ["r.jsonl"]
