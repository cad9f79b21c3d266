"""The ui command: the web page."""

from __future__ import annotations

import importlib.util
from typing import Annotated

import typer

from colorflow.cli.options import Device, DeviceOption, ModelOption
from colorflow.errors import ConfigError


def ui(
    host: Annotated[
        str, typer.Option(help="Address to listen at; 0.0.0.0 for other machines as well.")
    ] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="0 for any that is free.")] = 7860,
    model: ModelOption = "photo",
    device: DeviceOption = Device.auto,
    max_upload: Annotated[str, typer.Option(help="Largest upload, e.g. 50mb.")] = "50mb",
    root_path: Annotated[str, typer.Option(help="Where a proxy puts the page.")] = "",
    browser: Annotated[bool, typer.Option("--open", help="Show the page in a browser.")] = False,
) -> None:
    """Serve the web page: choose among variants, adjust them, take them home.

    With COLORFLOW_UI_AUTH=name:password in the environment, visitors must log in.

    colorflow ui --port 7860
    """
    if importlib.util.find_spec("gradio") is None:
        raise ConfigError(
            'ui: expected the package gradio, found none; pip install "colorflow-cinn[ui]"'
        )
    from colorflow_ui.launch import Server, Settings

    settings = Settings(host, port, model, device.value, max_upload, root_path, browser)
    with Server(settings) as server:
        print(f"colorflow: {server.url} (stop with Ctrl-C)", flush=True)
        server.wait()
