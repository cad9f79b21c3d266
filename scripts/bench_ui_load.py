"""Twenty visitors at once, ten uploads each: whose pictures they see, what stays behind.

    python scripts/bench_ui_load.py

Speaks the page's own protocol, as a browser does. Every visitor uploads photos of a shape of its
own; a gallery with pictures of any other shape would be somebody else's. Prints memory and files of
the server before, during and after; ends with an error where a picture went astray.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import json
import re
import secrets
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import numpy as np
from PIL import Image

TIMEOUT = 300


class Visitor:
    """A browser without a screen.

    Args:
        url: of the page.
        number: of the visitor, which decides the shape of the photos.
        variants: to ask for.
    """

    def __init__(self, url: str, number: int, variants: int) -> None:
        self.base = f"{url.rstrip('/')}/gradio_api"
        self.session = secrets.token_hex(8)
        self.size = 300 + 7 * number, 200
        self.variants = variants
        self.seen: set[str] = set()
        self.strays = 0
        self.seconds: list[float] = []
        config = httpx.get(f"{url.rstrip('/')}/config", timeout=TIMEOUT).json()
        parts = {c["id"]: c["props"].get("elem_id") for c in config["components"]}
        ids = {name: number for number, name in parts.items() if name}
        self.event = next(
            d for d in config["dependencies"] if [ids["colorize-photo"], "upload"] in d["targets"]
        )
        self.gallery = self.event["outputs"].index(ids["colorize-variants"])

    @contextlib.contextmanager
    def here(self) -> Iterator[None]:
        """Be on the page; leaving the block closes it."""
        place = httpx.URL(self.base)
        with socket.create_connection((place.host, place.port or 80)) as pulse:
            path = f"{place.path}/heartbeat/{self.session}"
            pulse.sendall(f"GET {path} HTTP/1.1\r\nHost: {place.host}\r\n\r\n".encode())
            yield

    def upload(self, index: int) -> None:
        """Upload a photo, wait for its variants, and look whose they are."""
        noise = np.random.default_rng(index).integers(0, 255, (20, 30), np.uint8)
        file = io.BytesIO()
        Image.fromarray(noise).resize(self.size).save(file, "PNG")
        start = time.perf_counter()
        name = f"photo-{self.session}-{index}.png"
        files = {"files": (name, file.getvalue())}
        (path,) = httpx.post(f"{self.base}/upload", files=files, timeout=TIMEOUT).json()
        data = {"path": path, "orig_name": name, "meta": {"_type": "gradio.FileData"}}
        body = {
            "data": [data, index, self.variants, 1.0, "representative", 1.0],
            "fn_index": self.event["id"],
            "session_hash": self.session,
            "trigger_id": self.event["targets"][0][0],
        }
        httpx.post(f"{self.base}/queue/join", json=body, timeout=TIMEOUT).raise_for_status()
        pictures = self._pictures()
        self.seconds.append(time.perf_counter() - start)
        if len(pictures) != self.variants:
            raise SystemExit(f"expected {self.variants} variants, got {len(pictures)}")
        for address_of in pictures:
            content = httpx.get(address_of, timeout=TIMEOUT).content
            with Image.open(io.BytesIO(content)) as picture:
                self.strays += picture.size != self.size
        self.seen |= set(pictures)

    def _pictures(self) -> list[str]:
        shown: Any = []
        parameters = {"session_hash": self.session}
        url = f"{self.base}/queue/data"
        with httpx.stream("GET", url, params=parameters, timeout=TIMEOUT) as stream:
            for line in stream.iter_lines():
                message = json.loads(line[5:]) if line.startswith("data:") else {}
                if message.get("msg") in ("process_generating", "process_completed"):
                    outputs = message["output"].get("data") or []
                    shown = updated(shown, outputs[self.gallery] if outputs else None)
                if message.get("msg") == "process_completed":
                    return [item["image"]["url"] for item in shown]
        return []


def updated(shown: Any, change: Any) -> Any:
    """Apply what the page sends of a gallery: all of it, or what has changed.

    Args:
        shown: before.
        change: whole update, or a list of edits.

    Returns:
        What is shown now.
    """
    if isinstance(change, dict) and "value" in change:
        return change["value"]
    if isinstance(change, list) and change and isinstance(change[0], list):
        box = {"value": shown}
        for action, path, value in change:
            place: Any = box
            for key in path[:-1]:
                place = place[key]
            if action == "delete":
                del place[path[-1]]
            elif isinstance(place, list) and path[-1] == len(place):
                place.append(value)
            else:
                place[path[-1]] = value
        return box["value"]
    return shown


def main() -> None:
    """Let them come, and print what happened."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--visitors", type=int, default=20)
    parser.add_argument("--uploads", type=int, default=10, help="Of each.")
    parser.add_argument("--variants", type=int, default=4)
    options = parser.parse_args()
    code = "from colorflow.cli.main import main; main()"
    server = subprocess.Popen(
        [sys.executable, "-c", code, "ui", "--port", "0"], stdout=subprocess.PIPE, text=True
    )
    try:
        url = address(server)
        print(f"started: {memory(server.pid):.0f} MiB, {files(server.pid)} files")
        # What a server needs once for all: threads, kernels, buffers.
        crowd(url, options.visitors, 2, options.variants)
        time.sleep(5)
        before = memory(server.pid)
        print(f"before: {before:.0f} MiB, {files(server.pid)} files")
        visitors = crowd(url, options.visitors, options.uploads, options.variants)
        time.sleep(5)
        after = memory(server.pid)
        print(f"after: {after:.0f} MiB ({after / before - 1:+.1%}), {files(server.pid)} files")
    finally:
        server.terminate()
        server.wait(30)
    seconds = sorted(s for visitor in visitors for s in visitor.seconds)
    print(f"{len(seconds)} uploads, {options.visitors} at once: all variants after a median of ")
    print(f"{seconds[len(seconds) // 2]:.2f} s, at most {seconds[-1]:.2f} s")
    shared = sum(len(v.seen) for v in visitors) - len(set().union(*(v.seen for v in visitors)))
    strays = sum(visitor.strays for visitor in visitors)
    print(f"pictures of others: {strays}, addresses that two were given: {shared}")
    print(f"files left after the end: {files(server.pid)}")
    if strays or shared:
        raise SystemExit(1)


def address(server: subprocess.Popen[str]) -> str:
    """Wait until the page is served.

    Args:
        server: its process.

    Returns:
        Where.
    """
    for line in server.stdout or ():
        if found := re.search(r"http://\S+", line):
            return found[0]
    raise SystemExit("the page did not start")


def crowd(url: str, visitors: int, uploads: int, variants: int) -> list[Visitor]:
    """Let visitors come at once, each with some uploads one after the other.

    Args:
        url: of the page.
        visitors: how many.
        uploads: of each.
        variants: of each upload.

    Returns:
        The visitors, who are gone again.
    """
    people = [Visitor(url, number, variants) for number in range(visitors)]
    failed: list[BaseException] = []

    def come(visitor: Visitor) -> None:
        try:
            with visitor.here():
                for index in range(uploads):
                    visitor.upload(index)
        except BaseException as error:
            failed.append(error)

    threads = [threading.Thread(target=come, args=(visitor,)) for visitor in people]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failed:
        raise failed[0]
    return people


def memory(process: int) -> float:
    """Read how much memory a process holds.

    Args:
        process: its number.

    Returns:
        MiB.
    """
    status = Path(f"/proc/{process}/status").read_text()
    line = next(line for line in status.splitlines() if line.startswith("VmRSS"))
    return int(line.split()[1]) / 1024


def files(process: int) -> int:
    """Count what lies in the folders of a server.

    Args:
        process: its number.

    Returns:
        Files.
    """
    folders = Path(tempfile.gettempdir()).glob(f"colorflow-ui-{process}-*")
    return sum(path.is_file() for folder in folders for path in folder.rglob("*"))


if __name__ == "__main__":
    main()
