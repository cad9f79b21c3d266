"""``python -m colorflow.training``: train a colorizer on a folder of photos."""

from __future__ import annotations

import argparse
from pathlib import Path

import torch

from colorflow.devices import choose_device
from colorflow.domains import colorization_of
from colorflow.models.cinn import ConditionalINN
from colorflow.models.presets import preset, preset_names
from colorflow.networks.vgg_weights import backbone_hash, load_vgg16
from colorflow.training.cache import build_cache
from colorflow.training.fit import FitConfig, fit
from colorflow.training.views import Views, list_photos


def main() -> None:
    """Read the arguments, build the caches, train."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="folder of training photos")
    parser.add_argument("--val", type=Path, required=True, help="folder of photos held back")
    parser.add_argument("--cache", type=Path, required=True, help="folder for the features")
    parser.add_argument("--out", type=Path, required=True, help="checkpoint to write")
    parser.add_argument("--preset", choices=preset_names(), default="photo")
    parser.add_argument("--views", type=int, default=3, help="crops per photo")
    parser.add_argument("--pretrain-minutes", type=float, default=FitConfig.pretrain_minutes)
    parser.add_argument("--flow-minutes", type=float, default=FitConfig.flow_minutes)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda or mps")
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    options = parser.parse_args()

    torch.set_num_threads(options.threads)
    model_config = preset(options.preset)
    config = FitConfig(
        pretrain_minutes=options.pretrain_minutes,
        flow_minutes=options.flow_minutes,
        seed=options.seed,
    )
    domain = colorization_of(model_config)
    identity = backbone_hash(model_config.backbone)
    backbone = load_vgg16(model_config.backbone, model_config.taps)
    key = f"{identity} {model_config.taps} {domain.geometry} {domain.scale} {options.seed}"
    caches = {}
    for split, folder, count in (("val", options.val, 1), ("train", options.data, options.views)):
        views = Views(list_photos(folder), domain, count, options.seed)
        caches[split] = build_cache(options.cache / split, views, backbone, key, log=_print)
    torch.manual_seed(options.seed)
    model = ConditionalINN(model_config)
    device = choose_device(options.device)
    fit(model, caches["train"], caches["val"], options.out, identity, config, device, _print)


def _print(line: str) -> None:
    print(line, flush=True)


if __name__ == "__main__":
    main()
