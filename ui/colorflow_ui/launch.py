"""Serving the page: on this machine only, unless somebody says otherwise."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import tempfile
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from colorflow.errors import ConfigError
from colorflow.files import process_is_alive
from colorflow_ui.lanes import share_memory_pools

AUTH = "COLORFLOW_UI_AUTH"
QUEUE = 64
THREADS = 12
# Folders of the page itself, beside those of uploads.
KEPT = frozenset({"visitors", "callers", "examples"})
FOLDER = "colorflow-ui-"


@dataclass(frozen=True)
class Settings:
    """How the page is served.

    Args:
        host: address to listen at; the default is reached from this machine alone.
        port: 0 for any that is free.
        model: bundled name, or a ``.safetensors`` file.
        device: where to compute.
        max_upload: largest upload, e.g. ``"50mb"``.
        root_path: where a proxy puts the page, e.g. ``"/colorflow"``; empty for the root.
        open_browser: show the page in a browser.
    """

    host: str = "127.0.0.1"
    port: int = 7860
    model: str = "photo"
    device: str = "auto"
    max_upload: str = "50mb"
    root_path: str = ""
    open_browser: bool = False


def read_auth(environment: Mapping[str, str]) -> tuple[str, str] | None:
    """Read who may enter. Not an option of the command: others on the machine can read those.

    Args:
        environment: of the process.

    Returns:
        Name and password, or None where anybody may.

    Raises:
        ConfigError: it is not ``name:password``.
    """
    text = environment.get(AUTH, "")
    if not text:
        return None
    user, separator, password = text.partition(":")
    if not (user and separator and password):
        raise ConfigError(f"{AUTH}: expected name:password, got something else")
    return user, password


def clear_abandoned(place: Path) -> int:
    """Remove the folders of pages whose process was killed.

    Args:
        place: where such folders lie.

    Returns:
        How many were removed.
    """
    removed = 0
    for folder in place.glob(f"{FOLDER}*-*"):
        number = folder.name.removeprefix(FOLDER).partition("-")[0]
        if number.isdigit() and not process_is_alive(int(number)):
            shutil.rmtree(folder, ignore_errors=True)
            removed += 1
    return removed


def clear_old(folder: Path, seconds: float) -> int:
    """Remove uploads that nobody came back for; visits look after their own files.

    Args:
        folder: of the page.
        seconds: the age from which they go.

    Returns:
        How many were removed.
    """
    removed, limit = 0, time.time() - seconds
    for place in folder.iterdir():
        if place.name in KEPT:
            continue
        for path in [place] if place.is_file() else [*place.rglob("*")]:
            with contextlib.suppress(OSError):
                if path.is_file() and path.stat().st_mtime < limit:
                    path.unlink()
                    removed += 1
        if place.is_dir():
            with contextlib.suppress(OSError):  # something is left in it
                place.rmdir()
    return removed


class Server:
    """The page while it is served; leave the ``with`` block to stop it.

    Args:
        settings: how.
        engine: does the work; over the model of the settings where None.
        night: translates day photos; none where an engine is given alone.

    Raises:
        ConfigError: a setting is wrong, or the port is taken.
        CheckpointError: the model cannot be loaded.
    """

    def __init__(self, settings: Settings, engine: Any = None, night: Any = None) -> None:
        self.settings = settings
        self.auth = read_auth(os.environ)
        # Uploads and results lie in one folder of our own, which goes when the page goes.
        clear_abandoned(Path(tempfile.gettempdir()))
        self.folder = Path(tempfile.mkdtemp(prefix=f"{FOLDER}{os.getpid()}-"))
        ours = {"GRADIO_TEMP_DIR": str(self.folder), "GRADIO_ANALYTICS_ENABLED": "False"}
        self._before = {name: os.environ.get(name) for name in ours}
        os.environ.update(ours)
        share_memory_pools()
        self._stopped = threading.Event()
        self.page: Any = None
        try:
            self._start(engine, night)
        except BaseException:
            self.close()
            raise

    def _start(self, engine: Any, night: Any) -> None:
        from colorflow_ui.local_engine import LocalEngine
        from colorflow_ui.page import build_ui
        from colorflow_ui.theme import stylesheet, theme

        if engine is None:
            engine = LocalEngine(self.settings.model, self.settings.device)
            engine.warm_up()
            # Loaded when somebody first asks for it.
            night = LocalEngine("night", self.settings.device, translate=True)
        self.page = build_ui(engine, self.folder / "visitors", night=night)
        self.page.queue(max_size=QUEUE, api_open=False)
        settings = self.settings
        try:
            _, self.url, _ = self.page.launch(
                server_name=settings.host,
                server_port=settings.port or None,
                root_path=settings.root_path or None,
                max_file_size=settings.max_upload,
                auth=self.auth,
                share=False,
                inbrowser=settings.open_browser,
                prevent_thread_lock=True,
                quiet=True,
                theme=theme(),
                css_paths=stylesheet(),
                footer_links=["api", "settings"],
                run_history=False,
                ssr_mode=False,
                mcp_server=False,
                enable_monitoring=False,
                # Every thread that computes keeps buffers of its own.
                max_threads=THREADS,
                # Gradio keeps a copy of the page's settings for so many visitors.
                state_session_capacity=QUEUE,
            )
        except OSError as error:
            raise ConfigError(
                f"port {settings.port}: could not be used ({error}); choose another with --port"
            ) from error
        threading.Thread(target=self._sweep, daemon=True).start()

    def _sweep(self) -> None:
        from colorflow_ui.page import KEEP_SECONDS, SWEEP_SECONDS

        while not self._stopped.wait(SWEEP_SECONDS):
            clear_old(self.folder, KEEP_SECONDS)
            self.page.sweep()

    def wait(self) -> None:
        """Serve until interrupted, or asked to end."""

        def stop(*_: object) -> None:
            self._stopped.set()

        before = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM)}
        try:
            self._stopped.wait()
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def close(self) -> None:
        """Stop, and remove all files."""
        self._stopped.set()
        if self.page is not None:
            self.page.close(verbose=False)
        shutil.rmtree(self.folder, ignore_errors=True)
        for name, value in self._before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value

    def __enter__(self) -> Server:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
