"""``colorflow evaluate``: measure a model, print the table, write what was asked for."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from rich.console import Console

from colorflow.batch.run import require_writable
from colorflow.devices import choose_device
from colorflow.errors import ConfigError
from colorflow.evaluation.classifier import load_classifier
from colorflow.evaluation.examples import Example, PairExample
from colorflow.evaluation.head import load_head, own_head
from colorflow.evaluation.measured import Protocol
from colorflow.evaluation.plots import reliability_plot
from colorflow.evaluation.protocol import evaluate
from colorflow.evaluation.shares import share_reliability
from colorflow.evaluation.summary import summarise
from colorflow.evaluation.table import markdown
from colorflow.files import written_whole
from colorflow.resources import bundled_path
from colorflow.training.pairs import survey_pairs
from colorflow.training.sites import compile_site, sites_line
from colorflow.training.survey import Survey, list_photos
from colorflow.translate import Translator, load_sampler


@dataclass(frozen=True)
class Request:
    """The arguments of ``colorflow evaluate``."""

    data: Path
    model: str
    n: int
    seed: int
    temperature: float | None
    head: Path | None
    limit: int
    out: Path | None
    device: str
    train: Path | None = None
    draw: str = "representative"
    calibration: int = 100
    full_size: bool = False
    jobs: int = 0
    site: str | None = None


def run_evaluation(request: Request, as_json: bool) -> None:
    """Measure and print.

    Args:
        request: the arguments.
        as_json: print JSON instead of a table.

    Raises:
        NothingFoundError: there is no photo to measure.
        CheckpointError: a model cannot be used.
        ConfigError: the site's regular expression is wrong, does not match every pair, or is given
            for a model of single photos.
    """
    console = Console(stderr=True, highlight=False, soft_wrap=True, markup=False)
    protocol = Protocol(
        request.n,
        request.seed,
        request.temperature,
        calibration=request.calibration,
        limit=request.limit,
        draw=request.draw,
        full_size=request.full_size,
    )
    if not request.data.exists():
        list_photos(request.data)  # says so, before a model is loaded
    if request.site is not None:
        compile_site(request.site)  # before a model is loaded
    if request.out:
        require_writable(request.out)  # before minutes of measuring, not after
    colorizer = load_sampler(request.model, request.device)
    pairs = isinstance(colorizer, Translator)
    if request.site is not None and not pairs:
        raise ConfigError(f"--site: only pairs have sites; leave it out for {request.model}")
    files: Sequence[Path | Example]
    if pairs:
        surveyed = _pairs(request.data, console, request.site)
        console.print(sites_line(surveyed))
        files = [PairExample(file) for file in surveyed.good]
    else:
        files = list_photos(request.data)
    train: Sequence[Example] = ()
    if pairs and request.train:  # these give a mean, for which sites do not matter
        train = [PairExample(file) for file in _pairs(request.train, console).good]
    head_file = request.head or find_head(request.model)
    head = load_head(head_file, request.device) if head_file else own_head(colorizer)
    if head_file is None and head is not None:
        console.print("note: no --head: compared with the model's own head, trained with the flow")
    # It judges whether colours help to tell what a photo shows, which is not asked of a translator.
    classifier = None if pairs else load_classifier(choose_device(request.device))
    result = evaluate(
        colorizer,
        files,
        str(request.data),
        protocol,
        head,
        classifier,
        console.print,
        train,
        request.jobs,
    )
    summary = summarise(result)
    text = json.dumps(summary, indent=2, allow_nan=False)
    table = markdown(summary)
    print(text if as_json else table, file=sys.stdout, flush=True)
    if request.out:
        for name, content in (("evaluation.json", text), ("evaluation.md", table)):
            with written_whole(request.out / name) as temporary:
                temporary.write_text(content + "\n")
        console.print(f"written: {request.out / 'evaluation.json'}, evaluation.md")
        shares = share_reliability(result.shares, result.nearest)
        if not (result.coverage or shares):
            return
        if find_spec("matplotlib") is None:
            console.print("note: no reliability plot without colorflow-cinn[evaluate]")
        else:
            path = request.out / "reliability.png"
            reliability_plot(result.coverage, shares, path, result.model)
            console.print(f"written: {path}")


def _pairs(place: Path, console: Console, site: str | None = None) -> Survey:
    found = survey_pairs(place, 1, console.print, site)
    console.print(found.summary())
    return found


def find_head(model: str) -> Path | None:
    """Find the regressor of the first training phase that belongs to a model.

    Args:
        model: bundled name, or the path of a checkpoint.

    Returns:
        ``regress.safetensors`` beside a run's model, or the bundled one; None where there is none.
    """
    if not model.endswith(".safetensors"):
        return bundled_path("pretrained", f"{model}_regressor.safetensors")
    beside = Path(model).parent / "regress.safetensors"
    return beside if beside.is_file() else None
