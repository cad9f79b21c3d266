"""The written protocol of ``docs/evaluation.md``: what is measured, on what, how often."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from pathlib import Path

import torch
from torch import Tensor

from colorflow.devices import one_thread
from colorflow.domains import Domain, Translation
from colorflow.errors import ImageError, NothingFoundError
from colorflow.evaluation.calibration import coverage, spread_evenly
from colorflow.evaluation.chroma import chroma_errors
from colorflow.evaluation.classifier import Classifier
from colorflow.evaluation.examples import Example, PhotoExample, squares
from colorflow.evaluation.head import Head
from colorflow.evaluation.measured import FLOW, HEAD, SIMPLE, TRUTH, Evaluation, Method, Protocol
from colorflow.evaluation.one_photo import Examiner, Measured, target_of
from colorflow.evaluation.side_by_side import side_by_side, workers_for
from colorflow.sampling import Sampler

# Photos from one line of progress to the next.
STEP = 32


def evaluate(
    colorizer: Sampler,
    files: Sequence[Path | Example],
    data: str,
    protocol: Protocol | None = None,
    head: Head | None = None,
    classifier: Classifier | None = None,
    log: Callable[[str], None] = lambda line: None,
    train: Sequence[Example] = (),
    workers: int = 0,
) -> Evaluation:
    """Measure a model on colour photos by the written protocol.

    Args:
        colorizer: the model.
        files: photos, or examples of whatever task; unfit and unreadable ones are left out.
        data: how to call them.
        protocol: its numbers.
        head: a regressor to compare with, or None to leave that out.
        classifier: that judges the pictures, or None to leave that out.
        log: receives a line now and then.
        train: examples whose mean is the second baseline; those that are measured where empty.
        workers: photos worked on at the same time, which changes no figure; 0 for one per core, or
            1 on an accelerator.

    Returns:
        What was measured.

    Raises:
        NothingFoundError: no photo can be measured.
        ImplausibleError: the model gives colours that no photo can have.
    """
    protocol = protocol or Protocol()
    default = colorizer.model.config.temperature
    spread = default if protocol.temperature is None else protocol.temperature
    result = Evaluation(
        colorizer.model_id, data, protocol, spread, classifier=classifier is not None
    )
    nothing, average = SIMPLE[colorizer.domain.name]
    names = [nothing, average, FLOW, TRUTH]
    if head is not None:
        names.insert(2, HEAD)
    result.methods = {name: Method() for name in names}
    examples = [PhotoExample(file) if isinstance(file, Path) else file for file in files]
    workers = workers or workers_for(colorizer.device)
    # Not only in the workers: the last bits of means are not to depend on cores either.
    with one_thread():
        chosen, mean = _survey(examples, colorizer.domain, result, workers)
        if not chosen:
            raise NothingFoundError(f"{data}: expected colour photos to measure, found none")
        if train:
            mean = _mean_target(colorizer.domain, train, workers)
        examiner = Examiner(colorizer, protocol, mean, head, classifier)
        _measure(chosen, examiner, result, workers, log)
    return result


def _survey(
    examples: Sequence[Example], domain: Domain, result: Evaluation, workers: int
) -> tuple[list[Example], Tensor]:
    """Find the photos that can be measured, and the one answer for all of them."""

    def look(example: Example) -> Tensor | str:
        try:
            photo, partner = squares(example)
        except ImageError as error:
            return str(error)
        if not example.site and not photo.is_coloured():  # its edges alone may have colours
            return f"{example.name}: has no or hardly any chroma"
        return target_of(domain, photo, partner)[1][0]

    chosen: list[Example] = []
    total: Tensor | float = 0.0
    found = side_by_side(look, examples, workers)
    for example, outcome in zip(examples, found, strict=False):
        if isinstance(outcome, str):
            result.left_out.append(outcome)
            continue
        chosen.append(example)
        total += outcome.double()
        result.photos.append(example.name)
        result.sites.append(example.site)
        if len(chosen) == result.protocol.limit:
            found.close()
            break
    return chosen, _mean_of(domain, torch.as_tensor(total), len(chosen))


def _mean_target(domain: Domain, examples: Sequence[Example], workers: int) -> Tensor:
    def target(example: Example) -> Tensor:
        return target_of(domain, *squares(example))[1][0].double()

    total = torch.as_tensor(sum(side_by_side(target, examples, workers)))
    return _mean_of(domain, total, len(examples))


def _mean_of(domain: Domain, total: Tensor, count: int) -> Tensor:
    """The one answer with the least squared error: a colour, or a whole picture of a partner."""
    mean = (total / max(count, 1)).float()
    whole = domain.name == Translation.name or mean.dim() < 3
    return mean if whole else mean.mean((1, 2), keepdim=True)


def _measure(
    chosen: Sequence[Example],
    examiner: Examiner,
    result: Evaluation,
    workers: int,
    log: Callable[[str], None],
) -> None:
    calibrated = set(spread_evenly(result.protocol.calibration, len(chosen)))
    marked = [(example, number in calibrated) for number, example in enumerate(chosen)]
    counts: list[Tensor] = []
    truths: dict[str, list[Tensor]] = {}
    groups = _groups(marked, examiner.together)
    number = 0
    for group in side_by_side(examiner, groups, workers):
        for measured in group:
            _note(measured, result)
            if measured.places is not None:
                counts.append(measured.places)
            if measured.target is not None and (site := chosen[number].site):
                truths.setdefault(site, []).append(measured.target)
            number += 1
            if number % STEP == 0 or number == len(chosen):
                log(f"{number}/{len(chosen)} photos")
    if counts:
        result.coverage = coverage(torch.stack(counts), result.protocol.seed)
    for site, several in truths.items():
        if len(several) > 1:
            stacked = torch.stack(several)
            result.distances[site] = chroma_errors(stacked, stacked[0]).distance


def _groups(
    marked: Sequence[tuple[Example, bool]], size: int
) -> Iterator[list[tuple[Example, bool]]]:
    remaining = iter(marked)
    while group := list(islice(remaining, size)):
        yield group


def _note(measured: Measured, result: Evaluation) -> None:
    for name, method in result.methods.items():
        method.add(**measured.figures[name])
        if measured.features:
            method.features.append(measured.features[name])
            method.agreement.append(measured.agreement[name])
    if measured.shares:
        result.shares.append(measured.shares)
        result.nearest.append(measured.nearest)
