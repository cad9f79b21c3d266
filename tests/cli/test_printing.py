"""Texts made safe to print."""

import os

import pytest

from colorflow.cli.printing import printable


@pytest.mark.parametrize(
    ("text", "printed"),
    [
        ("plain é 日本　x", "plain é 日本　x"),
        ("a\nb\rc\td", r"a\nb\rc\td"),
        ("\x1b]0;title\x07", r"\x1b]0;title\x07"),
        ("\x9b31m", r"\x9b31m"),
        ("x\u2028y\u202ez\u2066", r"x\u2028y\u202ez\u2066"),
        (os.fsdecode(b"caf\xe9"), r"caf\xe9"),
        ("\U0001f468\u200d\U0001f469", "\U0001f468\u200d\U0001f469"),
    ],
)
def test_only_what_moves_the_cursor_or_turns_the_writing_is_escaped(text, printed):
    assert printable(text) == printed
