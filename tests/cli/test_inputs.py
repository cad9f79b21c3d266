"""Names that the user types, or sends on standard input."""

import io
import os
import sys
from pathlib import Path

import pytest

from colorflow.cli.inputs import read_inputs
from colorflow.errors import ConfigError


def send(monkeypatch, data: bytes) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(data)))


@pytest.mark.parametrize(
    ("data", "null", "names"),
    [
        (b"a.jpg\nb c.jpg\n", False, ["a.jpg", "b c.jpg"]),
        (b"a.jpg\r\n\r\n  \r\nb.jpg", False, ["a.jpg", "b.jpg"]),
        (b"\xef\xbb\xbfa.jpg\nb.jpg\n", False, ["a.jpg", "b.jpg"]),
        (b"a.jpg\0b\nc.jpg\0", True, ["a.jpg", "b\nc.jpg"]),
        (b" a.jpg \n", False, [" a.jpg "]),
        (b"caf\xe9.jpg\n", False, [os.fsdecode(b"caf\xe9.jpg")]),
    ],
)
def test_lists_of_every_system(monkeypatch, data, null, names):
    send(monkeypatch, data)
    assert read_inputs(["x.jpg", "-"], null) == [Path("x.jpg"), *map(Path, names)]


@pytest.mark.parametrize("data", [b"a.jpg\0b.jpg\0", "a.jpg\n".encode("utf-16")])
def test_zero_bytes_ask_for_the_option(monkeypatch, data):
    send(monkeypatch, data)
    with pytest.raises(ConfigError, match="--null"):
        read_inputs(["-"])


@pytest.mark.parametrize("null", [False, True])
def test_an_empty_list_is_an_error(monkeypatch, null):
    send(monkeypatch, b"")
    with pytest.raises(ConfigError, match="empty"):
        read_inputs(["-"], null)


def test_patterns_are_expanded_unless_a_file_has_that_name(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("a1.jpg", "a2.jpg", "[x].jpg", "x.jpg"):
        (tmp_path / name).touch()
    assert read_inputs(["a*.jpg"]) == [Path("a1.jpg"), Path("a2.jpg")]
    assert read_inputs(["[x].jpg"]) == [Path("[x].jpg")]
    assert read_inputs(["no*.jpg"]) == [Path("no*.jpg")]


def test_a_list_of_lines_is_not_one_name(monkeypatch):
    send(monkeypatch, b"a.jpg\nb.jpg\n")
    with pytest.raises(ConfigError, match="leave out --null"):
        read_inputs(["-"], null=True)


def test_a_closed_standard_input_is_an_error(monkeypatch):
    monkeypatch.setattr(sys, "stdin", None)
    with pytest.raises(ConfigError, match="closed"):
        read_inputs(["-"])


def test_an_empty_name_is_not_the_current_folder():
    with pytest.raises(ConfigError, match="empty"):
        read_inputs([""])
