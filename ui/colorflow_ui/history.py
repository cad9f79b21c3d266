"""What a file that is taken home says of how it was made."""

from __future__ import annotations

import dataclasses
from typing import Any

from colorflow.batch.config import RECIPE
from colorflow.batch.encoding import FILE, made_by
from colorflow.batch.painters import SamplePainter
from colorflow.images.metadata import Policy
from colorflow.sampling import Sampler
from colorflow.variants import Variant
from colorflow_ui.engine import Take


def history_of(
    colorizer: Sampler,
    photo: tuple[str, str],
    take: Take,
    variant: Variant,
    look: tuple[float, float],
    policy: Policy,
) -> dict[str, Any]:
    """Say how a file was made: a plain sample in the words of ``colorflow colorize``, an edit not.

    Args:
        colorizer: the model.
        photo: hashes of its pixels and of its file.
        take: the variant as it was drawn.
        variant: the same at its saturation.
        look: saturation, or strength, and the factor on chroma.
        policy: for the metadata of the photo.

    Returns:
        Plain data; of a sample, what ``colorflow recolor`` needs to make it again.
    """
    saturation, vivid = look
    config, hints = take.origin.get("config"), take.origin.get("hints")
    # Hints are met by the pictures as drawn; other factors afterwards are an edit.
    if config is not None and (hints is None or look == (1, config.vivid)):
        config = dataclasses.replace(config, saturation=saturation, vivid=vivid, metadata=policy)
        painter = SamplePainter(colorizer, config)
        settings = painter.settings if hints is None else {**painter.settings, "hints": hints}
        variant = dataclasses.replace(variant, index=int(take.origin["index"]))
        return {**made_by(settings, *photo), **painter.describe(variant)}
    strength = colorizer.domain.strength
    return {
        "recipe": RECIPE,
        "model": colorizer.model_id,
        "edited": {"edit": "vivid" if saturation == 1 else strength, **named(take)},
        strength: saturation,
        "vivid": vivid,
        "metadata": policy,
        "photo": photo[0],
        FILE: photo[1],
        "log_prob_nats": round(variant.log_prob, 2),
    }


def edited(edit: str, seed: int, of: Take) -> dict[str, Any]:
    """Say how a variant was made from another.

    Args:
        edit: what was done.
        seed: of what was drawn for it.
        of: the other variant.

    Returns:
        The origin of the new one.
    """
    return {"edit": edit, "of": named(of), "seed": seed}


def named(take: Take) -> dict[str, Any]:
    """Say in plain data where a variant comes from.

    Args:
        take: the variant.

    Returns:
        Its origin; of a sample, how it was drawn.
    """
    origin = dict(take.origin)
    config = origin.pop("config", None)
    if config is not None:
        origin |= {"seed": config.seed, "temperature": config.temperature, "draw": config.draw}
        origin |= {"detail": config.detail, "number": take.number, "redrawn": take.redrawn}
    return origin
