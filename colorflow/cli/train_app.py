"""The commands that train: ``colorflow train colorize`` and ``colorflow train translate``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from colorflow.cli.options import EPILOG, Device, SiteOption

train_app = typer.Typer(
    no_args_is_help=True, rich_markup_mode=None, help="Train a model on photos of your own."
)

InitOption = Annotated[
    str | None,
    typer.Option(
        metavar="MODEL", help="Begin with the weights of a model, e.g. photo or night, or a path."
    ),
]
RunOption = Annotated[Path | None, typer.Option("--out", "-o", help="Folder of the run.")]
SettingsOption = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="KEY=VALUE", help="Change a setting; may be repeated."),
]
ResumeOption = Annotated[
    Path | None, typer.Option(metavar="RUN", help="Go on with a run that was stopped.")
]
CacheOption = Annotated[
    Path | None, typer.Option(help="Folder of the feature caches, which runs share.")
]
WhereOption = Annotated[Device | None, typer.Option(help="Where to compute.")]
DevicesOption = Annotated[
    int | None, typer.Option(min=1, help="GPUs, or processes on a CPU, per machine.")
]
NodesOption = Annotated[int | None, typer.Option(min=1, help="Machines.")]
ThreadsOption = Annotated[
    int, typer.Option(min=0, help="CPU threads per process; 0 leaves the choice to PyTorch.")
]


@train_app.command(epilog=EPILOG)
def colorize(
    data: Annotated[
        Path | None, typer.Option(help="Folder of colour photos, searched for all of them.")
    ] = None,
    out: RunOption = None,
    val: Annotated[
        str | None,
        typer.Option(
            metavar="FOLDER|none",
            help="Photos to report on, or none to train on all of --data. "
            "[usual: a fiftieth of --data]",
        ),
    ] = None,
    preset: Annotated[str | None, typer.Option(help="photo, paper or tiny.")] = None,
    init: InitOption = None,
    settings: SettingsOption = None,
    resume: ResumeOption = None,
    cache: CacheOption = None,
    device: WhereOption = None,
    devices: DevicesOption = None,
    nodes: NodesOption = None,
    threads: ThreadsOption = 0,
) -> None:
    """Train a colorizer on a folder of colour photos.

    colorflow train colorize --data photos/ --out run
    """
    from colorflow.cli.train import Request, run_training

    request = Request(
        data, out, val, preset, settings or [], resume, cache, device, devices, nodes, "photo", init
    )
    _finish(run_training(request, threads))


@train_app.command(epilog=EPILOG)
def translate(
    data: Annotated[
        Path | None,
        typer.Option(
            help="Pairs: NAME_day and NAME_night, folders day/ and night/, pictures side by side, "
            "or a CSV file."
        ),
    ] = None,
    out: RunOption = None,
    val: Annotated[
        str | None,
        typer.Option(
            metavar="PAIRS|none",
            help="Pairs of other sites to report on, or none to train on all of --data. "
            "[usual: a tenth of the sites of --data]",
        ),
    ] = None,
    site: SiteOption = None,
    preset: Annotated[str | None, typer.Option(help="translate or translate-tiny.")] = None,
    init: InitOption = None,
    settings: SettingsOption = None,
    resume: ResumeOption = None,
    cache: CacheOption = None,
    device: WhereOption = None,
    devices: DevicesOption = None,
    nodes: NodesOption = None,
    threads: ThreadsOption = 0,
) -> None:
    """Train a translator, e.g. from day to night, on pairs of photos.

    colorflow train translate --data pairs/ --out run
    """
    from colorflow.cli.train import Request, run_training

    request = Request(
        data,
        out,
        val,
        preset,
        settings or [],
        resume,
        cache,
        device,
        devices,
        nodes,
        "translate",
        init,
        site,
    )
    _finish(run_training(request, threads))


def _finish(code: int) -> None:
    if code:
        raise typer.Exit(code)
