"""A real napari window with the dock in it, on whatever screen there is (CI: a virtual one)."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from driver import Driver

from faceloop_datasets import Project

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


@pytest.fixture(autouse=True)
def _own_settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Keys and window settings of the person who runs the tests stay out of them."""
    monkeypatch.setenv("FACELOOP_CONFIG", str(tmp_path / "config"))
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))


@pytest.fixture
def driver(make_napari_viewer: Callable[..., object], qtbot: object) -> Iterator[Driver]:
    """The window, and hands to use it with."""
    from napari.utils._proxies import PublicOnlyProxy

    from faceloop_workbench.dock.dock import Dock

    viewer = make_napari_viewer(show=True)
    viewer.window._qt_window.resize(1500, 950)
    dock = Dock(PublicOnlyProxy(viewer))  # what napari gives to a plugin
    viewer.window.add_dock_widget(dock, name="faceloop", area="right")
    hands = Driver(viewer, dock, qtbot)
    hands.settle()
    yield hands
    dock.close_down()
    # The test still holds `hands` when napari looks for viewers that are kept alive.
    hands.__dict__.clear()
    del dock, viewer


@pytest.fixture(scope="session")
def sample_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of a project with the sample faces, to be copied: to make one takes a second."""
    folder = tmp_path_factory.mktemp("made")
    Project.create(folder / "sample", sample=True).close()
    # What a copy lacks would be found where the project was made.
    return (folder / "sample").rename(folder / "kept")


@pytest.fixture
def sample_project(sample_folder: Path, tmp_path: Path) -> Project:
    """A project with the sample faces, open."""
    return Project.open(shutil.copytree(sample_folder, tmp_path / "sample"))


@pytest.fixture(scope="session")
def data_dir() -> Path:
    """Real faces for development; never part of the repository."""
    # As in tests/conftest.py, which belongs to another configuration.
    beside = Path(__file__).parents[3] / "shared" / "data"
    folder = Path(os.environ.get("FACELOOP_DATA", beside))
    if not folder.is_dir():
        pytest.skip(f"no development data at {folder} (set FACELOOP_DATA)")
    return folder
