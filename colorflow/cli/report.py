"""What a run prints: a progress bar on a terminal, plain lines elsewhere, and a summary."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeRemainingColumn,
)

from colorflow.batch.run import Result
from colorflow.cli import exit_codes


class Reporter:
    """Follows a run and tells about it on standard error.

    Args:
        total: photos to come.
        device: where they are computed.
        model: which model colours them.
    """

    def __init__(self, total: int, device: str, model: str) -> None:
        self.total = total
        self.done = self.written = self.coloured = 0
        self.failed: list[str] = []
        self.interrupted = False
        self.start = time.monotonic()
        self.console = Console(stderr=True, highlight=False, soft_wrap=True, markup=False)
        self._say(f"model {model} on {device}, {total} photo{'s' * (total != 1)}")

    def run(self, results: Iterable[Result], missing: Sequence[Path]) -> None:
        """Take results as they come; an interrupt ends the run after what is done.

        Args:
            results: one per photo.
            missing: inputs that do not exist; they count as failed.
        """
        for path in missing:
            self._fail(f"{path}: expected a photo or a folder, found nothing; check the path")
        try:
            if self.console.is_terminal:
                with self._bar() as bar:
                    task = bar.add_task("", total=self.total, name="")
                    for result in results:
                        self._take(result)
                        bar.update(task, advance=1, name=result.source.name)
            else:
                for result in results:
                    self._take(result)
                    if not result.error:
                        count = f"[{self.done + len(self.failed) - len(missing)}/{self.total}]"
                        self._say(f"{count} {result.source} ({result.seconds:.1f} s)")
        except KeyboardInterrupt:
            self.interrupted = True

    def summary(self, out: Path, pages: Sequence[Path]) -> int:
        """Print the summary.

        Args:
            out: folder of the results.
            pages: contact sheets that were written.

        Returns:
            The exit code.
        """
        seconds = time.monotonic() - self.start
        if self.coloured:
            which = f"{self.coloured} photo{'s' * (self.coloured != 1)}"
            self._say(f"note: {which} had colours already; only the lightness was used")
        parts = [f"{self.done} coloured", f"{self.written} files in {out}"]
        if self.failed:
            parts.append(f"{len(self.failed)} failed")
        for page in pages:
            parts.append(f"contact sheet {page}")
        self._say(f"{', '.join(parts)}, {seconds:.1f} s")
        if self.interrupted:
            self._say("interrupted; finished photos are kept")
            return exit_codes.INTERRUPTED
        if self.failed:
            return exit_codes.SOME_FAILED
        return 0 if self.done else exit_codes.NOTHING_FOUND

    def _take(self, result: Result) -> None:
        for note in result.notes:
            self._say(f"note: {result.source}: {note}")
        if result.error:
            self._fail(result.error)
            return
        self.done += 1
        self.written += len(result.outputs)
        self.coloured += result.coloured

    def _fail(self, reason: str) -> None:
        self.failed.append(reason)
        self._say(f"failed: {reason}")

    def _say(self, line: str) -> None:
        self.console.print(line)

    def _bar(self) -> Progress:
        return Progress(
            BarColumn(),
            MofNCompleteColumn(),
            TimeRemainingColumn(),
            TextColumn("{task.fields[name]}", markup=False),
            console=self.console,
        )


def print_data(data: Mapping[str, Any], as_json: bool) -> None:
    """Print facts on standard output.

    Args:
        data: plain data.
        as_json: as JSON, else one indented line per fact.
    """
    if as_json:
        json.dump(data, sys.stdout, indent=2)
        print()
        return
    _print_lines(data, "")


def _print_lines(data: Mapping[str, Any], indent: str) -> None:
    for name, value in data.items():
        if isinstance(value, Mapping):
            print(f"{indent}{name}:")
            _print_lines(value, indent + "  ")
        elif isinstance(value, (list, tuple)) and value and isinstance(value[0], Mapping):
            print(f"{indent}{name}:")
            for entry in value:
                print(f"{indent}  " + "  ".join(f"{k} {_short(v)}" for k, v in entry.items()))
        else:
            print(f"{indent}{name}: {_short(value)}")


def _short(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.4g}"
    if isinstance(value, (list, tuple)):
        return ", ".join(_short(v) for v in value)
    if value is None or isinstance(value, bool):
        return {True: "yes", False: "no", None: "-"}[value]
    return str(value)
