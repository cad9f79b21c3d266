"""The commands that work on many photos: what they share, and running them."""

from __future__ import annotations

import signal
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from colorflow.batch.discover import Discovery, discover
from colorflow.batch.hint_file import hints_for_jobs
from colorflow.batch.ownership import owned
from colorflow.batch.painters import Painter, SamplePainter, TransferPainter
from colorflow.batch.places import full_name, place
from colorflow.batch.report import NAME, Report
from colorflow.batch.results import Result
from colorflow.batch.run import Plan, plan_job, require_writable
from colorflow.batch.sheets import require_free, write_page, write_sheets
from colorflow.cli.engines import Running, engine_of
from colorflow.cli.inputs import read_inputs
from colorflow.cli.report import Reporter
from colorflow.cli.request import Request
from colorflow.colorize import Colorizer
from colorflow.errors import ConfigError
from colorflow.images.contact_sheet import ContactSheet
from colorflow.translate import Translator

STDOUT = "-"


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
    if request.report == STDOUT and request.json:
        raise ConfigError("--report -, --json: both print to standard output; choose one")
    out = place(request.out)
    found = discover(read_inputs(request.inputs, request.null), out, request.pattern)
    if request.hints is not None:
        hints = hints_for_jobs(request.hints, found.jobs, out)
        request = replace(request, config=replace(request.config, hints=hints))
    # With Ray, workers compute; this process has to know the settings only.
    device = "cpu" if request.engine == "ray" else request.device
    painter = _painter(request, device)
    pages = _sheet(out).page_paths(len(found.jobs)) if request.sheet else []
    report = _report_path(request, out)
    others = [*([] if report is None else [report]), *pages]
    inputs = [path for path in (request.reference, request.hints) if path is not None]
    plan = plan_job(found.jobs, painter, request.config, others, inputs)
    require_free(pages, request.config.rerun == "overwrite")
    if request.dry_run:
        with engine_of(request, painter, plan, out) as running:
            return _follow(request, found, painter, plan, running, out)
    require_writable(out)
    with owned(out), engine_of(request, painter, plan, out) as running:
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
        job = {"settings": painter.settings, "device": running.device, "out": full_name(out)}
        path = _report_path(request, out)
        report = Report(path, job, sys.stdout if path is None else None)
    model = painter.colorizer.model_id
    done = painter.colorizer.domain.done
    total = len(found.jobs) + len(found.problems)
    reporter = Reporter(total, running.device, model, request.json, request.quiet, done)
    if report and report.set_aside:
        reporter.say(f"note: the report of another job was set aside as {report.set_aside}")
    if plan.marked and not request.quiet:
        reporter.say(f"note: {_told_marked(plan)}")

    def take(result: Result) -> None:
        reporter.take(result)
        if report:
            report.add(result)

    try:
        for path, kind in found.passed:
            take(Result(path, "passed over", reason=kind))
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
    if found.passed:
        reporter.say(f"passed over, as no photos: {found.passed_over()}")
    return reporter.summary(request.out, report.path if report else None)


def _told_marked(plan: Plan) -> str:
    job = plan.marked[0]
    return (
        "names of results that others have, too, got a part that tells them apart, "
        f"{len(plan.marked)} in all: {job.source} becomes {plan.outputs[job][0].name}"
    )


def _report_path(request: Request, out: Path) -> Path | None:
    """Give the place of the report; None for standard output."""
    if request.report == STDOUT:
        return None
    return out / NAME if request.report is None else place(request.report)


def _sheet(out: Path) -> ContactSheet:
    return ContactSheet(out / "contact_sheet.jpg", write=write_page)


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
