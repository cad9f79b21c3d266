"""The stages a photo goes through: look, decode, paint, finish, write."""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from typing import Any

from colorflow.batch.config import BatchConfig, settings_hash
from colorflow.batch.copies import Copies
from colorflow.batch.encoding import FILE, is_deep, made_by, make_pictures
from colorflow.batch.existing import State, examine, with_latents
from colorflow.batch.leaves import is_large, leaves_of
from colorflow.batch.memory import (
    BYTES_PER_PIXEL,
    Budget,
    pixels_of,
    trim,
    within_memory,
)
from colorflow.batch.names import latents_path
from colorflow.batch.notes import OWN, tell_missed, tell_redrawn
from colorflow.batch.painters import Painter, Prepared, describe_variant, settings_of
from colorflow.batch.pipeline import Done, Stage
from colorflow.batch.places import stage
from colorflow.batch.results import Leaf, Parcel, timed
from colorflow.decoding import fewer_of_larger, rows_per_call
from colorflow.errors import ColorflowError, ConfigError
from colorflow.hints import move_inside, require_inside
from colorflow.images.formats import WRITERS
from colorflow.images.read import read_photo
from colorflow.images.write import encode_image, encode_to, history_of
from colorflow.variants import Variant

# From this size of a result on, memory that is freed is given back to the system at once.
TRIM_BYTES = 1 << 27


class Line:
    """The work of each stage, and what they share.

    Args:
        painter: what is painted.
        config: of the job.
        memory: bytes that photos in work may take together.
        owner: of temporary files.
    """

    def __init__(self, painter: Painter, config: BatchConfig, memory: int, owner: str = "") -> None:
        self.painter = painter
        self.config = config
        self.owner = owner
        self.copies = Copies(painter)
        # One half for photos, the other for full-size results: a photo never waits for itself.
        self.photos, self.results = Budget(memory // 2), Budget(memory // 2)
        device = painter.colorizer.device
        self.rows = rows_per_call(device)
        # One stream of work keeps a GPU busy; a CPU has a core for every photo.
        self.slots = 0 if device.type == "cpu" else 1

    def stages(self, look_only: bool = False) -> list[Stage]:
        """List the stages, first to last.

        Args:
            look_only: leave out all that reads, computes or writes pictures.

        Returns:
            The stages.
        """
        if look_only:
            return [Stage("look", self.look, "io"), Stage("tell", self.tell, "io")]
        return [
            Stage("look", timed(self.look), "io"),
            Stage("decode", timed(self.decode), "compute", admit=self._admit),
            Stage(
                "paint",
                timed(self.paint),
                "compute",
                size=self.painter.together,
                group=lambda p: tuple(p.condition.shape),
                slots=self.slots,
            ),
            Stage("finish", timed(self.finish), "compute", admit=self._admit_leaf),
            Stage("write", timed(self.write), "io"),
        ]

    def look(self, parcels: Sequence[Parcel]) -> list[Any]:
        """See what is there already; fetch a photo that is far away, and see how large it is."""
        (parcel,) = parcels
        job, result = parcel.job, parcel.result
        rerun = self.config.rerun
        if rerun != "overwrite":
            settings = settings_of(self.painter, job.source)
            same = functools.partial(self._same_photo, parcel)
            found = examine(parcel.outputs, settings, settings_hash(settings), same)
            if self.config.latents:
                found = with_latents(found, parcel.outputs)
            if found.state is State.done:
                result.outputs = list(parcel.outputs)
                return self._ended(parcel, "skipped", found.reason)
            if found.state is State.foreign:
                return self._ended(parcel, "stale", f"{found.reason}; use --overwrite")
            if found.state is State.stale and rerun == "skip":
                hint = f"make them again with {self.painter.again}"
                return self._ended(parcel, "stale", f"{found.reason}; {hint}")
        parcel.pixels = pixels_of(parcel.fetched())
        parcel.cost = BYTES_PER_PIXEL * parcel.pixels
        return [parcel]

    def tell(self, parcels: Sequence[Parcel]) -> list[Any]:
        """Say what would be done."""
        (parcel,) = parcels
        parcel.result.outputs = list(parcel.outputs)
        return self._ended(parcel, "to do", "")

    def decode(self, parcels: Sequence[Parcel]) -> list[Any]:
        """Read the photo, and make what the networks need of it."""
        (parcel,) = parcels
        photo = read_photo(parcel.file, self.config.max_pixels)
        file = parcel.content()
        parcel.keep.close()
        result = parcel.result
        if not parcel.job.named and history_of(photo.metadata) is not None:
            return self._ended(parcel, "skipped", OWN)
        whole, photo = photo, self.painter.inside(photo)
        domain = self.painter.colorizer.domain
        result.coloured = domain.condition_channels == 1 and photo.is_coloured()
        result.notes += photo.notes
        parcel.metadata = photo.metadata.apply(self.config.metadata)
        parcel.deep, parcel.alpha = is_deep(photo), photo.alpha is not None
        identity = self.painter.identify(photo)
        settings = settings_of(self.painter, parcel.job.source)
        parcel.made_by = made_by(settings, identity, file)
        parcel.hints = self.painter.hints_of(parcel.job.source)
        require_inside(parcel.hints, whole.size, photo.name)
        parcel.placed, border = parcel.hints, {}
        if photo.frame:
            corner = photo.frame.border.corner
            parcel.placed = move_inside(parcel.hints, corner, photo.size, photo.name)
            border = {"border": photo.frame.border.widths}
        parcel.made_by |= border
        result.details = {"size": list(whole.size[::-1]), "photo": identity, **border}
        parcel.photo = photo
        parcel.pixels = whole.size[0] * whole.size[1]
        self._set(parcel, self.painter.prepare(photo, identity))
        if domain.condition_channels == 1:
            photo.drop_colours()
        return [parcel]

    def paint(self, parcels: Sequence[Parcel]) -> list[Any]:
        """Run the networks."""

        def paint(items: Sequence[Parcel], rows: int) -> list[list[Variant]]:
            prepared = [(p.photo, p.condition, p.code) for p in items]
            hints = [p.placed for p in items]
            return self.painter.paint(prepared, rows, hints)  # type: ignore[arg-type]

        def work(items: Sequence[Parcel], rows: int) -> list[list[Variant]]:
            return self.copies.paint(items, functools.partial(paint, rows=rows))

        leaves: list[Leaf] = []
        painted: list[list[Variant]] = []
        size = self._per_call(parcels)
        for start in range(0, len(parcels), size):
            part = parcels[start : start + size]
            painted += within_memory(work, part, self.rows, self._smaller)
        for parcel, variants in zip(parcels, painted, strict=True):
            parcel.photo = parcel.condition = parcel.code = None  # pixels are not needed any more
            parcel.result.details["variants"] = [
                {**describe_variant(v), **self.painter.describe(v)} for v in variants
            ]
            tell_missed(parcel, variants)
            tell_redrawn(parcel, variants)
            cut = leaves_of(parcel, variants)
            parcel.pending = len(cut)
            leaves += cut
        if size < self.painter.together or any(leaf.cost >= TRIM_BYTES for leaf in leaves):
            trim()  # what the networks took, before results are made
        return leaves

    def finish(self, leaves: Sequence[Leaf]) -> list[Any]:
        """Make full-size pictures and encode them; large ones into their files at once."""
        (leaf,) = leaves
        parcel = leaf.parcel
        if parcel.error is not None:
            return [leaf]
        # All results of a photo have the same format.
        pictures = make_pictures(leaf.variants, leaf.outputs[0].suffix, parcel.deep)
        for variant, output, picture in zip(leaf.variants, leaf.outputs, pictures, strict=True):
            suffix = output.suffix.lower()
            if WRITERS[suffix] == "JPEG" and parcel.alpha:
                parcel.result.note("its transparency is lost in JPEG; keep it with --format png")
            history = {**parcel.made_by, **self.painter.describe(variant)}
            content: dict[str, Any] = {"image": picture, "suffix": suffix, "made_by": history}
            content |= {"metadata": parcel.metadata, "quality": self.config.quality}
            if is_large(parcel):
                write = functools.partial(encode_to, **content)
                parcel.staged.append(stage(output, write, self.owner))
            else:
                leaf.files.append((output, encode_image(**content)))
            if self.config.latents:
                leaf.files.append((latents_path(output), variant.latents.to_bytes()))
        return [leaf]

    def write(self, leaves: Sequence[Leaf]) -> list[Any]:
        """Write results under other names; with the last of a photo, give all their names."""
        (leaf,) = leaves
        for path, data in leaf.files:
            if leaf.parcel.error is not None:
                break
            leaf.parcel.staged.append(stage(path, data, self.owner))
        if leaf.cost >= TRIM_BYTES:
            trim()  # Pillow's picture, before the next one is made
        return self._leaf_done(leaf, None)

    def fail(self, item: Any, error: Exception) -> list[Done]:
        """Turn an error of one photo into its result; one that concerns all is raised.

        Args:
            item: a parcel or a leaf.
            error: what happened.

        Returns:
            The result, once nothing of the photo is on its way any more.

        Raises:
            ConfigError: a setting that is wrong for this photo is wrong for all.
        """
        if isinstance(error, ConfigError):
            raise error
        if not isinstance(error, (ColorflowError, OSError, RuntimeError, MemoryError)):
            kind = type(error).__name__
            error = ColorflowError(f"unexpected {kind}: {error}; please report this file")
        if isinstance(item, Leaf):
            return self._leaf_done(item, error)
        item.error = error
        return self._settled(item)

    def _per_call(self, parcels: Sequence[Parcel]) -> int:
        """Count the photos of a call: fewer if the model sees them larger than usual."""
        condition, together = parcels[0].condition, self.painter.together
        if condition is None:
            return together
        height, width = condition.shape[-2:]
        side = self.painter.colorizer.domain.geometry.side
        return fewer_of_larger(together, (height, width), side)

    def _same_photo(self, parcel: Parcel, history: Mapping[str, Any]) -> bool:
        """Tell whether a result was made of this photo, by its file or else by its pixels."""
        if history.get(FILE) == parcel.content():
            return True
        photo = read_photo(parcel.file, self.config.max_pixels)
        return history.get("photo") == self.painter.identify(self.painter.inside(photo))

    def _admit(self, parcel: Parcel) -> bool:
        parcel.admitted = self.photos.take(parcel.cost)
        return parcel.admitted

    def _admit_leaf(self, leaf: Leaf) -> bool:
        leaf.admitted = self.results.take(leaf.cost)
        return leaf.admitted

    def _set(self, parcel: Parcel, prepared: Prepared | None) -> None:
        if prepared is None:
            raise ColorflowError("this photo cannot be shown to the model")
        _, parcel.condition, parcel.code = prepared

    def _smaller(self, parcel: Parcel) -> Parcel | None:
        """Halve the size at which the model sees a photo."""
        if parcel.photo is None or parcel.condition is None:
            return None
        parcel.halvings += 1
        identity = parcel.made_by["photo"]
        prepared = self.painter.prepare(parcel.photo, identity, parcel.halvings)
        if prepared is None:
            return None
        self._set(parcel, prepared)
        parcel.result.note("memory was short: coloured at half the usual size, colours are coarser")
        return parcel

    def _leaf_done(self, leaf: Leaf, error: Exception | None) -> list[Any]:
        if leaf.admitted:
            leaf.admitted = False
            self.results.give_back(leaf.cost)
        return self._settled(leaf.parcel) if leaf.parcel.leaf_done(error) else []

    def _settled(self, parcel: Parcel) -> list[Any]:
        self._release(parcel)
        return [Done(parcel.settle())]

    def _ended(self, parcel: Parcel, status: str, reason: str) -> list[Any]:
        self._release(parcel)
        parcel.result.status, parcel.result.reason = status, reason
        return [Done(parcel.result)]

    def _release(self, parcel: Parcel) -> None:
        parcel.keep.close()
        if parcel.admitted:
            parcel.admitted = False
            self.photos.give_back(parcel.cost)
