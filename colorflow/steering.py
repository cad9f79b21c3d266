"""Moving drawn latents to where the colouring respects hints, and no further.

Nothing is trained for hints: the flow says which colourings are near the drawn one, and its exact
inverse can be differentiated.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from colorflow.descent import descend
from colorflow.errors import ShapeError
from colorflow.models.cinn import ConditionalINN
from colorflow.models.condition import PreparedCondition
from colorflow.models.latents import Latents
from colorflow.wishes import HintConfig, Wish

# Variants in a call on a CPU: alone, each ends where it is good enough, and none is filled up.
CPU_ROWS = 1
# By which latents of a level move that is drawn with less.
LEAST_SPREAD = 0.3


def steer(
    model: ConditionalINN,
    code: Latents,
    prepared: PreparedCondition,
    wish: Wish,
    to_chroma: Callable[[Tensor], Tensor],
    rows: int,
    config: HintConfig | None = None,
) -> Latents:
    """Find latents near the drawn ones whose colouring respects hints.

    With drawn latents z0, temperatures T per level, the colouring x(z) in Lab units, the colour
    m_i(x) at hint i in the finished picture, wished y_i, and n_iq how near chroma pixel q is to it,

        E(v) = |v|^2 / 2 + sum_i |m_i(x) - y_i|^2 / (2 s^2)
             + sum_q (sum_i n_iq |x_q - y_i|^2 / (2 s_n^2) + (1 - n_q) |x_q - x0_q|^2 / (2 s_e^2)),
        x = x(z0 + T v),   x0 = x(z0),   n_q = sum_i n_iq

    is minimised from v = 0. The first two terms are those of maximum a posteriori estimation in
    the latents of a flow, with the prior N(z0, T^2) centred at the drawn sample instead of at 0:
    were x linear and z0 drawn from N(0, T^2), the results would be draws from the posterior, not
    one and the same dull mode (randomise, then optimise, without noise on the wishes). The other
    two terms let a hint colour its surroundings, and keep the rest as it was drawn. Levels of a
    higher temperature, the coarse ones as a rule, move more readily.

    Source: Asim et al., "Invertible generative models for inverse problems" (2020), and Whang et
    al., "Composing Normalizing Flows for Inverse Problems" (2021), for the optimisation of
    latents; Bardsley et al., "Randomize-Then-Optimize" (2014).

    Args:
        model: the flow.
        code: drawn latents, one row per variant.
        prepared: the condition of the photo.
        wish: the hints.
        to_chroma: takes targets of the model to Lab units.
        rows: variants in a call of the flow; the last call is filled up, so that a result depends
            neither on their number nor on each other.
        config: the standard deviations s, s_n and s_e, and when to end; the defaults where None.

    Returns:
        Latents of the same shapes, on the CPU.

    Raises:
        ShapeError: the wish is for another size.
    """
    if wish.size != prepared.size:
        raise ShapeError(f"steer: expected a wish for {prepared.size}, got one for {wish.size}")
    device = next(model.parameters()).device
    # What was made in inference mode cannot be differentiated; its copies can.
    with torch.inference_mode(False):
        terms = tuple(None if term is None else term.clone() for term in prepared.terms)
        copied = PreparedCondition(terms, prepared.size)
        objective = _Objective(model, copied, wish.to(device), to_chroma, config or HintConfig())
        moved = []
        for start in range(0, len(code), rows):
            part = code[start : start + rows]
            filled = Latents.cat([part, *[part[0]] * (rows - len(part))])
            moved.append(objective.minimise(filled.to(device))[: len(part)].to("cpu"))
        return Latents.cat(moved)


class _Objective:
    """E of :func:`steer`, for one call."""

    def __init__(
        self,
        model: ConditionalINN,
        prepared: PreparedCondition,
        wish: Wish,
        to_chroma: Callable[[Tensor], Tensor],
        config: HintConfig,
    ) -> None:
        self.model, self.prepared = model, prepared
        self.wish, self.to_chroma, self.config = wish, to_chroma, config
        self.near = wish.nearness
        self.rest = 1 - self.near.sum(0)

    def minimise(self, code: Latents) -> Latents:
        """Minimise for drawn latents of a whole call."""
        self.shapes = code.shapes
        self.drawn = code.flatten().clone()
        spread = _temperatures(self.model.config.temperature, len(code.levels))
        ones = Latents(tuple(torch.ones_like(level[:1]) for level in code.levels))
        self.spread = ones.scale(spread).flatten()
        with torch.no_grad():
            self.before = self._chroma(self.drawn)
        moved = descend(self._evaluate, torch.zeros_like(self.drawn), self.config.steps)
        return Latents.unflatten(self.drawn + self.spread * moved, self.shapes)

    def _chroma(self, flat: Tensor) -> Tensor:
        target, _ = self.model.inverse(Latents.unflatten(flat, self.shapes), self.prepared)
        return self.to_chroma(target)

    def _evaluate(self, moved: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        with torch.enable_grad():
            moved = moved.detach().requires_grad_()
            chroma = self._chroma(self.drawn + self.spread * moved)
            errors = self.wish.errors(chroma)
            away = chroma[:, None] - self.wish.chroma[:, :, None, None]
            value = (
                moved.square().sum(1)
                + errors.square().sum((1, 2)) / self.config.at_hint**2
                + (self.near * away.square().sum(2)).sum((1, 2, 3)) / self.config.near_hint**2
                + (self.rest * (chroma - self.before).square().sum(1)).sum((1, 2))
                / self.config.elsewhere**2
            ) / 2
            (gradient,) = torch.autograd.grad(value.sum(), moved)
        fine = errors.detach().norm(dim=2).amax(1) < self.config.good
        return value.detach(), gradient, fine


def _temperatures(temperature: float | Sequence[float], levels: int) -> Sequence[float]:
    """Give the model's own temperature of each level, by which latents move.

    Not the user's: even the muted picture, drawn with none, can follow a hint; and not without a
    least one: fine levels that are drawn as their mode still hold what is small.
    """
    spread = temperature if isinstance(temperature, Sequence) else [temperature] * levels
    return [max(LEAST_SPREAD, value) for value in spread]
