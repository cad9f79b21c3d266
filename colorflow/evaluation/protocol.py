"""The written protocol of ``docs/evaluation.md``: what is measured, on what, how often."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from colorflow.colorize import Colorizer
from colorflow.domains import Domain
from colorflow.errors import ConfigError, ImageError, NothingFoundError
from colorflow.evaluation.calibration import SAMPLES, Coverage, coverage, places
from colorflow.evaluation.chroma import chroma_errors, to_areas
from colorflow.evaluation.classifier import Classifier, top5_agreement
from colorflow.evaluation.colourfulness import colourfulness, psnr
from colorflow.evaluation.head import Head
from colorflow.images.lab import to_unit
from colorflow.images.photo import Photo
from colorflow.images.read import read_photo
from colorflow.models.latents import derive_seed

GREY, MEAN, HEAD, FLOW, TRUTH = "grey", "mean colour", "deterministic head", "cINN", "truth"
BATCH = 32


@dataclass(frozen=True)
class Protocol:
    """The numbers of the protocol.

    Args:
        n: samples per photo.
        seed: of the samples.
        temperature: of the samples; the model's own default where None.
        areas: chroma is compared as means over areas x areas of the photo.
        noise: standard deviation of the noise on the target for the likelihood, in units of the
            model.
        calibration: also measure coverage, at temperature 1.
        limit: photos to measure, the first by name; 0 for all.
    """

    n: int = 8
    seed: int = 0
    temperature: float | None = None
    areas: int = 32
    noise: float = 0.05
    calibration: bool = True
    limit: int = 0

    def __post_init__(self) -> None:
        if self.n < 1 or self.areas < 1 or self.limit < 0:
            raise ConfigError(f"protocol: expected n, areas >= 1 and limit >= 0, got {self}")


@dataclass
class Method:
    """What one way of colouring came to, one entry per photo in each list.

    Args:
        figures: by name.
        features: of the classifier, one tensor [photos, features] per batch.
        agreement: of the classifier's classes, likewise [photos].
    """

    figures: dict[str, list[float]] = field(default_factory=dict)
    features: list[Tensor] = field(default_factory=list)
    agreement: list[Tensor] = field(default_factory=list)

    def add(self, **values: float) -> None:
        """Note the figures of a photo."""
        for name, value in values.items():
            self.figures.setdefault(name, []).append(value)

    def array(self, name: str) -> np.ndarray:
        """Give a figure of all photos, float64 [photos]."""
        return np.array(self.figures[name], dtype=np.float64)


@dataclass
class Evaluation:
    """Everything that was measured.

    Args:
        model: name and hash of the model.
        data: what was measured on.
        protocol: the numbers of the protocol.
        temperature: that was used.
        photos: names of the photos.
        left_out: photos that were not measured, with the reason.
        methods: by name.
        coverage: of the flow at temperature 1, where it was measured.
        classifier: whether one was there.
    """

    model: str
    data: str
    protocol: Protocol
    temperature: float | tuple[float, ...]
    photos: list[str] = field(default_factory=list)
    left_out: list[str] = field(default_factory=list)
    methods: dict[str, Method] = field(default_factory=dict)
    coverage: Coverage | None = None
    classifier: bool = False


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
    colorizer: Colorizer,
    files: Sequence[Path],
    data: str,
    protocol: Protocol | None = None,
    head: Head | None = None,
    classifier: Classifier | None = None,
    log: Callable[[str], None] = lambda line: None,
) -> Evaluation:
    """Measure a model on colour photos by the written protocol.

    Args:
        colorizer: the model.
        files: photos; grey and unreadable ones are left out.
        data: how to call them.
        protocol: its numbers.
        head: a regressor to compare with, or None to leave that out.
        classifier: that judges the pictures, or None to leave that out.
        log: receives a line now and then.

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
    names = [GREY, MEAN, FLOW, TRUTH]
    if head is not None:
        names.insert(2, HEAD)
    result.methods = {name: Method() for name in names}
    chosen = list(_readable(files, result, protocol.limit))
    if not chosen:
        raise NothingFoundError(f"{data}: expected colour photos to measure, found none")
    mean = _mean_target(colorizer.domain, chosen)
    counts = torch.zeros(SAMPLES + 1, dtype=torch.float64)
    pending: dict[str, list[Image.Image]] = {name: [] for name in names}
    for number, path in enumerate(chosen, 1):
        photo = square(read_photo(path))
        pictures = _measure_photo(photo, colorizer, head, protocol, mean, result)
        if protocol.calibration:
            counts += _places(photo, colorizer, protocol)
        for name, picture in pictures.items():
            pending[name].append(picture)
        if number % BATCH == 0 or number == len(chosen):
            if classifier:
                _judge(classifier, pending, result)
            pending = {name: [] for name in names}
            log(f"{number}/{len(chosen)} photos")
    if protocol.calibration:
        result.coverage = coverage(counts)
    return result


def _readable(files: Sequence[Path], result: Evaluation, limit: int) -> Iterator[Path]:
    for path in files:
        if limit and len(result.photos) == limit:
            return
        try:
            photo = read_photo(path)
        except ImageError as error:
            result.left_out.append(str(error))
            continue
        if not square(photo).is_coloured():  # its edges alone may have colours
            result.left_out.append(f"{path}: has no or hardly any chroma")
            continue
        result.photos.append(str(path))
        yield path


def _target(domain: Domain, photo: Photo) -> tuple[Tensor, Tensor]:
    side = domain.geometry.side
    return domain.pair(photo, (side, side))


def _mean_target(domain: Domain, files: Sequence[Path]) -> Tensor:
    """The constant colour with the least squared error: an upper bound for this baseline."""
    total = torch.zeros(domain.target_channels, dtype=torch.float64)
    for path in files:
        total += _target(domain, square(read_photo(path)))[1][0].double().mean((1, 2))
    return (total / len(files)).float()[:, None, None]


@torch.inference_mode()
def _measure_photo(
    photo: Photo,
    colorizer: Colorizer,
    head: Head | None,
    protocol: Protocol,
    mean: Tensor,
    result: Evaluation,
) -> dict[str, Image.Image]:
    domain = colorizer.domain
    condition, target = _target(domain, photo)
    truth_picture = Image.fromarray((to_unit(photo.pixels) * 255).round().astype(np.uint8))
    targets: dict[str, Tensor] = {
        GREY: torch.zeros_like(target),
        MEAN: mean.expand_as(target[0])[None],
    }
    if head is not None:
        # Its model may work at another size and scale than the one that is measured.
        targets[HEAD] = head.predict(photo)[None] / domain.chroma(torch.ones(()))
    variants = colorizer.sample(
        photo, n=protocol.n, temperature=protocol.temperature, seed=protocol.seed
    )
    targets[FLOW] = torch.stack([variant.target for variant in variants])
    full_truth = photo.lab()[1:]
    truth = to_areas(full_truth, protocol.areas)  # the same for every model, whatever its size
    truth_array = np.asarray(truth_picture)
    pictures = {TRUTH: truth_picture}
    for name, values in targets.items():
        errors = chroma_errors(to_areas(domain.chroma(values), protocol.areas), truth)
        finished = (
            [variant.image for variant in variants]
            if name == FLOW
            else [domain.finish(photo, value) for value in values]
        )
        arrays = [np.asarray(picture.convert("RGB")) for picture in finished]
        full = [float((Photo(a).lab()[1:] - full_truth).square().mean()) for a in arrays]
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
    colorizer: Colorizer, photo: Photo, condition: Tensor, target: Tensor, protocol: Protocol
) -> float:
    """Bits per dimension of the dequantised chroma, over Lab units."""
    generator = torch.Generator().manual_seed(derive_seed(protocol.seed, photo.digest(), 0))
    noisy = target + protocol.noise * torch.randn(target.shape, generator=generator)
    condition = condition.to(colorizer.device)
    prepared = colorizer.model.prepare(condition, colorizer.backbone(condition))
    nats = float(colorizer.model.log_prob(noisy.to(colorizer.device), prepared)[0])
    return -(nats / target[0].numel() + colorizer.domain.log_volume()) / math.log(2)


@torch.inference_mode()
def _places(photo: Photo, colorizer: Colorizer, protocol: Protocol) -> Tensor:
    domain = colorizer.domain
    variants = colorizer.sample(photo, n=SAMPLES, temperature=1.0, seed=protocol.seed + 1)
    samples = torch.stack([variant.target for variant in variants])
    target = _target(domain, photo)[1][0]
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
