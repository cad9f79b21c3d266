"""Running the flow backwards in calls of one fixed shape, so that company does not change a result.

Libraries choose other kernels for other batch sizes and thread counts, which changes the last bits
of a result. Every call of the flow therefore has the same number of rows, filled up where fewer
are wanted, and on a CPU is the work of one thread; a variant so depends neither on how many others
were asked for, nor on the photos beside it, nor on the cores of the machine. Several photos at once
are what keeps several cores, or a GPU, busy.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from colorflow.errors import ShapeError
from colorflow.models.cinn import ConditionalINN
from colorflow.models.condition import PreparedCondition
from colorflow.models.latents import Latents

# Rows of a call, by device type.
CHUNK = {"cpu": 4, "cuda": 64, "mps": 16}


def rows_per_call(device: torch.device) -> int:
    """Give the fixed number of samples in a call of the flow.

    Args:
        device: where it runs.

    Returns:
        A power of two.
    """
    return CHUNK.get(device.type, 4)


def fewer_of_larger(count: int, size: tuple[int, int], side: int) -> int:
    """Count what shares a call where each is larger than usual, so that memory stays the same.

    Args:
        count: at the usual size, side x side; a power of two.
        size: height and width of a condition or target.
        side: usual length of a side, in the same pixels.

    Returns:
        The count divided by the largest power of two that size has more of the usual area; at
        least 1.
    """
    times = max(1, size[0] * size[1] // side**2)
    return max(1, count >> (times.bit_length() - 1))


def photos_per_call(samples: int, rows: int) -> int:
    """Tell how many photos share a call.

    Args:
        samples: wanted of each photo.
        rows: of a call.

    Returns:
        At least 1.
    """
    return rows // _rows_each(samples, rows)


def _rows_each(samples: int, rows: int) -> int:
    """Round the samples of a photo up to a power of two, at most a whole call."""
    return min(rows, 1 << (samples - 1).bit_length())


def decode(
    model: ConditionalINN,
    codes: Sequence[Latents],
    conditions: Sequence[PreparedCondition],
    rows: int,
) -> list[tuple[Tensor, Tensor]]:
    """Turn latents of several photos into targets.

    Args:
        model: the flow.
        codes: of each photo, all with the same number of samples and of one geometry.
        conditions: of each photo, prepared one by one.
        rows: of a call at the usual size, a power of two.

    Returns:
        Of each photo its targets [samples, channels, height, width], and the log-density of each
        under the model, log N(z; 0, 1) - log|det dx/dz| in nats, [samples]; on the CPU.

    Raises:
        ShapeError: the numbers of samples or conditions differ, or there are none.
    """
    counts = {len(code) for code in codes}
    if len(counts) != 1 or len(codes) != len(conditions):
        raise ShapeError(
            f"decode: expected codes of equal length, one per condition, got lengths {counts} and "
            f"{len(conditions)} conditions"
        )
    samples = counts.pop()
    rows = fewer_of_larger(rows, conditions[0].size, model.config.side // model.config.stride)
    each = _rows_each(samples, rows)
    device = next(model.parameters()).device
    # A unit is as many samples of one photo as go into a call.
    units = [(photo, start) for photo in range(len(codes)) for start in range(0, samples, each)]
    targets: list[list[Tensor]] = [[] for _ in codes]
    scores: list[list[Tensor]] = [[] for _ in codes]
    together = rows // each
    for first in range(0, len(units), together):
        call = units[first : first + together]
        filled = call + call[-1:] * (together - len(call))
        parts = [_padded(codes[photo][start : start + each], each) for photo, start in filled]
        latents = Latents.cat(parts)
        prepared = PreparedCondition.cat([conditions[photo] for photo, _ in filled])
        made, log_det = model.inverse(latents.to(device), prepared)
        log_prob = latents.log_prob() - log_det.cpu()
        made = made.cpu()
        for (photo, start), row in zip(call, range(0, rows, each), strict=False):
            stop = row + min(each, samples - start)
            targets[photo].append(made[row:stop])
            scores[photo].append(log_prob[row:stop])
    return [(torch.cat(t), torch.cat(s)) for t, s in zip(targets, scores, strict=True)]


def _padded(code: Latents, count: int) -> Latents:
    missing = count - len(code)
    return Latents.cat([code, *[code[0]] * missing]) if missing else code
