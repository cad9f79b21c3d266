"""Trees of names as people, cameras and other systems make them."""

from __future__ import annotations

import os
from pathlib import Path

from hypothesis import strategies as st

# Names of folders and files: cases, normal forms, dots, spaces, bytes that are no text, long ones.
PART = st.one_of(
    st.sampled_from(["a", "A", "é", "e\u0301", "a.b", "a..", " a", "ﬁ", "\u202ex", "a\n", "*[!]"]),
    st.text("aA.é\u0301 _v1", min_size=1, max_size=4),
    st.integers(1, 4).map(lambda n: os.fsdecode(b"\xe9\xff" * n)),
    st.sampled_from(["x" * 200, "x" * 251, "漢" * 83]),
).filter(lambda name: name.strip(".") and not name.startswith("."))
FILE = st.tuples(PART, st.sampled_from([".jpg", ".JPG", ".png", ".bmp", ".tif"])).map("".join)
BELOW = st.tuples(st.lists(PART, max_size=2), FILE)
TREE = st.sets(BELOW.map(lambda parts: Path(*parts[0], parts[1])), min_size=1)
