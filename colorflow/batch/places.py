"""Where photos lie and results go: folders of this machine, or any place fsspec knows."""

from __future__ import annotations

import contextlib
import io
import os
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path, PurePath
from typing import Any, BinaryIO, Protocol, cast

from colorflow.errors import ConfigError
from colorflow.files import StagedFile

# URLs of this machine are paths, which are written with more care.
_THIS_MACHINE = ("file://", "local://")
# Writing is whole or not at all there by itself; elsewhere a temporary name and a move are needed.
_OBJECT_STORES = frozenset({"s3", "s3a", "gs", "gcs", "az", "abfs", "abfss", "oci", "memory"})


class Staged(Protocol):
    """A file that is written but does not have its name yet."""

    def commit(self) -> None:
        """Give it its name."""

    def discard(self) -> None:
        """Forget it."""


def place(text: str, asked: bool = True) -> Path:
    """Turn what the user typed into a path.

    Args:
        text: a path of this machine, or a URL such as ``s3://bucket/folder`` or ``memory://in``.
        asked: whether to see if the place can be reached.

    Returns:
        A path; of a URL one that works the same way, from universal_pathlib.

    Raises:
        ConfigError: the name is empty, or the URL needs a package that is not installed, or is of
            an unknown kind.
    """
    if not text:
        raise ConfigError("expected the name of a file or folder, got an empty one")
    if "://" not in text:
        return Path(text)
    for protocol in _THIS_MACHINE:
        if text.startswith(protocol):
            return Path(text.removeprefix(protocol))
    try:
        from upath import UPath
    except ImportError as error:
        raise ConfigError(
            f"{text}: URLs need further packages; install them with "
            "pip install 'colorflow-cinn[remote]'"
        ) from error
    try:
        path = cast(Path, UPath(text))
        if asked:
            path.exists()  # what is missing for this kind of URL shows here
    except (ImportError, ValueError) as error:
        raise ConfigError(f"{text}: cannot be reached ({error})") from error
    return path


def is_local(path: Path) -> bool:
    """Tell paths of this machine from URLs.

    Args:
        path: of :func:`place`.

    Returns:
        True for the former.
    """
    return isinstance(path, Path) and not hasattr(path, "fs")


def full_name(path: Path) -> str:
    """Name a file so that another process finds it.

    Args:
        path: of this machine or a URL.

    Returns:
        An absolute path, links not followed, or the URL.
    """
    return os.path.abspath(path) if is_local(path) else str(path)


def name_below(path: Path, folder: Path) -> PurePath:
    """Name a file as its folder does.

    Args:
        path: of this machine or a URL, below the folder and spelt as that is.
        folder: of the file, or further up.

    Returns:
        The relative path.

    Raises:
        ValueError: the file is not below the folder.
    """
    # A relative path of universal_pathlib cannot be joined to one of this machine.
    return PurePath(path.relative_to(folder).as_posix())


def real_path(path: Path, folders: dict[str, str]) -> str:
    """Find what a path really leads to, past symbolic links.

    Args:
        path: of :func:`place`.
        folders: what is known of folders already; grows. Asking the system for every file of a
            large archive takes long.

    Returns:
        A text that is equal for equal files.
    """
    if not is_local(path):
        # One spelling of several, e.g. memory:///a for memory://a.
        remote = cast(Any, path)
        return str(remote.fs.unstrip_protocol(remote.path))
    parent = str(path.parent)
    if parent not in folders:
        folders[parent] = os.path.realpath(parent)
    whole = os.path.join(folders[parent], path.name)
    return os.path.normcase(os.path.realpath(whole) if os.path.islink(whole) else whole)


@contextlib.contextmanager
def local_copy(path: Path) -> Iterator[Path]:
    """Give a path of this machine for a file that may lie elsewhere.

    Args:
        path: of :func:`place`.

    Yields:
        The path itself, or that of a copy, which is removed afterwards.

    Raises:
        OSError: it cannot be fetched.
    """
    if is_local(path):
        yield path
        return
    handle, name = tempfile.mkstemp(suffix=path.suffix)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(path.read_bytes())
        yield Path(name)
    finally:
        os.unlink(name)


def stage(path: Path, content: bytes | Callable[[BinaryIO], None], owner: str = "") -> Staged:
    """Write a file under another name first.

    Args:
        path: of :func:`place`; missing folders are made.
        content: what the file holds, or what writes it into an empty file that may be read and
            written at any place. For files at URLs that one is in memory.
        owner: of the temporary file, see :class:`colorflow.files.StagedFile`.

    Returns:
        The written file, to be committed or discarded.

    Raises:
        OSError: it cannot be written.
    """
    if not is_local(path):
        memory = io.BytesIO()
        _fill(memory, content)
        return _RemoteFile(path, memory.getvalue())
    staged = StagedFile(path, owner)
    try:
        with staged.temporary.open("w+b") as file:
            _fill(file, content)
    except BaseException:
        staged.discard()
        raise
    return staged


def _fill(file: BinaryIO, content: bytes | Callable[[BinaryIO], None]) -> None:
    if callable(content):
        content(file)
    else:
        file.write(content)


class _RemoteFile:
    """Held in memory until it is committed: object stores make a file appear at once, whole."""

    def __init__(self, path: Path, data: bytes) -> None:
        self.path, self.data = path, data

    def commit(self) -> None:
        if getattr(self.path, "protocol", "") in _OBJECT_STORES:
            self.path.write_bytes(self.data)
            return
        self.path.parent.mkdir(parents=True, exist_ok=True)
        temporary = self.path.with_name(f".colorflow-{self.path.name}.tmp")
        try:
            temporary.write_bytes(self.data)
            _move(temporary, self.path)
        finally:
            if temporary.exists():
                temporary.unlink()

    def discard(self) -> None:
        self.data = b""


def _move(source: Path, target: Path) -> None:
    """Rename a file that is far away, in place of an older one."""
    # The paths of universal_pathlib do not replace; the places themselves mostly do.
    system = cast(Any, source).fs
    try:
        system.mv(cast(Any, source).path, cast(Any, target).path)
    except FileExistsError:
        target.unlink()
        system.mv(cast(Any, source).path, cast(Any, target).path)
