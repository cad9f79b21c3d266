"""The ui command where the page is not installed, and what it tells of itself."""

from __future__ import annotations

import subprocess
import sys


def run(code: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)


def test_without_gradio_one_line_says_what_to_install():
    done = run(
        "import importlib.util as u, sys\n"
        "find = u.find_spec\n"
        "u.find_spec = lambda name, *a: None if name == 'gradio' else find(name, *a)\n"
        "sys.argv = ['colorflow', 'ui']\n"
        "from colorflow.cli.main import main; main()"
    )
    assert done.returncode == 2
    assert done.stderr.strip().splitlines() == [
        'colorflow: ui: expected the package gradio, found none; pip install "colorflow-cinn[ui]"'
    ]


def test_its_help_needs_neither_gradio_nor_torch():
    done = run(
        "import sys; sys.argv = ['colorflow', 'ui', '--help']\n"
        "from colorflow.cli.main import main\n"
        "try: main()\n"
        "finally: print(sorted({'torch', 'gradio'} & set(sys.modules)))"
    )
    assert done.returncode == 0
    assert done.stdout.strip().endswith("[]")
    assert "COLORFLOW_UI_AUTH" in done.stdout


def test_a_login_that_is_none_ends_with_a_line():
    done = run(
        "import os, sys; os.environ['COLORFLOW_UI_AUTH'] = 'half'\n"
        "sys.argv = ['colorflow', 'ui', '--port', '0']\n"
        "from colorflow.cli.main import main; main()"
    )
    assert done.returncode == 2
    assert "name:password" in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1
