"""The written protocol of ``docs/evaluation.md``: what is measured, on what, how often."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from colorflow.domains import Domain, Translation
from colorflow.errors import ImageError, NothingFoundError
from colorflow.evaluation.calibration import SAMPLES, coverage, places
from colorflow.evaluation.chroma import chroma_errors, to_areas
from colorflow.evaluation.classifier import Classifier, top5_agreement
from colorflow.evaluation.colourfulness import colourfulness, psnr
from colorflow.evaluation.examples import Example, PhotoExample
from colorflow.evaluation.head import Head
from colorflow.evaluation.measured import (
    FLOW,
    GREY,
    HEAD,
    SIMPLE,
    TRUTH,
    Evaluation,
    Method,
    Protocol,
)
from colorflow.images.lab import to_unit
from colorflow.images.photo import Photo
from colorflow.models.latents import derive_seed
from colorflow.sampling import Sampler

BATCH = 32


def square(photo: Photo) -> Photo:
    """Cut the central square out of a photo: the crop rule of the protocol.

    Args:
        photo: any photo.

    Returns:
        Its central square, of the photo's shorter side.
    """
    height, width = photo.size
    side = min(height, width)
    top, left = (height - side) // 2, (width - side) // 2
    pixels = photo.pixels[top : top + side, left : left + side]
    return Photo(np.ascontiguousarray(pixels), source=photo.source)


def evaluate(
    colorizer: Sampler,
    files: Sequence[Path | Example],
    data: str,
    protocol: Protocol | None = None,
    head: Head | None = None,
    classifier: Classifier | None = None,
    log: Callable[[str], None] = lambda line: None,
    train: Sequence[Example] = (),
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

    Returns:
        What was measured.

    Raises:
        NothingFoundError: no photo can be measured.
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
    chosen = list(_readable(examples, result, protocol.limit))
    if not chosen:
        raise NothingFoundError(f"{data}: expected colour photos to measure, found none")
    mean = _mean_target(colorizer.domain, train or chosen)
    counts = torch.zeros(SAMPLES + 1, dtype=torch.float64)
    pending: dict[str, list[Image.Image]] = {name: [] for name in names}
    truths: dict[str, list[Tensor]] = {}
    for number, example in enumerate(chosen, 1):
        photo, partner = _squares(example)
        pictures = _measure_photo(photo, partner, colorizer, head, protocol, mean, result)
        if protocol.calibration:
            counts += _places(photo, partner, colorizer, protocol)
        if example.site:
            target = colorizer.domain.in_lab(_target(colorizer.domain, photo, partner)[1][0])
            truths.setdefault(example.site, []).append(to_areas(target, protocol.areas))
        for name, picture in pictures.items():
            pending[name].append(picture)
        if number % BATCH == 0 or number == len(chosen):
            if classifier:
                _judge(classifier, pending, result)
            pending = {name: [] for name in names}
            log(f"{number}/{len(chosen)} photos")
    if protocol.calibration:
        result.coverage = coverage(counts)
    for site, several in truths.items():
        if len(several) > 1:
            stacked = torch.stack(several)
            result.distances[site] = chroma_errors(stacked, stacked[0]).distance
    return result


def _readable(files: Sequence[Example], result: Evaluation, limit: int) -> Iterator[Example]:
    for example in files:
        if limit and len(result.photos) == limit:
            return
        try:
            photo, _ = _squares(example)
        except ImageError as error:
            result.left_out.append(str(error))
            continue
        if not example.site and not photo.is_coloured():  # its edges alone may have colours
            result.left_out.append(f"{example.name}: has no or hardly any chroma")
            continue
        result.photos.append(example.name)
        result.sites.append(example.site)
        yield example


def _squares(example: Example) -> tuple[Photo, Photo]:
    """Read the central squares of a photo and of the truth; one and the same for a colour photo."""
    photo, partner = example.read()
    first = square(photo)
    return first, first if partner is photo else square(partner)


def _target(domain: Domain, photo: Photo, partner: Photo) -> tuple[Tensor, Tensor]:
    side = domain.geometry.side
    return domain.pair(photo, (side, side), None if partner is photo else partner)


def _mean_target(domain: Domain, files: Sequence[Example]) -> Tensor:
    """The one answer with the least squared error: a colour, or a whole picture of a partner."""
    total: Tensor | float = 0.0
    for example in files:
        total += _target(domain, *_squares(example))[1][0].double()
    mean = (torch.as_tensor(total) / len(files)).float()
    whole = domain.name == Translation.name
    return mean if whole else mean.mean((1, 2), keepdim=True)


@torch.inference_mode()
def _measure_photo(
    photo: Photo,
    partner: Photo,
    colorizer: Sampler,
    head: Head | None,
    protocol: Protocol,
    mean: Tensor,
    result: Evaluation,
) -> dict[str, Image.Image]:
    domain = colorizer.domain
    condition, target = _target(domain, photo, partner)
    truth_picture = Image.fromarray((to_unit(partner.pixels) * 255).round().astype(np.uint8))
    nothing, average = SIMPLE[domain.name]
    unchanged = torch.zeros_like(target) if nothing == GREY else _target(domain, photo, photo)[1]
    targets: dict[str, Tensor] = {
        nothing: unchanged,
        average: mean.expand_as(target[0])[None],
    }
    if head is not None:
        # Its model may work at another size and scale than the one that is measured.
        targets[HEAD] = domain.of_lab(head.predict(photo)[None])
    variants = colorizer.variants(photo, protocol.n, 1.0, protocol.temperature, protocol.seed)
    targets[FLOW] = torch.stack([variant.target for variant in variants])
    channels = domain.target_channels
    full_truth = partner.lab()[-channels:]
    truth = to_areas(full_truth, protocol.areas)  # the same for every model, whatever its size
    truth_array = np.asarray(truth_picture)
    pictures = {TRUTH: truth_picture}
    for name, values in targets.items():
        errors = chroma_errors(to_areas(domain.in_lab(values), protocol.areas), truth)
        finished = (
            [variant.image for variant in variants]
            if name == FLOW
            else [domain.finish(photo, value) for value in values]
        )
        arrays = [np.asarray(picture.convert("RGB")) for picture in finished]
        full = [float((Photo(a).lab()[-channels:] - full_truth).square().mean()) for a in arrays]
        result.methods[name].add(
            **errors.__dict__,
            full_best=min(full),
            full_one=sum(full) / len(full),
            psnr_best=max(psnr(a, truth_array) for a in arrays),
            psnr_one=sum(psnr(a, truth_array) for a in arrays) / len(arrays),
            colourfulness=sum(colourfulness(a) for a in arrays) / len(arrays),
        )
        pictures[name] = finished[0]
    result.methods[TRUTH].add(colourfulness=colourfulness(truth_array))
    result.methods[FLOW].add(bits=_bits(colorizer, photo, condition, target, protocol))
    return pictures


def _bits(
    colorizer: Sampler, photo: Photo, condition: Tensor, target: Tensor, protocol: Protocol
) -> float:
    """Bits per dimension of the dequantised chroma, over Lab units."""
    generator = torch.Generator().manual_seed(derive_seed(protocol.seed, photo.digest(), 0))
    noisy = target + protocol.noise * torch.randn(target.shape, generator=generator)
    condition = condition.to(colorizer.device)
    prepared = colorizer.model.prepare(condition, colorizer.backbone(condition))
    nats = float(colorizer.model.log_prob(noisy.to(colorizer.device), prepared)[0])
    return -(nats / target[0].numel() + colorizer.domain.log_volume()) / math.log(2)


@torch.inference_mode()
def _places(photo: Photo, partner: Photo, colorizer: Sampler, protocol: Protocol) -> Tensor:
    domain = colorizer.domain
    variants = colorizer.variants(photo, SAMPLES, 1.0, 1.0, protocol.seed + 1)
    samples = torch.stack([variant.target for variant in variants])
    target = _target(domain, photo, partner)[1][0]
    return places(to_areas(samples, protocol.areas), to_areas(target, protocol.areas))


def _judge(
    classifier: Classifier, pending: dict[str, list[Image.Image]], result: Evaluation
) -> None:
    true_scores, true_features = classifier(pending[TRUTH])
    for name, pictures in pending.items():
        method = result.methods[name]
        scores, features = (true_scores, true_features) if name == TRUTH else classifier(pictures)
        method.features.append(features)
        method.agreement.append(top5_agreement(scores, true_scores))
