"""What the tabs do, without any of the page: visitors and variants in, paths and captions out."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from colorflow.errors import ImageError
from colorflow_ui.engine import Engine, FileOptions, Take
from colorflow_ui.visitors import Bench, Visitors

# A gallery shows small pictures; the one that is picked is made again in the preview's size.
THUMB_SIDE = 512
PREVIEW_SIDE = 1024

Shown = list[tuple[str, str]]


@dataclass(frozen=True)
class Comparison:
    """A photo before and after.

    Args:
        before: path of the grey preview.
        after: path of the coloured one.
        caption: of the variant, with its number and all there is to say.
        label: where it comes from.
    """

    before: str
    after: str
    caption: str
    label: str


class Desk:
    """Carries out what visitors ask for.

    Args:
        engine: does the work.
        visitors: who they are, and what they have open.
    """

    def __init__(self, engine: Engine, visitors: Visitors) -> None:
        self.engine = engine
        self.visitors = visitors

    def open(self, key: str | None, tab: str, upload: str, coloured: bool = False) -> Bench:
        """Open a photo in a tab, in place of the one that was open there.

        Args:
            key: of the visitor.
            tab: name of the tab.
            upload: path of the file, which must be one that was uploaded or an example.
            coloured: the photo must have colours.

        Returns:
            What is open now.

        Raises:
            ColorflowError: the photo cannot be used; what was open stays.
        """
        visit = self.visitors.visit(key)
        source = visit.adopt(Path(upload))
        try:
            sitting = self.engine.open(source, source.name, coloured)
        except ImageError as error:
            raise ImageError(f"{error}. Please choose another photo.") from error
        bench = Bench(sitting, source, visit.put_picture(sitting.grey))
        visit.benches[tab] = bench
        return bench

    def close(self, key: str | None, tab: str) -> None:
        """Forget the photo of a tab.

        Args:
            key: of the visitor.
            tab: name of the tab.
        """
        self.visitors.visit(key).benches.pop(tab, None)

    def bench(self, key: str | None, tab: str) -> Bench:
        """Give what is open in a tab; see :meth:`Visit.bench`."""
        return self.visitors.visit(key).bench(tab)

    def clear(self, key: str | None, tab: str) -> Bench:
        """Forget the variants of a tab, but not its photo.

        Args:
            key: of the visitor.
            tab: name of the tab.

        Returns:
            The bench.
        """
        bench = self.bench(key, tab)
        bench.takes.clear()
        bench.shown.clear()
        bench.picked, bench.count = None, 0
        return bench

    def fill(self, key: str | None, tab: str, takes: Iterator[Take]) -> Iterator[Shown]:
        """Add variants to a tab, one after the other.

        Args:
            key: of the visitor.
            tab: name of the tab.
            takes: the variants.

        Yields:
            All variants of the tab, each time one is added.
        """
        visit = self.visitors.visit(key)
        bench = visit.bench(tab)
        for take in takes:
            picture = bench.sitting.picture(take, 1.0, THUMB_SIDE)
            if visit.benches.get(tab) is not bench:
                return  # another photo was opened meanwhile
            number = bench.add(take)
            bench.shown[number] = visit.put_picture(picture)
            yield gallery(bench)

    def pick(self, key: str | None, tab: str, index: int) -> int:
        """Choose a variant by its place in the gallery.

        Args:
            key: of the visitor.
            tab: name of the tab.
            index: its place, from 0.

        Returns:
            Its number.

        Raises:
            NothingOpenError: there is none.
        """
        bench = self.bench(key, tab)
        numbers = list(bench.takes)
        bench.picked = numbers[index] if 0 <= index < len(numbers) else None
        bench.take()
        return int(bench.picked or 0)

    def compare(
        self, key: str | None, tab: str, saturation: float, vivid: float = 1.0
    ) -> Comparison:
        """Show the chosen variant beside the grey photo.

        Args:
            key: of the visitor.
            tab: name of the tab.
            saturation: factor on its latents.
            vivid: factor on the chroma of its picture.

        Returns:
            Both pictures.

        Raises:
            NothingOpenError: nothing is chosen.
        """
        visit = self.visitors.visit(key)
        bench = visit.bench(tab)
        take = bench.take()
        picture = bench.sitting.picture(take, float(saturation), PREVIEW_SIDE, float(vivid))
        after = str(visit.put_picture(picture))
        number = int(bench.picked or 0)
        return Comparison(str(bench.grey), after, title(number, take), take.label)

    def save(
        self,
        key: str | None,
        tab: str,
        saturation: float,
        options: FileOptions,
        vivid: float = 1.0,
    ) -> tuple[str, tuple[str, ...]]:
        """Make the file of the chosen variant.

        Args:
            key: of the visitor.
            tab: name of the tab.
            saturation: factor on its latents.
            options: how it is written.
            vivid: factor on the chroma of its picture.

        Returns:
            Its path, and notes for the visitor.

        Raises:
            NothingOpenError: nothing is chosen.
        """
        visit = self.visitors.visit(key)
        bench = visit.bench(tab)
        take = bench.take()
        number = int(bench.picked or 0)
        saved = bench.sitting.save(take, float(saturation), options, number, float(vivid))
        return str(visit.put(saved)), saved.notes


def gallery(bench: Bench) -> Shown:
    """List the variants of a bench.

    Args:
        bench: what is open.

    Returns:
        Path and caption of each, oldest first.
    """
    return [(str(bench.shown[n]), caption(n, take)) for n, take in bench.takes.items()]


def caption(number: int, take: Take) -> str:
    """Describe a variant in the few words that fit below a thumbnail.

    Args:
        number: of the variant.
        take: the variant.

    Returns:
        Number, and the share it stands for; where it stands for itself, its origin, and how typical
        it is or how far it misses the hints.
    """
    if take.share is not None:
        words = [str(number), share_in_words(take.share)]
    else:
        words = [str(number), take.label, _worth(take)]
    return " · ".join([*words, *(["drawn again"] if take.redrawn else [])])


def title(number: int, take: Take) -> str:
    """Describe a variant in all there is to say.

    Args:
        number: of the variant.
        take: the variant.

    Returns:
        Number, origin, share, how typical it is or how far it misses the hints, and whether it was
        drawn again.
    """
    shared = [] if take.share is None else [share_in_words(take.share)]
    again = []
    if take.redrawn:
        first = "draw" if take.redrawn == 1 else f"{take.redrawn} draws"
        again = [f"drawn again: the first {first} had impossible colours"]
    return " · ".join([str(number), take.label, *shared, _worth(take), *again])


def share_in_words(share: float) -> str:
    """Say what a variant stands for.

    Args:
        share: of what the model finds plausible, in [0, 1].

    Returns:
        A few words.
    """
    return f"{100 * share:.0f} % of what seems plausible"


def _worth(take: Take) -> str:
    if take.residuals:
        return f"hints met within {max(take.residuals):.0f}"
    return in_words(take.typicality)


def in_words(typicality: float) -> str:
    """Say how typical a variant is.

    Args:
        typicality: share of all samples that are less usual, in [0, 1].

    Returns:
        One or two words.
    """
    if typicality >= 0.3:
        return "typical"
    return "less typical" if typicality >= 0.05 else "unusual"
