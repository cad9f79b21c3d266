"""``colorflow train``: from arguments to a run, and its progress on a terminal."""

from __future__ import annotations

import dataclasses
import os
import sys
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn

from colorflow.cli import exit_codes
from colorflow.cli.printing import printable
from colorflow.errors import ConfigError

if TYPE_CHECKING:  # torch and lightning are imported once a run really starts
    from colorflow.training.config import TrainConfig
    from colorflow.training.plan import RunPlan

# Value of --val that holds nothing back.
NO_VAL = "none"
EXTRA = ("lightning", "tensorboard", "platformdirs")


@dataclass(frozen=True)
class Request:
    """The arguments of ``colorflow train``; None where one was not given.

    ``usual`` is the preset where none is named; the run has to be of its domain. ``init`` names a
    model whose architecture and weights the run begins with. ``val`` is a folder, or
    :data:`NO_VAL`.
    """

    data: Path | None
    out: Path | None
    val: str | None
    preset: str | None
    settings: list[str]
    resume: Path | None
    cache: Path | None
    device: Enum | None
    devices: int | None
    nodes: int | None
    usual: str = "photo"
    init: str | None = None
    site: str | None = None

    @property
    def val_folder(self) -> Path | None:
        """Folder of photos to report on; None where none was named."""
        return Path(self.val) if self.val is not None and self.val != NO_VAL else None


def run_training(request: Request, threads: int) -> int:
    """Start a run, or go on with one.

    Args:
        request: the arguments.
        threads: of the CPU; 0 for PyTorch's choice.

    Returns:
        The exit code.

    Raises:
        ConfigError: arguments are missing or contradict the run.
    """
    _require_extra()
    import torch

    from colorflow.training.fitting import TrainingStoppedError
    from colorflow.training.run import proceed, start

    if threads:
        torch.set_num_threads(threads)
    plan = _plan(request)
    with _Screen(plan.config.regress.active) as screen:
        try:
            act = proceed if request.resume else start
            act(plan, screen.log, screen.show)
        except TrainingStoppedError as stopped:
            screen.log(str(stopped))
            return exit_codes.INTERRUPTED
    return 0


def _plan(request: Request) -> RunPlan:
    import platformdirs

    from colorflow.models.presets import preset_names
    from colorflow.training.config import training_preset
    from colorflow.training.initial import look_at
    from colorflow.training.overrides import override
    from colorflow.training.plan import RunPlan, differences, read_plan

    if request.resume:
        plan = read_plan(request.resume)
        _require_domain(plan.config, request.usual)
        if request.preset or request.settings:
            base = training_preset(request.preset) if request.preset else plan.config
            wished = override(base, request.settings)
            changed = differences(plan.config, wished)
            if changed:
                raise ConfigError(
                    f"--resume {request.resume}: the run has another config "
                    f"({'; '.join(changed)}); leave out --preset and --set, or start a new run "
                    "with --out"
                )
        _require_same_photos(request, plan)
        if request.init:
            raise ConfigError(f"--resume {request.resume}: a run begins once; leave --init out")
        if request.out and request.out.absolute() != request.resume.absolute():
            raise ConfigError("--out: a resumed run stays in its folder; leave --out out")
        given: dict[str, Any] = {
            "cache": request.cache,
            "device": request.device and request.device.value,
            "devices": request.devices,
            "nodes": request.nodes,
        }
        return dataclasses.replace(plan, **{k: v for k, v in given.items() if v is not None})
    if request.data is None or request.out is None:
        missing = "--data" if request.data is None else "--out"
        raise ConfigError(f"{missing}: expected a folder; or --resume RUN to go on with a run")
    base, initial = training_preset(request.preset or request.usual), None
    if request.init:
        initial, info = look_at(request.init)
        own = info.config.name if info.config.name in preset_names() else request.usual
        base = dataclasses.replace(training_preset(request.preset or own), model=info.config)
    config = override(base, request.settings)
    _require_domain(config, request.usual)
    return RunPlan(
        config,
        request.data,
        request.val_folder,
        request.out,
        request.cache or Path(platformdirs.user_cache_dir("colorflow")) / "features",
        request.device.value if request.device else "auto",
        request.devices or 1,
        request.nodes or 1,
        initial,
        request.val != NO_VAL,
        request.site,
    )


def _require_same_photos(request: Request, plan: RunPlan) -> None:
    """Refuse to resume a run with other photos, or another split of them."""
    val = request.val_folder
    no_val = None if plan.hold_back else NO_VAL
    chosen: dict[str, tuple[object, object]] = {
        "data": (plan.data.absolute(), request.data and request.data.absolute()),
        "val": (
            plan.val.absolute() if plan.val else no_val,
            val.absolute() if val else request.val,
        ),
        "site": (plan.site, request.site),
    }
    for name, (ours, theirs) in chosen.items():
        if theirs is not None and theirs != ours:
            raise ConfigError(
                f"--resume {request.resume}: expected the run's --{name}, "
                f"{'which was not given' if ours is None else ours}, got {getattr(request, name)}; "
                f"leave --{name} out, or start a new run with --out"
            )


def _require_domain(config: TrainConfig, usual: str) -> None:
    from colorflow.models.presets import preset

    wished, found = preset(usual).domain, config.model.domain
    if wished != found:
        raise ConfigError(
            f"preset '{config.model.name}': it is for {found}, this command trains {wished}; use "
            f"colorflow train {'translate' if found == 'translation' else 'colorize'}"
        )


def _require_extra() -> None:
    from importlib.util import find_spec

    missing = [name for name in EXTRA if find_spec(name) is None]
    if missing:
        raise ConfigError(
            f"train: needs {', '.join(missing)}; install them with: "
            "pip install 'colorflow-cinn[train]'"
        )


class _Screen:
    """A progress bar on a terminal; elsewhere the lines of the log alone.

    Args:
        first_phase: there is a phase without a likelihood.
    """

    def __init__(self, first_phase: bool) -> None:
        self.silent = int(os.environ.get("LOCAL_RANK", 0)) > 0
        self.console = Console(stderr=True, highlight=False, soft_wrap=True, markup=False)
        self.bar: Progress | None = None
        if self.console.is_terminal and not self.silent:
            self.bar = Progress(
                BarColumn(), TextColumn("{task.description}", markup=False), console=self.console
            )
            self.task = self.bar.add_task("", total=1.0)

    def __enter__(self) -> _Screen:
        if self.bar:
            self.bar.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self.bar:
            self.bar.stop()

    def log(self, line: str) -> None:
        """Print a line."""
        if not self.silent:
            self.console.print(printable(line))
            sys.stderr.flush()

    def show(self, figures: dict[str, float]) -> None:
        """Move the bar."""
        if self.bar:
            self.bar.update(
                self.task, completed=figures["progress"], description=progress_line(figures)
            )


def progress_line(figures: dict[str, float]) -> str:
    """Say where a run is.

    Args:
        figures: of a step.

    Returns:
        Step, bits per dimension (or the loss, where there is no likelihood), images per second and
        the time left.
    """
    bits, left = figures["bits_per_dim"], int(figures["seconds_left"])
    quality = f"{bits:.3f} bits/dim" if bits == bits else f"loss {figures['loss']:.3f}"
    return (
        f"step {figures['step']:.0f}  {quality}  {figures['images_per_second']:.1f} images/s  "
        f"{left // 3600}:{left % 3600 // 60:02d}:{left % 60:02d} left"
    )
