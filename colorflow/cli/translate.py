"""The command that translates photos: translate.

Nothing heavy is imported before a command runs, so that ``--help`` answers at once.
"""

from __future__ import annotations

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
    QualityOption,
    QuietOption,
    ReportOption,
    SeedOption,
    SheetOption,
    SkipOption,
    Strategy,
)
from colorflow.cli.settings import leave, pixels_of, rerun_of


def translate(
    inputs: Annotated[
        list[str],
        typer.Argument(metavar="INPUT", help="Photos, folders, URLs; - for a list on stdin."),
    ],
    out: OutOption = "translated",
    samples: Annotated[int, typer.Option(min=1, help="Variants per photo.")] = 4,
    pick: Annotated[Pick, typer.Option(help="Which of them are written.")] = Pick.all,
    strength: Annotated[
        float,
        typer.Option(min=0.0, help="Length of the latents, 0 to 1.5: 0 is plain, 1 as sampled."),
    ] = 1.0,
    temperature: Annotated[
        float | None,
        typer.Option(min=0.0, help="Spread of the variants; the model's own where not given."),
    ] = None,
    seed: SeedOption = 0,
    draw: DrawOption = Strategy.representative,
    detail: DetailOption = Detail.usual,
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
    model: ModelOption = "night",
    engine: EngineOption = Engine.local,
    address: AddressOption = None,
    json: JsonOption = False,
    quiet: QuietOption = False,
) -> None:
    """Turn photos into others of the same scene, e.g. day into night, several ways each.

    colorflow translate day/ -o night --samples 4
    """
    from colorflow.batch.config import BatchConfig
    from colorflow.cli.batch import run_batch
    from colorflow.cli.request import Request

    config = BatchConfig(
        samples,
        strength,
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
        detail=float(detail.value),
        max_pixels=pixels_of(max_pixels),
        ignore_border=ignore_border,
    )
    request = Request(
        inputs,
        out,
        config,
        model,
        device.value,
        pattern=pattern,
        sheet=contact_sheet,
        report=report,
        dry_run=dry_run,
        json=json,
        quiet=quiet,
        engine=engine.value,
        address=address,
        null=null,
        translate=True,
    )
    leave(run_batch(request))
