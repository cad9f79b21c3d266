"""What a run was started with, as written into its folder."""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from colorflow import __version__
from colorflow.domains import Translation
from colorflow.errors import ConfigError
from colorflow.files import written_whole
from colorflow.training.config import TrainConfig
from colorflow.training.initial import Initial
from colorflow.training.sites import compile_site

CONFIG = "config.json"


@dataclass(frozen=True)
class RunPlan:
    """What a run was started with, as written into its folder.

    Args:
        config: what to train and how.
        data: folder of training photos.
        val: folder of photos to report on; None for some of the training photos, or for none.
        out: folder of the run.
        cache: folder of the feature caches, which runs share.
        device: ``"auto"``, ``"cpu"``, ``"cuda"`` or ``"mps"``.
        devices: GPUs, or processes on a CPU, per machine.
        nodes: machines.
        initial: model whose weights the run begins with, or None for random ones.
        hold_back: some of the training photos are held back where ``val`` is None.
        site: regular expression that finds the site in the name of a pair, or None to guess it.

    Raises:
        ConfigError: the batch cannot be shared among the processes, ``site`` is not a regular
            expression, or is given for photos that are not in pairs.
    """

    config: TrainConfig
    data: Path
    val: Path | None
    out: Path
    cache: Path
    device: str = "auto"
    devices: int = 1
    nodes: int = 1
    initial: Initial | None = None
    hold_back: bool = True
    site: str | None = None

    def __post_init__(self) -> None:
        world = self.devices * self.nodes
        if min(self.devices, self.nodes) < 1 or self.config.batch % world:
            raise ConfigError(
                f"batch: expected a multiple of the {world} processes, got {self.config.batch}"
            )
        if self.site is not None:
            if not self.in_pairs:
                raise ConfigError("--site: only pairs have sites; leave it out for single photos")
            compile_site(self.site)

    @property
    def in_pairs(self) -> bool:
        """Whether the photos are in pairs."""
        return self.config.model.domain == Translation.name

    @property
    def resume(self) -> str:
        """The command that goes on with the run."""
        verb = "translate" if self.in_pairs else "colorize"
        return f"colorflow train {verb} --resume {self.out}"

    def to_dict(self) -> dict[str, Any]:
        """Give the plan as plain data, ready for JSON."""
        val = str(self.val.absolute()) if self.val else None
        return {
            "colorflow": __version__,
            "data": str(self.data.absolute()),
            "val": val,
            "hold_back": self.hold_back,
            "site": self.site,
            "cache": str(self.cache.absolute()),
            "device": self.device,
            "devices": self.devices,
            "nodes": self.nodes,
            "initial": dataclasses.asdict(self.initial) if self.initial else None,
            "config": self.config.to_dict(),
        }


def read_plan(run: Path) -> RunPlan:
    """Read what a run was started with.

    Args:
        run: its folder.

    Returns:
        The plan.

    Raises:
        ConfigError: there is no run in that folder, or its plan cannot be understood.
    """
    path = run / CONFIG
    if not path.is_file():
        raise ConfigError(f"{run}: expected a run to resume, found no {CONFIG} in it")
    try:
        data = json.loads(path.read_text())
        val = Path(data["val"]) if data["val"] else None
        # Runs of older versions have no initial model, hold photos back, and guess sites.
        initial = data.get("initial")
        return RunPlan(
            TrainConfig.from_dict(data["config"]),
            Path(data["data"]),
            val,
            run,
            Path(data["cache"]),
            data["device"],
            data["devices"],
            data["nodes"],
            Initial(**initial) if initial else None,
            data.get("hold_back", True),
            data.get("site"),
        )
    except (ValueError, KeyError, TypeError) as error:
        raise ConfigError(f"{path}: cannot be understood ({error})") from error


def differences(old: TrainConfig, new: TrainConfig) -> list[str]:
    """Name the settings in which two configs differ.

    Args:
        old: of the run.
        new: as asked for.

    Returns:
        ``key: old in the run, new asked for``, one for each.
    """

    def leaves(value: Any, key: str = "") -> dict[str, Any]:
        if isinstance(value, (list, tuple)):
            value = dict(enumerate(value))
        if not isinstance(value, dict):
            return {key: value}
        flat: dict[str, Any] = {}
        for name, entry in value.items():
            flat |= leaves(entry, f"{key}.{name}" if key else str(name))
        return flat

    ours, theirs = leaves(old.to_dict()), leaves(new.to_dict())
    names = [name for name in {**ours, **theirs} if ours.get(name) != theirs.get(name)]
    return [f"{n}: {ours.get(n)} in the run, {theirs.get(n)} asked for" for n in names]


def write_plan(plan: RunPlan) -> None:
    """Write a plan into the folder of its run.

    Args:
        plan: to write.

    Raises:
        ConfigError: the folder holds a run already.
    """
    path = plan.out / CONFIG
    if path.exists():
        raise ConfigError(
            f"{plan.out}: holds a run already; go on with --resume {plan.out}, or choose another "
            "--out"
        )
    with written_whole(path) as temporary:
        temporary.write_text(json.dumps(plan.to_dict(), indent=2) + "\n")
