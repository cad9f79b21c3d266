"""The commands that work on many photos: what they share, and running them."""

from __future__ import annotations

import glob
import os
import signal
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from colorflow.batch.discover import Discovery, discover
from colorflow.batch.hint_file import hints_for_jobs
from colorflow.batch.painters import Painter, SamplePainter, TransferPainter
from colorflow.batch.places import place
from colorflow.batch.report import NAME, Report
from colorflow.batch.results import Result
from colorflow.batch.run import Plan, plan_job, require_writable
from colorflow.batch.sheets import write_page, write_sheets
from colorflow.cli.engines import Running, engine_of
from colorflow.cli.report import Reporter
from colorflow.cli.request import Request
from colorflow.colorize import Colorizer
from colorflow.errors import ConfigError
from colorflow.images.contact_sheet import ContactSheet
from colorflow.translate import Translator


def run_batch(request: Request) -> int:
    """Do what was asked for, and tell about it.

    Args:
        request: what was asked for.

    Returns:
        The exit code.

    Raises:
        ColorflowError: the job cannot be begun, or not go on.
    """
    if request.address is not None and request.engine != "ray":
        raise ConfigError("--address: belongs to a Ray cluster; say --engine ray as well")
    out = place(request.out)
    found = discover(_inputs(request.inputs), out, request.pattern)
    if request.hints is not None:
        hints = hints_for_jobs(request.hints, found.jobs, out)
        request = replace(request, config=replace(request.config, hints=hints))
    # With Ray, workers compute; this process has to know the settings only.
    device = "cpu" if request.engine == "ray" else request.device
    painter = _painter(request, device)
    pages = _sheet(out).page_paths(len(found.jobs)) if request.sheet else []
    others = [_report_path(request, out), *pages]
    inputs = [path for path in (request.reference, request.hints) if path is not None]
    plan = plan_job(found.jobs, painter, request.config, others, inputs)
    if not request.dry_run:
        require_writable(out)
    with engine_of(request, painter, plan, out) as running:
        return _follow(request, found, painter, plan, running, out)


def _follow(
    request: Request,
    found: Discovery,
    painter: Painter,
    plan: Plan,
    running: Running,
    out: Path,
) -> int:
    """Run a job, and tell about it while it lasts."""
    report = None
    if not request.dry_run:
        job = {"settings": painter.settings, "device": running.device, "out": str(out)}
        report = Report(_report_path(request, out), job)
    model = painter.colorizer.model_id
    done = painter.colorizer.domain.done
    reporter = Reporter(len(found.jobs), running.device, model, request.json, request.quiet, done)
    if report and report.set_aside:
        reporter.say(f"note: the report of another job was set aside as {report.set_aside}")

    def take(result: Result) -> None:
        reporter.take(result)
        if report:
            report.add(result)

    try:
        for path, reason in found.problems:
            take(Result(path, "failed", reason=f"{path}: {reason}"))
        with reporter.progress(), _terminable():
            try:
                for result in running.results:
                    take(result)
            except KeyboardInterrupt:
                reporter.interrupted = True
            finally:
                running.results.close()
        if request.sheet and not request.dry_run and not reporter.interrupted:
            reporter.pages = write_sheets(_sheet(out), plan.outputs, request.translate)
    finally:
        if report:
            report.close()
    return reporter.summary(request.out, report.path if report else None)


def _report_path(request: Request, out: Path) -> Path:
    return place(request.report) if request.report else out / NAME


def _sheet(out: Path) -> ContactSheet:
    return ContactSheet(out / "contact_sheet.jpg", write=write_page)


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


def _painter(request: Request, device: str) -> Painter:
    if request.translate:
        translator = Translator.from_pretrained(
            request.model, device, precision=request.config.precision
        )
        return SamplePainter(translator, request.config)
    colorizer = Colorizer.from_pretrained(request.model, device, precision=request.config.precision)
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
