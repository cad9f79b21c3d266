"""What the condition pyramid of a model sees in a photo: its main components as colours."""

from __future__ import annotations

import torch
from PIL import Image, ImageDraw, ImageFont
from torch import Tensor

from colorflow.devices import one_thread
from colorflow.errors import ConfigError
from colorflow.images.read import PhotoLike, read_photo
from colorflow.sampling import Sampler

COLOURS = 3
GAP = 4
LABEL = 18
COLUMNS = 4  # of maps; further ones stand below
# Shares of positions that may fall outside the range of colours.
TAILS = 0.01


@torch.inference_mode()
def explain(sampler: Sampler, photo: PhotoLike, side: int = 320) -> Image.Image:
    """Show what each level of the pyramid tells the flow, from fine to coarse.

    The channels of a level are reduced to their first three principal components over the positions
    of the photo, shown as red, green and blue: what has one colour is one thing to the model.

    Source: Ardizzone et al., "Conditional Invertible Neural Networks for Diverse Image-to-Image
    Translation" (2020), the figure of the condition network's levels.

    Args:
        sampler: a colorizer or a translator.
        photo: path, picture or array.
        side: of the maps, the shorter one, at least about; they are enlarged by a whole number.

    Returns:
        The picture the model sees, and one map per level, four to a row, each under its size.

    Raises:
        ImageError: the photo cannot be read.
        ConfigError: the side is not positive.
    """
    if side < 1:
        raise ConfigError(f"side: expected at least 1 pixel, got {side}")
    condition = sampler.domain.condition(read_photo(photo))
    with one_thread(sampler.device):
        given = condition.to(sampler.device)
        maps = sampler.model.pyramid(given, sampler.features(given)).maps
    height, width = int(condition.shape[2]), int(condition.shape[3])
    factor = max(1, round(side / min(height, width)))
    size = width * factor, height * factor
    seen = sampler.domain.show(condition[0]).convert("RGB")
    parts = [seen.resize(size, Image.Resampling.NEAREST)]
    labels = [f"what the model sees, {width} x {height}"]
    for _, features in sorted(maps.items()):
        labels.append(f"level {len(parts)}, {features.shape[3]} x {features.shape[2]}")
        colours = principal_colours(features[0].cpu().float())
        pixels = (colours * 255).round().to(torch.uint8).permute(1, 2, 0).contiguous().numpy()
        # Blocks, not a smooth picture: their size is the resolution of the level.
        parts.append(Image.fromarray(pixels).resize(size, Image.Resampling.NEAREST))
    columns = min(len(parts), COLUMNS)
    step_x, step_y = size[0] + GAP, LABEL + size[1] + GAP
    rows = -(-len(parts) // columns)
    whole = Image.new("RGB", (columns * step_x - GAP, rows * step_y - GAP), "white")
    draw, font = ImageDraw.Draw(whole), ImageFont.load_default(size=12)
    for number, (part, label) in enumerate(zip(parts, labels, strict=True)):
        left, top = number % columns * step_x, number // columns * step_y
        draw.text((left, top + 1), label, fill="black", font=font)
        whole.paste(part, (left, top + LABEL))
    return whole


def principal_colours(features: Tensor) -> Tensor:
    """Reduce the channels of a map to three colours by principal component analysis.

    Centred features F [channels, positions] = U S V^T; colour k is row k of S V^T, stretched so
    that all but a few positions fill [0, 1].

    Args:
        features: [channels, height, width].

    Returns:
        [3, height, width], in [0, 1]; 1/2 where there is no further component.
    """
    channels, height, width = features.shape
    flat = features.reshape(channels, -1).double()
    rounding = 1e-9 * flat.norm()  # less than that is no contrast
    flat = flat - flat.mean(1, keepdim=True)
    u, s, v = torch.linalg.svd(flat, full_matrices=False)
    # A component may be turned round; the channel with the most weight is to count upwards.
    signs = u.gather(0, u.abs().argmax(0, keepdim=True)).sign()[0]
    scores = (s * signs)[:, None] * v
    colours = torch.full((COLOURS, height * width), 0.5, dtype=torch.float64)
    for k in range(min(COLOURS, len(s))):
        if s[k] <= rounding:
            break
        low, high = torch.quantile(scores[k], torch.tensor([TAILS, 1 - TAILS]).double())
        colours[k] = ((scores[k] - low) / (high - low).clamp(min=1e-12)).clamp(0, 1)
    return colours.float().view(COLOURS, height, width)
