"""Compare sampling temperatures, one number per level of the latents, on held-back photos.

    python scripts/tune_temperature.py --data PHOTOS --every 2 --try 0,0,0.5,1 --vivid 1 --vivid 1.2
    python scripts/tune_temperature.py --data PHOTOS --every 2 --try 0,0,0.5,1 --shrinkage 0,0.2,0.4
    python scripts/tune_temperature.py --model night --data PAIRS --every 2 --try 0.5 --try 1

Takes every k-th photo or pair, so that a figure reported on all of them was not chosen on all of
them. The condition of a photo is computed once for all choices, and nothing is finished at full
size. For each choice it prints the headline figures of docs/evaluation.md: first variant, best of
four and best of eight over one answer for all (grey, or the mean partner), the share of photos
whose first variant is worse than that, mean chroma over the truth's minus 1, and the distance
between variants (for pairs over that between true partners of one site); then one sample, the
variance and the colourfulness of small pictures. Then, for each shrinkage, how far the shares are
off, and the bins: mean share, how often the truth was nearest, number of variants.
"""

from __future__ import annotations

import argparse
import math
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import product
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from colorflow.decoding import rows_per_call
from colorflow.devices import one_thread
from colorflow.draws import STRATEGIES, require_vivid
from colorflow.evaluation.chroma import chroma_errors, mean_chroma, to_areas
from colorflow.evaluation.colourfulness import colourfulness
from colorflow.evaluation.examples import Example, PairExample, PhotoExample, squares
from colorflow.evaluation.headline import headline
from colorflow.evaluation.measured import Method
from colorflow.evaluation.one_photo import target_of
from colorflow.evaluation.shares import expected_error, share_reliability
from colorflow.evaluation.side_by_side import side_by_side, workers_for
from colorflow.images.lab import lab_to_rgb
from colorflow.realization import Realizer, choose
from colorflow.sampling import Sampler
from colorflow.training.pairs import survey_pairs
from colorflow.training.survey import list_photos
from colorflow.translate import Translator, load_sampler

AREAS = 32


@dataclass(frozen=True)
class Choice:
    """What is tried.

    Args:
        temperature: one number per level, finest first, or one for all.
        vivid: factor on chroma.
    """

    temperature: tuple[float, ...]
    vivid: float


@dataclass
class Outcome:
    """Figures of one photo.

    Args:
        simple: of the one answer for all.
        truth: of the truth.
        variants: by choice.
        shares: of the variants, without shrinkage, by choice; empty where they have none.
        nearest: number of the variant nearest to the truth, by choice.
    """

    simple: dict[str, float]
    truth: dict[str, float]
    variants: dict[Choice, dict[str, float]] = field(default_factory=dict)
    shares: dict[Choice, tuple[float, ...]] = field(default_factory=dict)
    nearest: dict[Choice, int] = field(default_factory=dict)


def _picture(lightness: Tensor, values: Tensor) -> np.ndarray:
    """Make a picture of Lab values; those of chroma alone are put on the lightness."""
    lab = values if len(values) == 3 else torch.cat([lightness, values])
    rgb: Tensor = lab_to_rgb(lab[None])[0].clamp(0, 1) * 255
    return rgb.round().byte().permute(1, 2, 0).numpy()


def truth_of(sampler: Sampler, example: Example) -> Tensor:
    """Give the truth about a photo at the model's size, in Lab units."""
    return sampler.domain.in_lab(target_of(sampler.domain, *squares(example))[1][0])


def measurer(
    sampler: Sampler, simple: Tensor | None, choices: Sequence[Choice], n: int, draw: str
) -> Callable[[Example], Outcome]:
    """Make what measures a photo under all choices.

    Args:
        sampler: the model.
        simple: the one answer for all, in Lab units; grey where None.
        choices: temperatures and factors.
        n: variants.
        draw: one of the strategies.

    Returns:
        A function of an example.
    """
    temperatures = list(dict.fromkeys(choice.temperature for choice in choices))
    realizer = Realizer(sampler.model, sampler.domain, rows_per_call(sampler.device))

    @torch.inference_mode()
    def measure(example: Example) -> Outcome:
        photo, partner = squares(example)
        condition, target = target_of(sampler.domain, photo, partner)
        prepared = sampler.prepare(condition)
        values = sampler.domain.in_lab(target[0])
        lab = functional.adaptive_avg_pool2d(partner.lab()[None], values.shape[1:])[0]
        truth = to_areas(partner.lab()[-len(values) :], AREAS)
        nothing = to_areas(torch.zeros_like(values) if simple is None else simple, AREAS)
        true_picture = colourfulness(_picture(lab[:1], lab[1:]))
        outcome = Outcome(
            chroma_errors(nothing[None], truth).figures(),
            {"chroma": mean_chroma(truth), "colourfulness": true_picture},
        )
        digest, size = photo.digest(), (int(condition.shape[2]), int(condition.shape[3]))
        for temperature in temperatures:
            spread = temperature if len(temperature) > 1 else temperature[0]
            plan = sampler.plan(photo, n, 1.0, spread, 0, draw, size, digest)
            drawn = choose(sampler.model, plan, prepared)
            (made,) = realizer.realize([drawn], [prepared])
            plain = sampler.domain.in_lab(made.targets)
            for choice in choices:
                if choice.temperature != temperature:
                    continue
                samples = plain.clone()
                samples[:, -2:] *= choice.vivid
                errors = chroma_errors(to_areas(samples, AREAS), truth)
                colours = [colourfulness(_picture(lab[:1], sample)) for sample in samples[:4]]
                figures = {**errors.figures(), "colourfulness": float(np.mean(colours))}
                outcome.variants[choice] = figures
                outcome.nearest[choice] = errors.nearest
                shares = made.drawn.shares if made.drawn else ()
                outcome.shares[choice] = tuple(s for s in shares if s is not None)
        return outcome

    return measure


def _even_out(shares: Sequence[float], shrinkage: float) -> tuple[float, ...]:
    """Draw shares towards equal ones."""
    return tuple((1 - shrinkage) * share + shrinkage / len(shares) for share in shares)


def row_of(outcomes: Sequence[Outcome], choice: Choice, n: int, true_distance: float) -> str:
    """Write the figures of a choice as a row of the table.

    Args:
        outcomes: of all photos.
        choice: of temperature and factor.
        n: variants.
        true_distance: between true partners of a site; 0 where there are none.

    Returns:
        The row.
    """
    ours, nothing, truth = Method(), Method(), Method()
    for outcome in outcomes:
        ours.add(**outcome.variants[choice])
        nothing.add(**outcome.simple)
        truth.add(**outcome.truth)
    figures = {name: d.value for name, d in headline(ours, nothing, truth, n).items()}
    distance = ours.array("distance").mean()
    apart = f"{distance / true_distance:.0%}" if true_distance else f"{distance:.2f}"
    four = f"{figures['best_of_4']:.4f}" if "best_of_4" in figures else ""
    one = math.sqrt(ours.array("one").mean() / nothing.array("one").mean())
    colours = ours.array("colourfulness").mean() / truth.array("colourfulness").mean() - 1
    return (
        f"| {', '.join(f'{t:g}' for t in choice.temperature)} | {choice.vivid:g} "
        f"| {figures['first']:.4f} | {four} | {figures['best_of_n']:.4f} "
        f"| {figures['first_worse']:.1%} | {figures['chroma_gap']:+.1%} | {apart} "
        f"| {one:.4f} | {ours.array('variance').mean():.1f} | {colours:+.1%} |"
    )


def shares_of(outcomes: Sequence[Outcome], choice: Choice, shrinkage: float) -> str:
    """Write how reliable the shares of a choice are.

    Args:
        outcomes: of all photos.
        choice: of temperature and factor.
        shrinkage: towards equal shares.

    Returns:
        A line.
    """
    shares = [_even_out(outcome.shares[choice], shrinkage) for outcome in outcomes]
    bins = share_reliability(shares, [outcome.nearest[choice] for outcome in outcomes])
    text = ", ".join(f"{b.share:.1%} -> {b.nearest:.1%} ± {b.error:.1%} ({b.cases})" for b in bins)
    return f"  shrinkage {shrinkage:g}: off by {expected_error(bins):.2%}; {text}"


def _true_distance(examples: Sequence[Example], truths: Sequence[Tensor]) -> float:
    """Mean distance between the true partners of a site, in Delta E; 0 where there are none."""
    sites: dict[str, list[Tensor]] = {}
    for example, truth in zip(examples, truths, strict=True):
        sites.setdefault(example.site, []).append(to_areas(truth, AREAS))
    distances: list[float] = []
    for several in sites.values():
        if len(several) > 1:
            stacked = torch.stack(several)
            distances += [chroma_errors(stacked, stacked[0]).distance] * len(several)
    return float(np.mean(distances)) if distances else 0.0


def _numbers(text: str) -> tuple[float, ...]:
    return tuple(float(value) for value in text.split(","))


def main() -> None:
    """Measure every choice on every photo, then print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", default="photo")
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--every", type=int, default=2)
    parser.add_argument("--try", dest="tried", action="append", required=True, type=_numbers)
    parser.add_argument("--vivid", action="append", type=float)
    parser.add_argument("--shrinkage", type=_numbers, default=())
    parser.add_argument("--draw", choices=STRATEGIES, default=STRATEGIES[0])
    parser.add_argument("--n", type=int, default=8)
    options = parser.parse_args()
    sampler = load_sampler(options.model)
    shrinkage = options.shrinkage or (sampler.model.config.share_shrinkage,)
    sampler.model.config = sampler.model.config.replace(share_shrinkage=0.0)
    examples: list[Example]
    pairs = isinstance(sampler, Translator)
    if pairs:
        examples = [PairExample(pair) for pair in survey_pairs(options.data, 1).good]
    else:
        examples = [PhotoExample(path) for path in list_photos(options.data)]
    examples = examples[:: options.every]
    gains = [require_vivid(gain) for gain in options.vivid or [1.0]]
    choices = [Choice(tried, gain) for tried, gain in product(options.tried, gains)]
    workers = workers_for(sampler.device)
    with one_thread():
        simple, true_distance = None, 0.0
        if pairs:
            truths = list(side_by_side(lambda e: truth_of(sampler, e), examples, workers))
            simple, true_distance = torch.stack(truths).mean(0), _true_distance(examples, truths)
        measure = measurer(sampler, simple, choices, options.n, options.draw)
        outcomes = []
        for outcome in side_by_side(measure, examples, workers):
            outcomes.append(outcome)
            if len(outcomes) % 32 == 0:
                print(f"{len(outcomes)}/{len(examples)}", file=sys.stderr, flush=True)
    print(
        f"{sampler.model_id}, {len(outcomes)} photos, every {options.every}th of {options.data}, "
        f"{options.draw} variants"
    )
    print(
        f"| temperature | vivid | first | best of 4 | best of {options.n} | worse | chroma "
        "| distance | one | variance | colourfulness |"
    )
    print("|---" * 11 + "|")
    for choice in choices:
        print(row_of(outcomes, choice, options.n, true_distance))
    for choice in choices:
        if outcomes[0].shares[choice]:
            spread = ", ".join(f"{t:g}" for t in choice.temperature)
            print(f"shares at temperature {spread}, vivid {choice.vivid:g}")
            for value in shrinkage:
                print(shares_of(outcomes, choice, value))


if __name__ == "__main__":
    main()
