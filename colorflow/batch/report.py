"""The report of a job: one JSON line per photo, readable at any moment, complete at the end."""

from __future__ import annotations

import contextlib
import errno
import json
import os
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, TextIO, cast

from colorflow import __version__
from colorflow.batch.places import full_name, is_local, stage
from colorflow.batch.results import Result
from colorflow.errors import ConfigError, ImageError
from colorflow.files import is_special

NAME = "colorflow-report.jsonl"
FORMAT = 1


class Report:
    """Writes the report, and goes on with that of an interrupted run of the same job.

    The first line says which job it is; each further line is one photo. A line is written as soon
    as the photo's results have their names. Where a photo has several lines, of several runs, the
    last counts, but one that was done stays done when a later run finds it so; closing the report
    leaves one line per photo. That of another job is set aside, not overwritten.

    A pipe, a device or a stream gets each line once; nothing is read back from it or renamed.

    Args:
        path: of the file; None where ``stream`` is given.
        job: what decides the results: settings and device.
        stream: takes the lines instead of a file, e.g. standard output.

    Raises:
        ConfigError: the file is no report.
        ImageError: it cannot be written.
    """

    def __init__(
        self, path: Path | None, job: Mapping[str, Any], stream: TextIO | None = None
    ) -> None:
        # Results of a link go where it leads.
        linked = path is not None and is_local(path) and not is_special(path)
        self.path = Path(os.path.realpath(path)) if path and linked else path
        self.name = "standard output" if path is None else str(path)
        about = {"colorflow": __version__, "report": FORMAT, "folder": os.getcwd()}
        self.head = {**about, **_plain(job)}
        self.set_aside: Path | None = None
        self.lines: dict[str, dict[str, Any]] = {}
        self._file = stream
        self._rewritten = path is not None and not (is_local(path) and is_special(path))
        self._owned = stream is None
        with self._explained("choose another place with --report"):
            self._open()

    def add(self, result: Result) -> None:
        """Write the line of a photo; names of this machine are absolute in it.

        Args:
            result: what became of it.

        Raises:
            ImageError: the disk is full.
        """
        line = result.to_dict()
        line["input"] = full_name(result.source)
        line["outputs"] = [full_name(path) for path in result.outputs]
        before = self.lines.get(line["input"])
        if line["status"] == "skipped" and before and before["status"] == "ok":
            return
        replaced = self._replaced_by(line) if line["status"] == "ok" else []
        if self._rewritten:
            self.lines.update({entry["input"]: entry for entry in (*replaced, line)})
        with self._explained("make room"):
            self._write([*replaced, line])

    def close(self) -> None:
        """Write the report anew with one line per photo.

        Raises:
            ImageError: the disk is full; the lines written so far stay.
        """
        with self._explained("make room"):
            if self._file is not None and self._owned:
                self._file.close()
            if self._rewritten:
                self._write_anew()

    def _replaced_by(self, line: Mapping[str, Any]) -> list[dict[str, Any]]:
        """List the lines of other photos whose results this one replaced, corrected."""
        new = set(line["outputs"])
        return [
            {
                **entry,
                "status": "stale",
                "outputs": [name for name in entry["outputs"] if name not in new],
                "reason": f"results were replaced by those of {line['input']}",
            }
            for name, entry in self.lines.items()
            if name != line["input"] and new.intersection(entry["outputs"])
        ]

    def _open(self) -> None:
        if not self._rewritten or self.path is None:
            if self.path is not None:
                self._file = self.path.open("w", encoding="utf-8")
            self._write([self.head])
            return
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
        self._write_anew()
        self._file = self.path.open("a", encoding="utf-8")

    def _write(self, lines: Iterable[Mapping[str, Any]]) -> None:
        if self._file is not None:
            self._file.write("".join(map(_text, lines)))
            self._file.flush()

    def _write_anew(self) -> None:
        text = "".join(_text(line) for line in (self.head, *self.lines.values()))
        staged = stage(cast(Path, self.path), text.encode())
        try:
            staged.commit()
        finally:
            staged.discard()

    @contextlib.contextmanager
    def _explained(self, advice: str) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            if error.errno == errno.EPIPE:
                advice = "its reader has gone"
            raise ImageError(
                f"{self.name}: the report cannot be written ({error.strerror or error}); {advice}"
            ) from error


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
    return list(found[1].values())


def _read(path: Path) -> tuple[dict[str, Any], dict[str, dict[str, Any]]] | None:
    try:
        text = path.read_bytes().decode("utf-8", "replace")
    except FileNotFoundError:
        return None
    if not text:
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
    head = entries[0] if entries else {}
    folder = str(head.get("folder", ""))
    merged: dict[str, dict[str, Any]] = {}
    for entry in entries[1:]:
        if isinstance(entry, dict) and {"input", "status"} <= set(entry):
            photo: dict[str, Any] = {
                **entry,
                "input": _absolute(entry["input"], folder),
                "outputs": [_absolute(name, folder) for name in entry.get("outputs", ())],
            }
            merged[photo["input"]] = photo
    return head, merged


def _absolute(name: str, folder: str) -> str:
    """Make a name of version 0.1, as it was typed in a folder, absolute."""
    return name if "://" in name else os.path.normpath(os.path.join(folder, name))


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
