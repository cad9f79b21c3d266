"""Everything that is measured of one photo, from one condition."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from colorflow.decoding import decode, photos_per_call, rows_per_call
from colorflow.domains import Domain
from colorflow.errors import ImplausibleError
from colorflow.evaluation.calibration import SAMPLES, places
from colorflow.evaluation.chroma import ChromaErrors, chroma_errors, mean_chroma, to_areas
from colorflow.evaluation.classifier import Classifier, top5_agreement
from colorflow.evaluation.colourfulness import colourfulness, psnr
from colorflow.evaluation.examples import Example, reduced, squares
from colorflow.evaluation.head import Head
from colorflow.evaluation.measured import FLOW, GREY, HEAD, SIMPLE, SMALL, TRUTH, Protocol
from colorflow.images.lab import to_unit
from colorflow.images.photo import Photo
from colorflow.models.condition import PreparedCondition
from colorflow.models.latents import derive_seed
from colorflow.realization import Realization, Realizer, choose
from colorflow.sampling import Sampler


@dataclass
class Measured:
    """What one photo came to.

    Args:
        figures: by method and name.
        features: of the classifier, by method, each [1, features]; empty without one.
        agreement: of its classes, likewise [1].
        shares: of the variants; empty where they stand for themselves.
        nearest: number of the variant nearest to the truth.
        places: of the truth among independent samples, [samples + 1]; None where not asked for.
        target: the truth at the model's size, as means over areas, Lab units.
    """

    figures: dict[str, dict[str, float]] = field(default_factory=dict)
    features: dict[str, Tensor] = field(default_factory=dict)
    agreement: dict[str, Tensor] = field(default_factory=dict)
    shares: tuple[float, ...] = ()
    nearest: int = 0
    places: Tensor | None = None
    target: Tensor | None = None


@dataclass(frozen=True)
class Subject:
    """A photo, the truth, and what all figures need of them; the condition is computed once."""

    photo: Photo
    partner: Photo
    digest: str
    condition: Tensor
    features: Mapping[str, Tensor]
    prepared: PreparedCondition
    target: Tensor


def target_of(domain: Domain, photo: Photo, partner: Photo) -> tuple[Tensor, Tensor]:
    """Make condition and target of a pair of squares, or of a photo that is its own partner.

    Args:
        domain: of the model.
        photo: square.
        partner: square.

    Returns:
        Both, as :meth:`colorflow.domains.Domain.pair` makes them.
    """
    side = domain.geometry.side
    return domain.pair(photo, (side, side), None if partner is photo else partner)


class Examiner:
    """Measures photos.

    Args:
        colorizer: the model.
        protocol: what to measure.
        mean: the one answer for all, in units of the model, [channels, height or 1, width or 1].
        head: a regressor to compare with, or None.
        classifier: that judges pictures, or None.
    """

    def __init__(
        self,
        colorizer: Sampler,
        protocol: Protocol,
        mean: Tensor,
        head: Head | None = None,
        classifier: Classifier | None = None,
    ) -> None:
        self.colorizer, self.protocol, self.mean = colorizer, protocol, mean
        self.head, self.classifier = head, classifier
        self.shared = head is not None and head.sees_as(colorizer)
        self.rows = rows_per_call(colorizer.device)

    @property
    def together(self) -> int:
        """How many photos to give at once, so that calls of the flow are full."""
        return photos_per_call(self.protocol.n, self.rows)

    @torch.inference_mode()
    def __call__(self, group: Sequence[tuple[Example, bool]]) -> list[Measured]:
        """Measure some photos; the company of the others changes nothing.

        Args:
            group: each photo, and whether coverage is measured on it.

        Returns:
            What each came to.

        Raises:
            ImplausibleError: a variant has colours that no photo can have, with each of its seeds.
        """
        subjects = [self._subject(example) for example, _ in group]
        try:
            realized = self._realize(subjects)
        except ImplausibleError as error:
            names = ", ".join(example.name for example, _ in group)
            raise ImplausibleError(f"{names}: {error}") from error
        return [
            self._measure(subject, made, calibrate)
            for subject, made, (_, calibrate) in zip(subjects, realized, group, strict=True)
        ]

    def _subject(self, example: Example) -> Subject:
        photo, partner = squares(example)
        model = self.colorizer.model
        condition, target = target_of(self.colorizer.domain, photo, partner)
        condition = condition.to(self.colorizer.device)
        features = self.colorizer.features(condition)
        prepared = model.prepare(condition, features)
        return Subject(photo, partner, photo.digest(), condition, features, prepared, target)

    def _realize(self, subjects: Sequence[Subject]) -> list[Realization]:
        """Make the variants, the same that a user is given for the square."""
        colorizer, protocol = self.colorizer, self.protocol
        drawn = []
        for subject in subjects:
            size = int(subject.condition.shape[2]), int(subject.condition.shape[3])
            draw = colorizer.plan(
                subject.photo, protocol.n, 1.0, protocol.temperature, protocol.seed,
                protocol.draw, size, subject.digest,
            )  # fmt: skip
            drawn.append(choose(colorizer.model, draw, subject.prepared))
        realizer = Realizer(colorizer.model, colorizer.domain, self.rows)
        return realizer.realize(drawn, [subject.prepared for subject in subjects])

    def _measure(self, subject: Subject, made: Realization, calibrate: bool) -> Measured:
        domain, areas = self.colorizer.domain, self.protocol.areas
        channels = domain.target_channels
        full_truth = subject.partner.lab()[-channels:]
        truth = to_areas(full_truth, areas)  # the same for every model, whatever its size
        result = Measured(target=to_areas(domain.in_lab(subject.target[0]), areas))
        targets = self._targets(subject, made)
        for name, values in targets.items():
            errors = chroma_errors(to_areas(domain.in_lab(values), areas), truth)
            result.figures[name] = errors.figures()
            if name == FLOW:
                self._note_shares(result, made, errors)
        result.figures[TRUTH] = {"chroma": mean_chroma(truth)}
        self._look(result, subject, targets, full_truth)
        result.figures[FLOW]["bits"] = self._bits(subject)
        if calibrate:
            result.places = self._places(subject)
        return result

    def _targets(self, subject: Subject, made: Realization) -> dict[str, Tensor]:
        """Give what each method predicts, [samples, channels, height, width]."""
        domain, target = self.colorizer.domain, subject.target
        nothing, average = SIMPLE[domain.name]
        unchanged = torch.zeros_like(target)
        if nothing != GREY:
            unchanged = target_of(domain, subject.photo, subject.photo)[1]
        mean = self.mean.expand_as(target[0])[None]
        shown = domain.strengthen(made.targets, domain.gain)  # what a user sees of them
        targets = {nothing: unchanged, average: mean, FLOW: shown}
        if self.head is not None:
            if self.shared:
                predicted = self.head.predict_of(subject.condition, subject.features)
            else:
                predicted = self.head.predict(subject.photo)
            # Its model may work at another size and scale than the one that is measured.
            targets[HEAD] = domain.of_lab(predicted[None])
        return targets

    def _note_shares(self, result: Measured, made: Realization, errors: ChromaErrors) -> None:
        shares = made.drawn.shares if made.drawn else ()
        result.shares = tuple(share for share in shares if share is not None)
        result.nearest = errors.nearest

    def _look(
        self, result: Measured, subject: Subject, targets: dict[str, Tensor], full_truth: Tensor
    ) -> None:
        """Measure finished pictures."""
        photo, partner = subject.photo, subject.partner
        if not self.protocol.full_size:
            small = reduced(photo, SMALL)
            photo, partner = small, small if partner is photo else reduced(partner, SMALL)
        channels = self.colorizer.domain.target_channels
        finishing = self.colorizer.domain.finishing(photo)
        true_array = (to_unit(partner.pixels) * 255).round().astype(np.uint8)
        true_picture = Image.fromarray(true_array)
        pictures = {TRUTH: true_picture}
        for name, values in targets.items():
            finished = finishing.pictures(list(values))
            arrays = [np.asarray(picture.convert("RGB")) for picture in finished]
            ratios = [psnr(array, true_array) for array in arrays]
            result.figures[name] |= {
                "psnr_best": max(ratios),
                "psnr_one": sum(ratios) / len(ratios),
                "colourfulness": sum(map(colourfulness, arrays)) / len(arrays),
            }
            if self.protocol.full_size:
                full = [_square_error(Photo(array), full_truth, channels) for array in arrays]
                result.figures[name] |= {"full_best": min(full), "full_one": sum(full) / len(full)}
            pictures[name] = finished[0]
        result.figures[TRUTH]["colourfulness"] = colourfulness(true_array)
        if self.classifier is not None:
            scores, features = self.classifier(list(pictures.values()))
            for row, name in enumerate(pictures):
                result.features[name] = features[row : row + 1]
                result.agreement[name] = top5_agreement(scores[row : row + 1], scores[:1])

    def _bits(self, subject: Subject) -> float:
        """Bits per dimension of the dequantised chroma, over Lab units."""
        colorizer, target = self.colorizer, subject.target
        generator = torch.Generator().manual_seed(
            derive_seed(self.protocol.seed, subject.digest, 0)
        )
        noisy = target + self.protocol.noise * torch.randn(target.shape, generator=generator)
        nats = float(colorizer.model.log_prob(noisy.to(colorizer.device), subject.prepared)[0])
        return -(nats / target[0].numel() + colorizer.domain.log_volume()) / math.log(2)

    def _places(self, subject: Subject) -> Tensor:
        """Where the truth lies among independent samples at temperature 1.

        None of them is replaced: what is implausible belongs to the model's distribution, too.
        """
        colorizer, protocol = self.colorizer, self.protocol
        draw = colorizer.plan(
            subject.photo, SAMPLES, 1.0, 1.0, protocol.seed + 1, "independent",
            (int(subject.condition.shape[2]), int(subject.condition.shape[3])), subject.digest,
        )  # fmt: skip
        latents = draw.latents(range(SAMPLES))
        ((samples, _),) = decode(colorizer.model, [latents], [subject.prepared], self.rows)
        return places(
            to_areas(samples, protocol.areas), to_areas(subject.target[0], protocol.areas)
        )


def _square_error(photo: Photo, truth: Tensor, channels: int) -> float:
    return float((photo.lab()[-channels:] - truth).square().mean())
