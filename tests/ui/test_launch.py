"""How the page is served: who may enter, what is left behind, what is said when it cannot be."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from colorflow.errors import ConfigError
from colorflow_ui.launch import FOLDER, Server, Settings, clear_abandoned, clear_old, read_auth
from tests.ui.fake import FakeEngine


@pytest.mark.parametrize(
    ("text", "expected"),
    [("", None), ("ann:secret", ("ann", "secret")), ("ann:a:b", ("ann", "a:b"))],
)
def test_who_may_enter_comes_from_the_environment(text, expected):
    assert read_auth({"COLORFLOW_UI_AUTH": text}) == expected


@pytest.mark.parametrize("text", ["ann", "ann:", ":secret"])
def test_half_a_login_is_refused_and_not_shown(text):
    with pytest.raises(ConfigError, match="name:password") as caught:
        read_auth({"COLORFLOW_UI_AUTH": text})
    assert "secret" not in str(caught.value)


def test_defaults_are_careful():
    settings = Settings()
    assert (settings.host, settings.max_upload) == ("127.0.0.1", "50mb")


def test_folders_of_killed_pages_are_removed_and_others_left(tmp_path):
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    gone = tmp_path / f"{FOLDER}{process.pid}-abc"
    ours = tmp_path / f"{FOLDER}{os.getpid()}-abc"
    other = tmp_path / f"{FOLDER}notes-abc"
    for folder in (gone, ours, other):
        folder.mkdir()
        (folder / "photo.png").write_bytes(b"x")
    assert clear_abandoned(tmp_path) == 1
    assert [folder.exists() for folder in (gone, ours, other)] == [False, True, True]


def test_uploads_that_are_old_are_deleted_and_nothing_else(tmp_path):
    old, young = tmp_path / "ab12" / "old.png", tmp_path / "cd34" / "young.png"
    loose, kept = tmp_path / "tmpxyz", tmp_path / "visitors" / "ann" / "photo.png"
    for path in (old, young, loose, kept):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"x")
    for path in (old, loose, kept):
        os.utime(path, (0, 0))
    assert clear_old(tmp_path, 60) == 2
    assert [path.exists() for path in (old, young, loose, kept)] == [False, True, False, True]
    assert not old.parent.exists()


def test_a_port_that_is_taken_is_said_in_one_line_and_leaves_nothing(tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(ConfigError, match="--port"):
            Server(Settings(port=port), FakeEngine())
    assert list(tmp_path.glob(f"{FOLDER}*")) == []


def test_who_has_no_login_sees_nothing(tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    monkeypatch.setenv("COLORFLOW_UI_AUTH", "ann:secret")
    before = os.environ.get("GRADIO_TEMP_DIR")
    with Server(Settings(port=0), FakeEngine()) as server:
        for place in ("config", f"gradio_api/file={server.folder}/examples/cat.png"):
            assert httpx.get(server.url + place).status_code == 401
        login = {"username": "ann", "password": "wrong"}
        assert httpx.post(f"{server.url}login", data=login).status_code == 400
        login["password"] = "secret"
        with httpx.Client() as client:
            assert client.post(f"{server.url}login", data=login).status_code == 200
            assert client.get(f"{server.url}config").status_code == 200
    assert list(tmp_path.glob(f"{FOLDER}*")) == []
    assert os.environ.get("GRADIO_TEMP_DIR") == before


def test_the_stylesheet_goes_with_the_package():
    from colorflow_ui.theme import stylesheet

    assert ".notice" in Path(stylesheet()).read_text()
