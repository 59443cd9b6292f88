"""The manifest by which napari finds what faceloop adds to it."""

from __future__ import annotations

import ast
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import faceloop_workbench

if TYPE_CHECKING:
    from npe2 import PluginManifest

FOLDER = Path(faceloop_workbench.__file__).parent
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning:npe2")


@pytest.fixture
def manifest() -> PluginManifest:
    from npe2 import PluginManifest

    return PluginManifest.from_file(FOLDER / "napari.yaml")  # an error names what is not valid


def names_in(module: str) -> set[str]:
    """What a module defines, without importing napari or Qt."""
    spec = find_spec(module)
    assert spec is not None
    assert spec.origin is not None
    tree = ast.parse(Path(spec.origin).read_text(encoding="utf-8"))
    return {node.name for node in tree.body if isinstance(node, ast.ClassDef | ast.FunctionDef)}


def test_what_its_commands_call_exists(manifest: PluginManifest) -> None:
    called = [command.python_name.split(":") for command in manifest.contributions.commands]
    assert [name for module, name in called if name not in names_in(module)] == []


def test_what_it_names_is_there(manifest: PluginManifest) -> None:
    added, known = manifest.contributions, {c.id for c in manifest.contributions.commands}
    for what in (added.widgets, added.readers, added.writers, added.sample_data):
        assert what
        assert {one.command for one in what} <= known
    submenus = {menu.id for menu in added.submenus}
    entries = [entry for menu in added.menus.values() for entry in menu]
    assert {entry.command for entry in entries if hasattr(entry, "command")} <= known
    assert {entry.submenu for entry in entries if hasattr(entry, "submenu")} <= submenus
    module, icon = manifest.icon.split(":")
    assert module == faceloop_workbench.__name__
    assert (FOLDER / icon).is_file()
