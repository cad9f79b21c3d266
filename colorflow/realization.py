"""From draws to targets: chosen, moved to hints, decoded, and drawn again where implausible."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from colorflow.decoding import decode
from colorflow.domains import Domain
from colorflow.draws import ATTEMPTS, CANDIDATES, Draw, Drawn
from colorflow.errors import ConfigError, ImplausibleError
from colorflow.models.cinn import ConditionalINN
from colorflow.models.condition import PreparedCondition
from colorflow.models.latents import Latents
from colorflow.representatives import distances, greedy_medoids, shares_of
from colorflow.steering import CPU_ROWS, steer
from colorflow.wishes import Wish, residuals_of

# What variants are made of: a draw to choose from, chosen draws, or latents from elsewhere.
Code = Draw | Drawn | Latents


@dataclass(frozen=True)
class Realization:
    """What came of the draws of one photo, one row per variant.

    Args:
        drawn: the draws; None for latents from elsewhere.
        latents: that were decoded, after hints.
        targets: [variants, channels, height, width], on the CPU.
        log_prob: log-density of each target under the model, in nats, [variants].
        residuals: of each hint, per variant; see :func:`colorflow.wishes.residuals_of`.
    """

    drawn: Drawn | None
    latents: Latents
    targets: Tensor
    log_prob: Tensor
    residuals: Sequence[tuple[float, ...]]


def choose(model: ConditionalINN, draw: Draw, prepared: PreparedCondition) -> Drawn:
    """Choose the draws that become the variants of a photo.

    All candidates pass through the coarse stages of the flow in one call of a fixed shape, so that
    the choice depends on nothing else. Variants beyond the number of candidates are the next draws.

    Args:
        model: the flow.
        draw: how the latents are drawn.
        prepared: the condition of the photo.

    Returns:
        The draws, in the order of their variants.
    """
    if draw.strategy == "independent":
        return draw.drawn(range(draw.n))
    candidates = dataclasses.replace(draw, factor=1.0).latents(range(CANDIDATES))
    device = next(model.parameters()).device
    distance = distances(_compared(model, model.coarse(candidates.to(device), prepared)))
    order = greedy_medoids(distance)[: draw.n]
    # The first is nearer to the mode than its draw: of one picture people expect the fewest errors.
    scales = [model.config.first_scale, *[1.0] * (draw.n - 1)]
    if draw.n > len(order):
        numbers = [*order, *range(CANDIDATES, draw.n)]
        return draw.drawn(numbers, [1 / draw.n] * draw.n, scales=scales)
    shares = shares_of(distance, order, model.config.share_shrinkage)
    return draw.drawn(order, shares, scales=scales)


def _compared(model: ConditionalINN, maps: Tensor) -> Tensor:
    """Give what the maps of the coarse stages tell of the target, as far as that is known."""
    metric = model.config.coarse_metric
    if not metric:
        return maps
    if len(metric[0]) != maps.shape[1]:
        raise ConfigError(
            f"coarse_metric: expected {maps.shape[1]} columns, the channels of the coarse map of "
            f"model '{model.config.name}', got {len(metric[0])}"
        )
    # On the CPU and in double precision, as the distances are: sums of sixteen terms.
    return torch.einsum(
        "kc,nchw->nkhw", maps.new_tensor(metric).double().cpu(), maps.double().cpu()
    )


class Realizer:
    """Makes targets of draws.

    Args:
        model: the flow.
        domain: that tells what is plausible.
        rows: samples in a call of the flow, a power of two.
        vivid: factor on chroma that the finishing will apply, and that hints have to know.
    """

    def __init__(
        self, model: ConditionalINN, domain: Domain, rows: int, vivid: float = 1.0
    ) -> None:
        self.model, self.domain, self.rows, self.vivid = model, domain, rows, vivid

    def realize(
        self,
        codes: Sequence[Drawn | Latents],
        prepared: Sequence[PreparedCondition],
        wishes: Sequence[Wish | None] | None = None,
    ) -> list[Realization]:
        """Make the targets of several photos.

        Args:
            codes: of each photo, all with the same number of variants and of one geometry.
            prepared: the condition of each photo.
            wishes: hints of each photo; none for any where None.

        Returns:
            What came of each photo.

        Raises:
            ImplausibleError: a target stayed implausible.
        """
        wishes = wishes or [None] * len(codes)
        latents = [
            self._moved(code.latents if isinstance(code, Drawn) else code, condition, wish)
            for code, condition, wish in zip(codes, prepared, wishes, strict=True)
        ]
        decoded = decode(self.model, latents, prepared, self.rows)
        results = []
        for code, moved, condition, wish, (targets, log_prob) in zip(
            codes, latents, prepared, wishes, decoded, strict=True
        ):
            drawn = code if isinstance(code, Drawn) else None
            result = Realization(drawn, moved, targets, log_prob, self._residuals(wish, targets))
            for row in (~self.domain.plausible(targets)).nonzero().flatten().tolist():
                result = self._replace(result, row, condition, wish)
            results.append(result)
        return results

    def _moved(self, latents: Latents, condition: PreparedCondition, wish: Wish | None) -> Latents:
        if wish is None:
            return latents
        on_cpu = next(self.model.parameters()).device.type == "cpu"
        rows = CPU_ROWS if on_cpu else self.rows
        return steer(self.model, latents, condition, wish, self._chroma, rows)

    def _chroma(self, target: Tensor) -> Tensor:
        return self.domain.in_lab(target) * self.vivid

    def _residuals(self, wish: Wish | None, targets: Tensor) -> list[tuple[float, ...]]:
        return residuals_of(wish, self._chroma(targets))

    def _replace(
        self, result: Realization, row: int, condition: PreparedCondition, wish: Wish | None
    ) -> Realization:
        """Draw an implausible variant again, until it is plausible."""
        if result.drawn is None:
            raise ImplausibleError(
                "these latents give colours that no photo can have; take others, or a lower "
                f"{self.domain.strength}"
            )
        drawn = result.drawn
        for _ in range(ATTEMPTS):
            one = drawn.replaced(row)
            drawn = drawn.with_row(row, one)
            moved = self._moved(one.latents, condition, wish)
            ((target, log_prob),) = decode(self.model, [moved], [condition], self.rows)
            if bool(self.domain.plausible(target)):
                residuals = [*result.residuals]
                residuals[row] = self._residuals(wish, target)[0]
                return Realization(
                    drawn,
                    Latents.cat([result.latents[:row], moved, result.latents[row + 1 :]]),
                    _with_row(result.targets, row, target),
                    _with_row(result.log_prob, row, log_prob),
                    residuals,
                )
        raise ImplausibleError(
            f"variant {row + 1}: expected colours that a photo can have, got others from "
            f"{ATTEMPTS + 1} seeds; take a lower {self.domain.strength} or temperature"
        )


def _with_row(values: Tensor, row: int, value: Tensor) -> Tensor:
    return torch.cat([values[:row], value, values[row + 1 :]])
