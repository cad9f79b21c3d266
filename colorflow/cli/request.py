"""What the user asked of the commands that work on many photos."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from colorflow.batch.config import BatchConfig


@dataclass(frozen=True)
class Request:
    """What the user asked for, as typed.

    Args:
        inputs: files, folders, URLs, or ``-`` for a list on standard input.
        out: folder of the results.
        config: how to colour.
        model: name or file.
        device: where to compute.
        reference: whose code is transferred; None to draw samples.
        pattern: names to take in folders.
        sheet: write contact sheets.
        report: place of the report, ``-`` for standard output; None for the usual one.
        dry_run: only look.
        json: print the report's lines.
        quiet: print failures and the summary only.
        engine: ``"local"`` or ``"ray"``.
        address: of the Ray cluster; None for the usual one.
        hints: file of colour hints, or None.
        null: names on standard input end with a zero byte.
        translate: photos into other photos, instead of colouring them.
    """

    inputs: Sequence[str]
    out: str
    config: BatchConfig = field(default_factory=BatchConfig)
    model: str = "photo"
    device: str = "auto"
    reference: Path | None = None
    pattern: str | None = None
    sheet: bool = False
    report: str | None = None
    dry_run: bool = False
    json: bool = False
    quiet: bool = False
    engine: str = "local"
    address: str | None = None
    hints: Path | None = None
    null: bool = False
    translate: bool = False
