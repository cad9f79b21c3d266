"""The commands that colour photos: colorize, transfer, recolor.

Nothing heavy is imported before a command runs, so that ``--help`` answers at once.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from colorflow.cli.options import (
    AddressOption,
    BatchOption,
    BorderOption,
    ChangedOption,
    Detail,
    DetailOption,
    Device,
    DeviceOption,
    DrawOption,
    DryRunOption,
    Engine,
    EngineOption,
    FailFastOption,
    Format,
    FormatOption,
    GlobOption,
    HintsOption,
    JobsOption,
    JsonOption,
    Keep,
    KeepOption,
    LatentsOption,
    MaxPixelsOption,
    ModelOption,
    NameOption,
    NullOption,
    OutOption,
    OverwriteOption,
    Pick,
    Precision,
    PrecisionOption,
    QualityOption,
    QuietOption,
    ReportOption,
    SaturationOption,
    SeedOption,
    SheetOption,
    SkipOption,
    Strategy,
    VividOption,
)
from colorflow.cli.settings import leave, pixels_of, rerun_of


def colorize(
    inputs: Annotated[
        list[str],
        typer.Argument(metavar="INPUT", help="Photos, folders, URLs; - for a list on stdin."),
    ],
    out: OutOption = "colorized",
    samples: Annotated[int, typer.Option(min=1, help="Variants per photo.")] = 4,
    pick: Annotated[Pick, typer.Option(help="Which of them are written.")] = Pick.all,
    saturation: SaturationOption = 1.0,
    temperature: Annotated[
        float | None,
        typer.Option(min=0.0, help="Spread of the variants; the model's own where not given."),
    ] = None,
    seed: SeedOption = 0,
    draw: DrawOption = Strategy.representative,
    vivid: VividOption = 1.0,
    detail: DetailOption = Detail.usual,
    hints: HintsOption = None,
    kind: FormatOption = Format.keep,
    quality: QualityOption = 95,
    metadata: KeepOption = Keep.keep,
    name: NameOption = None,
    latents: LatentsOption = False,
    contact_sheet: SheetOption = False,
    pattern: GlobOption = None,
    null: NullOption = False,
    skip_existing: SkipOption = False,
    changed: ChangedOption = False,
    overwrite: OverwriteOption = False,
    fail_fast: FailFastOption = False,
    dry_run: DryRunOption = False,
    report: ReportOption = None,
    ignore_border: BorderOption = False,
    max_pixels: MaxPixelsOption = None,
    jobs: JobsOption = 0,
    batch_size: BatchOption = 0,
    device: DeviceOption = Device.auto,
    precision: PrecisionOption = Precision.auto,
    model: ModelOption = "photo",
    engine: EngineOption = Engine.local,
    address: AddressOption = None,
    json: JsonOption = False,
    quiet: QuietOption = False,
) -> None:
    """Colour grey photos, several plausible ways each.

    What is done already is not done again: the same command goes on where it was interrupted.

    colorflow colorize scans/ -o coloured --samples 4 --contact-sheet
    """
    from colorflow.batch.config import BatchConfig
    from colorflow.cli.batch import run_batch
    from colorflow.cli.request import Request

    config = BatchConfig(
        samples,
        saturation,
        temperature,
        seed,
        pick.value,
        kind.value,
        quality,
        metadata.value,
        name,
        latents,
        rerun_of(skip_existing, changed, overwrite),
        fail_fast,
        jobs,
        batch_size,
        draw=draw.value,
        vivid=vivid,
        detail=float(detail.value),
        precision=precision.value,
        max_pixels=pixels_of(max_pixels),
        ignore_border=ignore_border,
    )
    request = Request(
        inputs,
        out,
        config,
        model,
        device.value,
        None,
        pattern,
        contact_sheet,
        report,
        dry_run,
        json,
        quiet,
        engine.value,
        address,
        hints,
        null,
    )
    leave(run_batch(request))


def transfer(
    reference: Annotated[str, typer.Argument(metavar="REFERENCE", help="A colour photo.")],
    targets: Annotated[
        list[str], typer.Argument(metavar="TARGET", help="Photos, folders, URLs; - for a list.")
    ],
    out: OutOption = "colorized",
    saturation: SaturationOption = 1.0,
    kind: FormatOption = Format.keep,
    quality: QualityOption = 95,
    metadata: KeepOption = Keep.keep,
    name: NameOption = None,
    null: NullOption = False,
    skip_existing: SkipOption = False,
    changed: ChangedOption = False,
    overwrite: OverwriteOption = False,
    dry_run: DryRunOption = False,
    report: ReportOption = None,
    ignore_border: BorderOption = False,
    max_pixels: MaxPixelsOption = None,
    jobs: JobsOption = 0,
    device: DeviceOption = Device.auto,
    precision: PrecisionOption = Precision.auto,
    model: ModelOption = "photo",
    engine: EngineOption = Engine.local,
    address: AddressOption = None,
    json: JsonOption = False,
    quiet: QuietOption = False,
) -> None:
    """Colour photos by the latent code of a reference of similar layout.

    colorflow transfer summer.jpg series/ -o coloured
    """
    from colorflow.batch.config import BatchConfig
    from colorflow.batch.places import place
    from colorflow.cli.batch import run_batch
    from colorflow.cli.request import Request

    config = BatchConfig(
        samples=1,
        saturation=saturation,
        format=kind.value,
        quality=quality,
        metadata=metadata.value,
        name=name,
        rerun=rerun_of(skip_existing, changed, overwrite),
        jobs=jobs,
        precision=precision.value,
        max_pixels=pixels_of(max_pixels),
        ignore_border=ignore_border,
    )
    request = Request(
        targets,
        out,
        config,
        model,
        device.value,
        place(reference),
        report=report,
        dry_run=dry_run,
        json=json,
        quiet=quiet,
        engine=engine.value,
        address=address,
        null=null,
    )
    leave(run_batch(request))


def recolor(
    files: Annotated[list[Path], typer.Argument(metavar="FILE", help="Results of colorize.")],
    out: Annotated[
        str | None,
        typer.Option("--out", "-o", help="Folder of the results; beside the file where not given."),
    ] = None,
    saturation: Annotated[
        float | None,
        typer.Option(
            "--saturation",
            "--strength",
            min=0.0,
            help="Another length of the latents than the file's.",
        ),
    ] = None,
    vivid: Annotated[
        float | None,
        typer.Option(min=0.0, help="Another factor on the colours than the file's, 0 to 2."),
    ] = None,
    source: Annotated[
        Path | None,
        typer.Option(help="The grey photo, or its folder; where not given, the report tells."),
    ] = None,
    overwrite: OverwriteOption = False,
    device: DeviceOption = Device.auto,
    model: Annotated[
        str | None,
        typer.Option(help="Model that made them, or the path of one. [usual: as the files say]"),
    ] = None,
) -> None:
    """Make a variant again from what its file says, or with another saturation.

    colorflow recolor coloured/cat_v3.jpg --saturation 0.7
    """
    from colorflow.cli.recolor import Request, run_recolor

    request = Request(files, out, saturation, vivid, source, overwrite, device.value, model)
    leave(run_recolor(request))
