"""One job at a time owns an output folder; a dead one does not."""

import os
import signal
import socket
import subprocess
import sys

import pytest

from colorflow.batch.ownership import owned
from colorflow.batch.places import place
from colorflow.errors import ColorflowError

HOLD = (
    "import sys, time; from pathlib import Path; from colorflow.batch.ownership import owned\n"
    "with owned(Path(sys.argv[1])):\n"
    "    print('held', flush=True); time.sleep(60)"
)


@pytest.fixture
def holder(tmp_path):
    """A process that owns the folder."""
    line = [sys.executable, "-c", HOLD, str(tmp_path)]
    process = subprocess.Popen(line, stdout=subprocess.PIPE, text=True)
    assert process.stdout.readline() == "held\n"
    yield process
    process.kill()
    process.wait()
    process.stdout.close()


def test_the_second_says_who_holds_the_folder(tmp_path, holder):
    who = f"process {holder.pid} on {socket.gethostname()}"
    with (
        pytest.raises(ColorflowError, match=f"{tmp_path}: {who} .*is writing there.*-o"),
        owned(tmp_path),
    ):
        pytest.fail("owned twice")


@pytest.mark.parametrize("way", [signal.SIGKILL, signal.SIGTERM])
def test_a_dead_process_holds_nothing(tmp_path, holder, way):
    holder.send_signal(way)
    holder.wait()
    with owned(tmp_path):
        pass
    assert list(tmp_path.iterdir()) == []


def test_nothing_stays_and_the_folder_can_be_owned_again(tmp_path):
    for _ in range(2):
        with owned(tmp_path):
            assert len(list(tmp_path.iterdir())) == 2
        assert list(tmp_path.iterdir()) == []


def test_an_error_inside_frees_the_folder(tmp_path):
    with pytest.raises(ValueError, match="inside"), owned(tmp_path):
        raise ValueError("inside")
    with owned(tmp_path):
        pass


def test_a_lock_that_cannot_be_opened_is_named(tmp_path):
    os.mkdir(tmp_path / ".colorflow.lock")
    with pytest.raises(ColorflowError, match=r"\.colorflow\.lock.*-o"), owned(tmp_path):
        pytest.fail("owned")


def test_urls_are_not_locked():
    with owned(place("memory://out")), owned(place("memory://out")):
        pass
