"""What may know Qt and napari: views, by their names. All else is tested without a window."""

from __future__ import annotations

import ast
from pathlib import Path

import faceloop_workbench

ROOT = Path(faceloop_workbench.__file__).parent
TOOLKITS = {"qtpy", "napari", "magicgui", "PyQt6", "PySide6"}
FOLDERS = {"dock", "plugin", "widgets"}
VIEWS = ("panel", "dialog", "canvas", "bar")
OTHERS = {"annotate/undo.py"}


def at_import(tree: ast.Module) -> set[str]:
    """Packages that a module imports when it is imported itself."""
    names: set[str] = set()
    for node in tree.body:
        if isinstance(node, ast.Import):
            names.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module is not None and not node.level:
            names.add(node.module)
    return {name.split(".")[0] for name in names}


def test_only_views_import_qt_or_napari():
    found = {
        path.relative_to(ROOT).as_posix()
        for path in ROOT.rglob("*.py")
        if at_import(ast.parse(path.read_text())) & TOOLKITS
    }
    assert found
    wrong = [
        name
        for name in found - OTHERS
        if Path(name).parts[0] not in FOLDERS
        and not any(word.startswith(VIEWS) for word in Path(name).stem.split("_"))
    ]
    assert wrong == []


def test_one_binding_is_not_preferred_to_the_other():
    for path in ROOT.rglob("*.py"):
        assert not at_import(ast.parse(path.read_text())) & {"PyQt6", "PySide6"}, path
