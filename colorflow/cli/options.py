"""Options that several commands share."""

from __future__ import annotations

from enum import Enum
from pathlib import Path
from typing import Annotated

import typer

EPILOG = (
    "Exit codes: 0 all done, 1 fatal, 2 usage, 3 some photos were not done, 4 no photo found, "
    "130 interrupted."
)


class Device(str, Enum):
    """Where to compute."""

    auto = "auto"
    cpu = "cpu"
    cuda = "cuda"
    mps = "mps"


class Format(str, Enum):
    """File format of results."""

    keep = "keep"
    jpg = "jpg"
    png = "png"
    webp = "webp"
    tif = "tif"


class Keep(Enum):
    """What of a photo's metadata goes with its results."""

    keep = "keep"
    no_gps = "no-gps"
    strip = "strip"


class Pick(str, Enum):
    """Which variants are written."""

    all = "all"
    best_typical = "best-typical"
    medoid = "medoid"
    most_colourful = "most-colourful"


class Strategy(str, Enum):
    """How variants are drawn."""

    representative = "representative"
    independent = "independent"


class Detail(str, Enum):
    """Factor on the size at which the model sees a photo."""

    usual = "1"
    finer = "1.5"
    finest = "2"


class Precision(str, Enum):
    """Of the networks that look at a photo."""

    auto = "auto"
    single = "32"
    half = "bf16"


class Engine(str, Enum):
    """What runs a job."""

    local = "local"
    ray = "ray"


ModelOption = Annotated[str, typer.Option(help="Bundled model name, or a .safetensors file.")]
DeviceOption = Annotated[Device, typer.Option(help="Where to compute.")]
PrecisionOption = Annotated[
    Precision,
    typer.Option(help="Of the features: auto takes bf16 where the CPU has instructions for it."),
]
FormatOption = Annotated[Format, typer.Option("--format", help="File format of the results.")]
OutOption = Annotated[str, typer.Option("--out", "-o", help="Folder of the results, or a URL.")]
SaturationOption = Annotated[
    float, typer.Option(min=0.0, help="Length of the latents, 0 to 1.5: 0 is muted, 1 as sampled.")
]
VividOption = Annotated[
    float, typer.Option(min=0.0, help="Factor on the colours of the results, 0 to 2.")
]
DrawOption = Annotated[
    Strategy,
    typer.Option(
        "--draw",
        help="Variants: representative ones, chosen among 32 draws, or independent draws.",
    ),
]
DetailOption = Annotated[
    Detail,
    typer.Option(
        help="Size at which the model sees the photo, for small faces and things: 1.5 takes about "
        "2.3 times the time and memory of the networks, 2 about 4 times."
    ),
]
SeedOption = Annotated[int, typer.Option(help="Same seed, same colours.")]
QualityOption = Annotated[int, typer.Option(min=1, max=100, help="Of JPEG and WebP.")]
KeepOption = Annotated[
    Keep, typer.Option("--metadata", help="EXIF, XMP and IPTC: keep, without places, or strip.")
]
NameOption = Annotated[
    str | None,
    typer.Option(
        "--name", help="Of the results: {stem} {k} {from} {parent} {ext}. [usual: {stem}_v{k}{ext}]"
    ),
]
LatentsOption = Annotated[
    bool, typer.Option("--latents", help="Also write the latent code of each result.")
]
SheetOption = Annotated[
    bool, typer.Option("--contact-sheet", help="Also write all results side by side.")
]
SkipOption = Annotated[
    bool,
    typer.Option("--skip-existing", help="Leave results that are there alone. [usual]"),
]
OverwriteOption = Annotated[
    bool, typer.Option("--overwrite", help="Make all results again, whatever is there.")
]
ChangedOption = Annotated[
    bool, typer.Option("--changed", help="Make results of other settings again.")
]
FailFastOption = Annotated[
    bool, typer.Option("--fail-fast", help="End with the first photo that fails.")
]
DryRunOption = Annotated[bool, typer.Option("--dry-run", help="Only say what would be done.")]
JobsOption = Annotated[
    int, typer.Option(min=0, help="Photos worked on at the same time; 0 for one per core.")
]
EngineOption = Annotated[
    Engine, typer.Option(help="What runs the job: this machine, or a cluster by Ray.")
]
AddressOption = Annotated[
    str | None, typer.Option(metavar="HOST:PORT", help="Of the Ray cluster, for --engine ray.")
]
BatchOption = Annotated[
    int, typer.Option("--batch-size", min=0, help="Photos per call; 0 for what suits the device.")
]
ReportOption = Annotated[
    str | None,
    typer.Option(help="JSON lines; - for standard output. [usual: OUT/colorflow-report.jsonl]"),
]
NullOption = Annotated[
    bool, typer.Option("--null", "-0", help="The list on stdin is that of find -print0.")
]
BorderOption = Annotated[
    bool,
    typer.Option(
        "--ignore-border",
        help="Colour only the picture inside the border of a scan; the border stays as it is.",
    ),
]
MaxPixelsOption = Annotated[
    float | None,
    typer.Option("--max-pixels", min=0.001, help="Largest photo, in megapixels. [usual: 200]"),
]
HintsOption = Annotated[
    Path | None,
    typer.Option("--hints", metavar="FILE", help="Wished colours at places of photos, JSON."),
]
GlobOption = Annotated[
    str | None, typer.Option("--glob", help="In folders, take only names like this.")
]
SiteOption = Annotated[
    str | None,
    typer.Option(
        metavar="REGEX",
        help="Finds the site in the name of a pair: its first group, or the whole match. Pairs of "
        "one site stay together. [usual: guessed by folder or name]",
    ),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON.")]
QuietOption = Annotated[bool, typer.Option("--quiet", "-q", help="Only failures and the summary.")]
