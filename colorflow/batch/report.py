"""The report of a job: one JSON line per photo, readable at any moment, complete at the end."""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TextIO

from colorflow import __version__
from colorflow.batch.places import is_local, stage
from colorflow.batch.results import Result
from colorflow.errors import ConfigError, ImageError

NAME = "colorflow-report.jsonl"
FORMAT = 1


class Report:
    """Writes the report, and goes on with that of an interrupted run of the same job.

    The first line says which job it is; each further line is one photo. A line is written as soon
    as the photo's results have their names. Where a photo has several lines, of several runs, the
    last counts, but one that was done stays done when a later run finds it so; closing the report
    leaves one line per photo. That of another job is set aside, not overwritten.

    Args:
        path: of the file.
        job: what decides the results: settings and device.

    Raises:
        ConfigError: the file is no report.
        ImageError: it cannot be written.
    """

    def __init__(self, path: Path, job: Mapping[str, Any]) -> None:
        self.path = path
        about = {"colorflow": __version__, "report": FORMAT, "folder": os.getcwd()}
        self.head = {**about, **_plain(job)}
        self.set_aside: Path | None = None
        self.lines: dict[str, dict[str, Any]] = {}
        self._file: TextIO | None = None
        try:
            self._open()
        except OSError as error:
            raise ImageError(
                f"{path}: the report cannot be written ({error.strerror or error}); choose another "
                "place with --report"
            ) from error

    def add(self, result: Result) -> None:
        """Write the line of a photo.

        Args:
            result: what became of it.

        Raises:
            ImageError: the disk is full.
        """
        line = result.to_dict()
        before = self.lines.get(line["input"])
        if line["status"] == "skipped" and before and before["status"] == "ok":
            return
        self.lines[line["input"]] = line
        if self._file is not None:
            try:
                self._file.write(_text(line))
                self._file.flush()
            except OSError as error:
                raise ImageError(f"{self.path}: the report cannot be written ({error})") from error

    def close(self) -> None:
        """Write the report anew with one line per photo.

        Raises:
            ImageError: the disk is full; the lines written so far stay.
        """
        if self._file is not None:
            self._file.close()
        text = "".join(_text(line) for line in (self.head, *self.lines.values()))
        try:
            staged = stage(self.path, text.encode())
            try:
                staged.commit()
            finally:
                staged.discard()
        except OSError as error:
            raise ImageError(f"{self.path}: the report cannot be written ({error})") from error

    def _open(self) -> None:
        earlier = _read(self.path)
        if earlier is not None:
            head, lines = earlier
            if _job(head) == _job(self.head):
                self.lines = lines
            else:
                self.set_aside = _free_name(self.path)
                self.path.rename(self.set_aside)
        if not is_local(self.path):
            return  # written when it is closed: object stores cannot append
        self.path.parent.mkdir(parents=True, exist_ok=True)
        # A torn last line, of a process that was killed, is left behind by writing anew.
        text = "".join(_text(line) for line in (self.head, *self.lines.values()))
        staged = stage(self.path, text.encode())
        try:
            staged.commit()
        finally:
            staged.discard()
        self._file = self.path.open("a", encoding="utf-8")


def read_report(path: Path) -> list[dict[str, Any]]:
    """Read the lines of a report.

    Args:
        path: of the file.

    Returns:
        One entry per photo, paths of this machine made absolute.

    Raises:
        ConfigError: the file is missing, or no report.
    """
    found = _read(path)
    if found is None:
        raise ConfigError(f"{path}: expected a report, found nothing")
    head, lines = found
    folder = head.get("folder", "")

    def absolute(name: str) -> str:
        return name if "://" in name else os.path.realpath(os.path.join(folder, name))

    return [
        {**line, "input": absolute(line["input"]), "outputs": [*map(absolute, line["outputs"])]}
        for line in lines.values()
    ]


def _read(path: Path) -> tuple[dict[str, Any], dict[str, dict[str, Any]]] | None:
    try:
        text = path.read_bytes().decode("utf-8", "replace")
    except FileNotFoundError:
        return None
    entries = []
    for line in text.splitlines():
        with contextlib.suppress(ValueError):
            entries.append(json.loads(line))
    if text and not (entries and isinstance(entries[0], dict) and "report" in entries[0]):
        raise ConfigError(
            f"{path}: expected a report of colorflow, found something else; choose another name "
            "with --report"
        )
    lines = [e for e in entries[1:] if isinstance(e, dict) and {"input", "status"} <= set(e)]
    merged: dict[str, dict[str, Any]] = {}
    for entry in lines:
        merged[entry["input"]] = entry
    return (entries[0] if entries else {}), merged


def _job(head: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in head.items() if name not in ("colorflow", "folder")}


def _plain(data: Mapping[str, Any]) -> dict[str, Any]:
    plain: dict[str, Any] = json.loads(json.dumps(data, default=str))
    return plain


def _text(line: Mapping[str, Any]) -> str:
    # ASCII: file names that are no text at all survive, too.
    return json.dumps(line, ensure_ascii=True) + "\n"


def _free_name(path: Path) -> Path:
    number = 1
    while (candidate := path.with_name(f"{path.stem}.{number}{path.suffix}")).exists():
        number += 1
    return candidate
