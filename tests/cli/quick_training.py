"""Arguments of training runs that take a second."""

from __future__ import annotations

TINY = ("--preset", "tiny", "--device", "cpu")
QUICK = ("--set", "data.smallest=16", "--set", "batch=4", "--set", "regress.steps=2")
