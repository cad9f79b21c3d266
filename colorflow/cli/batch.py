"""The commands that work on many photos: what they share, and running them."""

from __future__ import annotations

import glob
import os
import signal
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from colorflow.batch.config import BatchConfig
from colorflow.batch.discover import discover
from colorflow.batch.painters import Painter, SamplePainter, TransferPainter
from colorflow.batch.places import place
from colorflow.batch.report import NAME, Report
from colorflow.batch.results import Result
from colorflow.batch.run import plan_job, require_writable, run_jobs
from colorflow.batch.sheets import write_sheets
from colorflow.cli.report import Reporter
from colorflow.colorize import Colorizer
from colorflow.errors import ConfigError
from colorflow.images.contact_sheet import ContactSheet


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
        report: place of the report; None for the usual one.
        dry_run: only look.
        json: print the report's lines.
        quiet: print failures and the summary only.
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


def run_batch(request: Request) -> int:
    """Do what was asked for, and tell about it.

    Args:
        request: what was asked for.

    Returns:
        The exit code.

    Raises:
        ColorflowError: the job cannot be begun, or not go on.
    """
    out = place(request.out)
    found = discover(_inputs(request.inputs), out, request.pattern)
    colorizer = Colorizer.from_pretrained(request.model, request.device)
    painter = _painter(colorizer, request)
    sheet = ContactSheet(out / "contact_sheet.jpg") if request.sheet else None
    report_path = place(request.report) if request.report else out / NAME
    others = [report_path, *(sheet.page_paths(len(found.jobs)) if sheet else ())]
    inputs = [request.reference] if request.reference else []
    plan = plan_job(found.jobs, painter, request.config, others, inputs)
    report = None
    if not request.dry_run:
        require_writable(out)
        job = {"settings": painter.settings, "device": str(colorizer.device), "out": str(out)}
        report = Report(report_path, job)
    reporter = Reporter(
        len(found.jobs), str(colorizer.device), colorizer.model_id, request.json, request.quiet
    )
    if report and report.set_aside:
        reporter.say(f"note: the report of another job was set aside as {report.set_aside}")

    def take(result: Result) -> None:
        reporter.take(result)
        if report:
            report.add(result)

    results = run_jobs(painter, found.jobs, request.config, look_only=request.dry_run, plan=plan)
    try:
        for path, reason in found.problems:
            take(Result(path, "failed", reason=f"{path}: {reason}"))
        with reporter.progress(), _terminable():
            try:
                for result in results:
                    take(result)
            except KeyboardInterrupt:
                reporter.interrupted = True
            finally:
                results.close()
        if sheet and not request.dry_run and not reporter.interrupted:
            reporter.pages = write_sheets(sheet, plan.outputs)
    finally:
        if report:
            report.close()
    return reporter.summary(request.out, report_path if report else None)


def _inputs(typed: Sequence[str]) -> list[Path]:
    listed: list[str] = []
    for text in typed:
        if text == "-":
            listed += [line.rstrip("\r\n") for line in sys.stdin if line.strip()]
        else:
            listed.append(text)
    if not listed:
        raise ConfigError("inputs: expected photos or folders, the list on standard input is empty")
    return [place(text) for name in listed for text in _expanded(name)]


def _expanded(text: str) -> list[str]:
    """Expand a pattern that the shell did not, as that of Windows does not."""
    if "://" in text or not glob.has_magic(text) or os.path.lexists(text):
        return [text]
    return sorted(glob.glob(text, recursive=True)) or [text]


def _painter(colorizer: Colorizer, request: Request) -> Painter:
    if request.reference is None:
        return SamplePainter(colorizer, request.config)
    return TransferPainter(colorizer, request.reference, request.config)


class _terminable:  # noqa: N801 - used like a function
    """While it lasts, a request to terminate ends the job as Ctrl-C does."""

    def __enter__(self) -> None:
        def interrupt(*_: object) -> None:
            raise KeyboardInterrupt

        self.before: Callable[..., object] | int | None = signal.signal(signal.SIGTERM, interrupt)

    def __exit__(self, *_: object) -> None:
        signal.signal(signal.SIGTERM, self.before)
