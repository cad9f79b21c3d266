"""The ``colorflow`` command: reads arguments, calls the layers below, prints.

Nothing heavy is imported before a command runs, so that ``--help`` answers at once.
"""

from __future__ import annotations

import sys
import warnings
from pathlib import Path
from typing import Annotated

import typer

from colorflow import __version__
from colorflow.cli import exit_codes
from colorflow.cli.jobs import colorize, recolor, transfer
from colorflow.cli.options import (
    EPILOG,
    Device,
    DeviceOption,
    DrawOption,
    JobsOption,
    JsonOption,
    ModelOption,
    SiteOption,
    Strategy,
)
from colorflow.cli.printing import printable
from colorflow.cli.train_app import train_app
from colorflow.cli.translate import translate
from colorflow.cli.ui import ui
from colorflow.errors import ColorflowError, ConfigError, NothingFoundError

app = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    epilog=EPILOG,
    help="Turn grey photos into many plausible colour photos.",
)


def _version(wanted: bool) -> None:
    if wanted:
        print(f"colorflow {__version__}")
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
    debug: Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")] = False,
) -> None:
    """Turn grey photos into many plausible colour photos."""


for command in (colorize, translate, transfer, recolor, ui):
    app.command(epilog=EPILOG)(command)

app.add_typer(train_app, name="train")


@app.command(epilog=EPILOG)
def evaluate(
    data: Annotated[
        Path, typer.Option(help="Folder of colour photos; for a translator, pairs as for training.")
    ],
    model: ModelOption = "photo",
    n: Annotated[int, typer.Option("--n", min=1, help="Samples per photo.")] = 8,
    seed: Annotated[int, typer.Option(help="Of the samples.")] = 0,
    temperature: Annotated[
        float | None,
        typer.Option(min=0.0, help="Spread of the samples; the model's own where not given."),
    ] = None,
    head: Annotated[
        Path | None,
        typer.Option(help="Regressor to compare with: regress.safetensors of a run."),
    ] = None,
    train: Annotated[
        Path | None,
        typer.Option(help="Pairs a translator was trained on, whose mean is a baseline."),
    ] = None,
    site: SiteOption = None,
    limit: Annotated[int, typer.Option(min=0, help="First so many photos; 0 for all.")] = 0,
    draw: DrawOption = Strategy.representative,
    calibration: Annotated[
        int,
        typer.Option(min=0, help="Photos to measure calibration on, by 39 samples each; 0: none."),
    ] = 100,
    full_size: Annotated[
        bool,
        typer.Option("--full-size", help="Finish and compare pictures at the size of the photos."),
    ] = False,
    jobs: JobsOption = 0,
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="Folder for table, figures and plot.")
    ] = None,
    device: DeviceOption = Device.auto,
    json: JsonOption = False,
) -> None:
    """Measure a model on photos whose truth is known, beside simple baselines.

    colorflow evaluate --model photo --data photos/ --n 8 -o measured
    """
    from colorflow.cli.evaluate import Request, run_evaluation

    request = Request(
        data, model, n, seed, temperature, head, limit, out, device.value, train,
        draw.value, calibration, full_size, jobs, site,
    )  # fmt: skip
    run_evaluation(request, json)


@app.command(epilog=EPILOG)
def explain(
    photo: Annotated[Path, typer.Argument(metavar="PHOTO", help="Any photo.")],
    out: Annotated[
        Path | None,
        typer.Option("--out", "-o", help="Picture to write. [usual: PHOTO_explained.png]"),
    ] = None,
    model: ModelOption = "photo",
    device: DeviceOption = Device.auto,
) -> None:
    """Show what each level of a model's condition network sees in a photo.

    colorflow explain cat.jpg --model photo -o cat_explained.png
    """
    from colorflow.cli.describe import write_explanation

    place = out or Path(f"{photo.stem}_explained.png")
    print(write_explanation(photo, place, model, device.value))


@app.command(epilog=EPILOG)
def info(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A picture, a model, or latents.")],
    json: JsonOption = False,
) -> None:
    """Tell what is in a file: which model, seed and settings made it."""
    from colorflow.cli.describe import describe_file
    from colorflow.cli.printing import print_data

    print_data(describe_file(file), json)


@app.command(epilog=EPILOG)
def doctor(
    model: ModelOption = "photo",
    device: DeviceOption = Device.auto,
    json: JsonOption = False,
) -> None:
    """Check the installation: weights, device, and how exactly the model inverts."""
    from colorflow.cli.describe import examine
    from colorflow.cli.printing import print_data

    report = examine(model, device.value)
    print_data(report, json)
    _finish(0 if report["healthy"] else exit_codes.FATAL)


def _finish(code: int) -> None:
    if code:
        raise typer.Exit(code)


def main() -> None:
    """Run the command line; errors become one line and an exit code."""
    debug = "--debug" in sys.argv
    # What is wrong with a file is said by us, in a line that names it.
    warnings.filterwarnings("ignore", module="PIL")
    # Wherever it stands on the line, not only before the command.
    arguments = [a for a in sys.argv[1:] if a != "--debug"]
    try:
        app(arguments)
    except KeyboardInterrupt:
        print("colorflow: interrupted; finished photos are kept", file=sys.stderr)
        sys.exit(exit_codes.INTERRUPTED)
    except Exception as error:
        if debug:
            raise
        known = isinstance(error, ColorflowError)
        text = str(error) if known else f"unexpected {type(error).__name__}: {error}"
        hint = "" if known else " (run again with --debug and report it)"
        text = text.replace("\n", " ")
        print(f"colorflow: {printable(text)}{hint}", file=sys.stderr)
        if isinstance(error, NothingFoundError):
            sys.exit(exit_codes.NOTHING_FOUND)
        sys.exit(exit_codes.USAGE if isinstance(error, ConfigError) else exit_codes.FATAL)
