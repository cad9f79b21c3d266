"""Turn a finished run into the bundled model: ``photo.safetensors`` and its regressor.

    python scripts/bundle_model.py RUN --temperature 0,0.3,0.8,1.2 [--out pretrained]

Weights and training log stay as the run left them; the default temperature, which is chosen after
training (scripts/tune_temperature.py), is written into the config.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from colorflow.models.checkpoint import load_checkpoint, save_checkpoint
from colorflow.training.reports import LOG


def main() -> None:
    """Read the run, write the two files."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("run", type=Path)
    parser.add_argument("--temperature", required=True)
    parser.add_argument("--name", default="photo")
    parser.add_argument("--out", type=Path, default=Path("pretrained"))
    parser.add_argument("--regressor", type=Path, help="usual: regress.safetensors of the run")
    options = parser.parse_args()
    numbers = [float(value) for value in options.temperature.split(",")]
    temperature = numbers[0] if len(numbers) == 1 else tuple(numbers)
    reports = [json.loads(line) for line in (options.run / LOG).read_text().splitlines()]
    model, info = load_checkpoint(options.run / "model.safetensors")
    model.config = model.config.replace(name=options.name, temperature=temperature)
    licence = "Apache-2.0; trained on research photos, see the model card"
    provenance = {**info.provenance, "reports": reports, "licence": licence}
    path = options.out / f"{options.name}.safetensors"
    save_checkpoint(path, model, info.backbone_hash, provenance, info.backbone)
    print(f"{path}: {path.stat().st_size:,} bytes, {load_checkpoint(path)[1].content_hash}")
    first = options.regressor or options.run / "regress.safetensors"
    if options.regressor or first.exists():
        head, info = load_checkpoint(first)
        path = options.out / f"{options.name}_regressor.safetensors"
        facts = {**info.provenance, "licence": licence}
        save_checkpoint(path, head, info.backbone_hash, facts, info.backbone, part="regressor")
        print(f"{path}: {path.stat().st_size:,} bytes")


if __name__ == "__main__":
    main()
