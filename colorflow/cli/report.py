"""What a job prints: a progress bar on a terminal, plain lines elsewhere, and a summary."""

from __future__ import annotations

import contextlib
import json
import os
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeRemainingColumn,
)

from colorflow.batch.results import Result
from colorflow.cli import exit_codes
from colorflow.cli.printing import printable

STDERR = 2  # descriptor of standard error


class Reporter:
    """Follows a job and tells about it on standard error; data go to standard output.

    Args:
        total: photos to come, and names that lead to none.
        device: where they are computed.
        model: which model colours them.
        as_json: print a JSON line per photo, and one at the end.
        quiet: tell of failures and the end only.
        done: what photos are that are done.
    """

    def __init__(
        self,
        total: int,
        device: str,
        model: str,
        as_json: bool = False,
        quiet: bool = False,
        done: str = "coloured",
    ) -> None:
        self.total = total
        self.done = done
        self.as_json = as_json
        self.quiet = quiet
        # For data alone: what libraries print while the job runs must not get between.
        self.data = sys.stdout
        self.counts: Counter[str] = Counter()
        self.written = self.coloured = 0
        self.interrupted = False
        self.pages: Sequence[Path] = []
        self.start = time.monotonic()
        self.console = Console(stderr=True, highlight=False, soft_wrap=True, markup=False)
        self._advance = lambda result: None
        if not quiet:
            self.say(f"model {model} on {device}, {total} photo{'s' * (total != 1)}")

    @contextlib.contextmanager
    def progress(self) -> Iterator[None]:
        """Show a bar while the block lasts, where there is a terminal."""
        with (
            open(os.devnull, "w") as nowhere,
            contextlib.redirect_stdout(nowhere),
            self._libraries_silent(),
            self._shown(),
        ):
            yield

    @contextlib.contextmanager
    def _libraries_silent(self) -> Iterator[None]:
        """Drop what libraries write on standard error; those in C know the descriptor alone.

        What is wrong with a file is said by us, in a line that names it.
        """
        try:
            plain = sys.stderr.fileno() == STDERR
        except (OSError, ValueError):
            plain = False
        if not plain:  # somebody else has taken its place
            yield
            return
        # The copy is closed with the stream.
        copy = os.dup(STDERR)
        with (
            open(copy, "w", encoding=sys.stderr.encoding, errors=sys.stderr.errors) as stream,
            open(os.devnull, "w") as nowhere,
        ):
            sys.stderr.flush()
            os.dup2(nowhere.fileno(), STDERR)
            self.console.file = stream
            try:
                yield
            finally:
                stream.flush()
                os.dup2(copy, STDERR)
                self.console.file = sys.stderr

    @contextlib.contextmanager
    def _shown(self) -> Iterator[None]:
        if self.quiet or not self.console.is_terminal:
            yield
            return
        with self._bar() as bar:
            task = bar.add_task("", total=self.total, name="")
            self._advance = lambda result: bar.update(
                task, advance=1, name=printable(result.source.name)
            )
            yield

    def take(self, result: Result) -> None:
        """Tell of a photo.

        Args:
            result: what became of it.
        """
        self.counts[result.status] += 1
        if result.status == "passed over":
            if self.as_json:
                print(json.dumps(result.to_dict()), flush=True, file=self.data)
            return
        self.coloured += result.coloured
        if result.status == "ok":
            self.written += len(result.outputs)
        if self.as_json:
            print(json.dumps(result.to_dict()), flush=True, file=self.data)
        if result.status in ("failed", "stale"):
            label = "failed" if result.status == "failed" else f"not done: {result.source}"
            self.say(f"{label}: {result.reason}")
        elif not self.quiet:
            for note in result.notes:
                self.say(f"note: {result.source}: {note}")
            if not self.console.is_terminal and not self.as_json:
                what = f"{result.seconds:.1f} s" if result.status == "ok" else result.reason
                number = self.counts.total() - self.counts["passed over"]
                count = f"[{number}/{self.total}]"
                told = f" ({what})" if what else ""
                self.say(f"{count} {result.status} {result.source}{told}")
        self._advance(result)

    def summary(self, out: str, report: Path | None) -> int:
        """Print the end.

        Args:
            out: folder of the results.
            report: where the report is, if one was written.

        Returns:
            The exit code.
        """
        seconds = time.monotonic() - self.start
        if self.coloured:
            which = f"{self.coloured} photo{'s' * (self.coloured != 1)}"
            self.say(f"note: {which} had colours already; only the lightness was used")
        parts = []
        if self.counts["ok"] or not self.counts:
            parts = [f"{self.counts['ok']} {self.done}", f"{self.written} files in {out}"]
        for status, name in (
            ("to do", "to do"),
            ("skipped", "skipped"),
            ("stale", "not done, other results or files are in the way"),
            ("failed", "failed"),
        ):
            if self.counts[status]:
                parts.append(f"{self.counts[status]} {name}")
        parts += [f"contact sheet {page}" for page in self.pages]
        self.say(f"{', '.join(parts)}, {seconds:.1f} s")
        if report is not None and (self.counts["failed"] or self.counts["stale"]):
            self.say(f"reasons are in {report}")
        if self.as_json:
            summary = {"summary": dict(self.counts), "interrupted": self.interrupted}
            print(json.dumps(summary), flush=True, file=self.data)
        if self.interrupted:
            self.say("interrupted; what is done is kept, the same command goes on from here")
            return exit_codes.INTERRUPTED
        if self.counts["failed"] or self.counts["stale"]:
            return exit_codes.SOME_FAILED
        return 0

    def say(self, line: str) -> None:
        """Print a line on standard error.

        Args:
            line: may hold file names that are no proper text.
        """
        self.console.print(printable(line))

    def _bar(self) -> Progress:
        return Progress(
            BarColumn(),
            MofNCompleteColumn(),
            TimeRemainingColumn(),
            TextColumn("{task.fields[name]}", markup=False),
            console=self.console,
        )
