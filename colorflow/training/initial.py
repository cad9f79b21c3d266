"""Begin a run with the weights of a model that was trained before."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from colorflow.errors import CheckpointError, ConfigError
from colorflow.loading import model_path
from colorflow.models.checkpoint import CheckpointInfo, load_checkpoint
from colorflow.models.cinn import ConditionalINN
from colorflow.networks.backbones import backbone_hash


@dataclass(frozen=True)
class Initial:
    """The model a run begins with.

    Args:
        name: of a bundled model, or the absolute path of a checkpoint.
        content_hash: of its weights.
    """

    name: str
    content_hash: str

    def told(self) -> dict[str, str]:
        """Give what a trained model says of it: not where on this machine it lay."""
        return {"name": Path(self.name).name, "content_sha256": self.content_hash}


def look_at(name: str) -> tuple[Initial, CheckpointInfo]:
    """Read what a run is to begin with.

    Args:
        name: of a bundled model, or the path of a checkpoint.

    Returns:
        The model as a plan names it, and what its file says of it.

    Raises:
        CheckpointError: the file is missing, damaged, holds a regressor alone, or a backbone that
            the source it names does not have.
    """
    path = model_path(name)
    _, info = load_checkpoint(path)
    if info.part:
        raise CheckpointError(f"--init {name}: expected a whole model, got the {info.part} alone")
    # The bundled colorizer is itself the source of the backbone it holds.
    if info.backbone is not None and not _is_source(info):
        raise CheckpointError(
            f"--init {name}: expected a model with a frozen backbone, this one was trained with "
            "its own (joint phase); begin with the flow.safetensors of that run"
        )
    # Bundled models go by their name wherever they are installed.
    plain = name if Path(name) != path else str(path.absolute())
    return Initial(plain, info.content_hash), info


def take_weights(model: ConditionalINN, initial: Initial, identity: str) -> None:
    """Give a model the weights of another one of the same architecture.

    Args:
        model: to change.
        initial: whose weights to take.
        identity: hash of the backbone that the run uses.

    Raises:
        CheckpointError: the file is gone, was changed, or has another backbone.
        ConfigError: its architecture is another one.
    """
    trained, info = load_checkpoint(model_path(initial.name))
    if info.content_hash != initial.content_hash:
        raise CheckpointError(
            f"--init {initial.name}: expected the weights {initial.content_hash[:12]}…, found "
            f"{info.content_hash[:12]}…; the file was replaced after the run had begun"
        )
    found = _backbone_of(info)
    if found != identity:
        raise ConfigError(
            f"--init {initial.name}: trained with backbone weights {found[:12]}…, the "
            f"run uses {identity[:12]}…; leave model.backbone as it is"
        )
    theirs, ours = trained.state_dict(), model.state_dict()
    for name in sorted({*theirs, *ours}):
        shapes = [list(state[name].shape) if name in state else None for state in (theirs, ours)]
        if shapes[0] != shapes[1]:
            raise ConfigError(
                f"--init {initial.name}: '{name}' is {shapes[0] or 'not there'}, this run's model "
                f"expects {shapes[1] or 'none'}; leave the settings model.… that change its "
                "architecture as they are"
            )
    model.load_state_dict(theirs)


def _backbone_of(info: CheckpointInfo) -> str:
    """Identify the backbone of a model, also where it lies inside."""
    return info.backbone_hash if info.backbone is None else backbone_hash(str(info.path))


def _is_source(info: CheckpointInfo) -> bool:
    """Tell whether the source that a model names has the backbone that lies inside."""
    try:
        return backbone_hash(info.config.backbone) == _backbone_of(info)
    except CheckpointError:
        return False
