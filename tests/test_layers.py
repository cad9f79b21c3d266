"""The layers of docs/architecture.md: each part imports only from parts above it."""

import ast
from pathlib import Path

import pytest

import colorflow

ROOT = Path(colorflow.__file__).parent
ABOVE = {
    "errors": set(),
    "files": set(),
    "resources": {"errors"},
    "devices": {"errors"},
    "transforms": {"errors"},
    "networks": {"errors", "resources", "transforms"},
    "models": {"errors", "files", "resources", "transforms", "networks"},
    "images": {"devices", "errors", "files"},
    "domains": {"devices", "errors", "images", "models"},
    "variants": {"domains", "models"},
    "decoding": {"errors", "models"},
    "draws": {"errors", "models"},
    "representatives": {"errors"},
    "hints": {"errors"},
    "wishes": {"hints", "images"},
    "descent": set(),
    "steering": {"descent", "errors", "models", "wishes"},
}
ABOVE["realization"] = {"decoding", "domains", "draws", "errors", "models", "representatives"}
ABOVE["realization"] |= {"steering", "wishes"}
ABOVE["loading"] = {"devices", "errors", "models", "networks", "resources"}
ABOVE["sampling"] = {*ABOVE} - {"files", "transforms"}
ABOVE["colorize"] = {*ABOVE} - {"files", "transforms"}
ABOVE["translate"] = {*ABOVE} - {"files", "transforms"}
ABOVE["editing"] = {"errors", "models"}
ABOVE["photo_session"] = {*ABOVE} - {"files", "transforms", "colorize", "translate", "editing"}
ABOVE["explain"] = {"devices", "errors", "images", "sampling"}
ABOVE["batch"] = {*ABOVE}
ABOVE["training"] = {*ABOVE} - {"batch", "colorize", "translate"}
ABOVE["evaluation"] = {*ABOVE}
ABOVE["cli"] = {*ABOVE}


def _imports(path: Path) -> set[str]:
    names = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and node.module:
            names.add(node.module)
        elif isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
    return {name.split(".")[1] for name in names if name.startswith("colorflow.")}


def test_every_part_has_its_place():
    parts = {p.stem for p in ROOT.iterdir() if p.suffix == ".py" or (p / "__init__.py").exists()}
    assert parts - {"__init__"} == set(ABOVE)


def test_no_part_is_a_program_of_its_own():
    assert not [str(path) for path in ROOT.glob("*/__main__.py")]


@pytest.mark.parametrize("part", ABOVE)
def test_a_part_imports_from_above_only(part: str):
    folder = ROOT / part
    files = folder.rglob("*.py") if folder.is_dir() else [folder.with_suffix(".py")]
    for path in files:
        wrong = _imports(path) - ABOVE[part] - {part}
        assert not wrong, f"{path.name} imports {wrong}"


def test_only_its_command_knows_of_the_page():
    for path in ROOT.rglob("*.py"):
        if path != ROOT / "cli" / "ui.py":
            assert "colorflow_ui" not in path.read_text(), path


def test_the_page_knows_nothing_of_the_command_line():
    for path in (ROOT.parent / "ui" / "colorflow_ui").glob("*.py"):
        assert "cli" not in _imports(path), path
