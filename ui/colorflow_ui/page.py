"""The page, put together from its tabs."""

from __future__ import annotations

from pathlib import Path

import gradio as gr
from gradio.utils import get_upload_folder
from PIL import Image

from colorflow.errors import ColorflowError
from colorflow.images.read import read_photo
from colorflow.resources import bundled
from colorflow_ui.about_tab import AboutTab
from colorflow_ui.api import Endpoints, add_endpoints
from colorflow_ui.batch_tab import BatchTab
from colorflow_ui.colorize_tab import ColorizeTab
from colorflow_ui.desk import Desk
from colorflow_ui.engine import Engine
from colorflow_ui.hints_tab import HintsTab
from colorflow_ui.lanes import give_back_memory
from colorflow_ui.texts import NIGHT, TAGLINE, TITLE
from colorflow_ui.transfer_tab import TransferTab
from colorflow_ui.uncertainty_tab import UncertaintyTab
from colorflow_ui.visitors import Visitors
from colorflow_ui.widgets import plain_html

SWEEP_SECONDS = 600
KEEP_SECONDS = 3600
EXAMPLES = 5
EXAMPLE_SIDE = 160
BY_DAY = ("pagoda", "stream", "sunset")


class Page(gr.Blocks):
    """The page, and who is on it.

    Args:
        options: as for ``gradio.Blocks``.
    """

    visitors: Visitors
    callers: Visitors

    def sweep(self) -> None:
        """Forget visitors that are gone, and the names of files that are."""
        self.visitors.sweep()
        self.callers.sweep()
        for names in self.temp_file_sets:
            # Gradio remembers every file it ever served.
            names -= {name for name in set(names) if not Path(name).exists()}
        give_back_memory()


def build_ui(
    engine: Engine, root: Path | None = None, capacity: int = 64, night: Engine | None = None
) -> Page:
    """Build the page.

    Args:
        engine: does the work; shared by all visitors.
        root: folder of the visitors' files, inside Gradio's own folder of temporary files; made
            there where None.
        capacity: visitors that are kept at the same time.
        night: translates day photos; without it there is no tab for that.

    Returns:
        The page, not launched yet.
    """
    root = root or Path(get_upload_folder()) / "visitors"
    visitors = Visitors(root, capacity, KEEP_SECONDS)
    # Calls of programs have visits of their own, so that many of them send no person away.
    callers = Visitors(root.with_name("callers"), capacity, KEEP_SECONDS)
    desk = Desk(engine, visitors)
    page = Page(title=TITLE, analytics_enabled=False, delete_cache=(SWEEP_SECONDS, KEEP_SECONDS))
    page.visitors, page.callers = visitors, callers
    with page:
        plain_html(f"<h1>{TITLE}</h1><p>{TAGLINE}</p>", "head")
        with gr.Tabs():
            with gr.Tab("Colorize", id="colorize"):
                ColorizeTab(desk, example_photos(root))
            with gr.Tab("Hints", id="hints"):
                HintsTab(desk)
            with gr.Tab("Transfer", id="transfer"):
                TransferTab(desk)
            with gr.Tab("Uncertainty", id="uncertainty"):
                UncertaintyTab(desk)
            if night is not None:
                with gr.Tab("Night", id="night"):
                    ColorizeTab(Desk(night, visitors), example_photos(root, True), NIGHT)
            with gr.Tab("Batch", id="batch"):
                BatchTab(desk)
            with gr.Tab("About", id="about"):
                AboutTab(engine, *([night] if night is not None else []))
        add_endpoints(
            Endpoints(engine, callers), Endpoints(night, callers) if night is not None else None
        )

        def leave(request: gr.Request) -> None:
            visitors.leave(request.session_hash)
            callers.leave(request.session_hash)
            give_back_memory()

        page.unload(leave)
    return page


def example_photos(root: Path, colours: bool = False) -> list[tuple[Path, Path]]:
    """Make thumbnails of the bundled examples.

    Args:
        root: folder where the thumbnails go.
        colours: show them in colour, and those that were taken outdoors by day alone.

    Returns:
        Thumbnail and photo of each; none where the examples are not installed.
    """
    folder = root.parent / "examples"
    folder.mkdir(parents=True, exist_ok=True)
    pairs = []
    try:
        photos = sorted(bundled("examples").glob("*.jpg"))
        photos = [p for p in photos if p.stem in BY_DAY] if colours else photos[:EXAMPLES]
    except ColorflowError:
        return []
    for path in photos:
        thumb = folder / f"{path.stem}{'_day' if colours else ''}.png"
        if colours:
            with Image.open(path) as picture:
                picture.thumbnail((2 * EXAMPLE_SIDE, EXAMPLE_SIDE))
                picture.save(thumb)
        else:
            read_photo(path).thumbnail(EXAMPLE_SIDE).save(thumb)
        pairs.append((thumb, path))
    return pairs
