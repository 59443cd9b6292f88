"""What napari's own menus and its file dialog do with faceloop."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from faceloop_datasets import Project, Scheme, Video
from faceloop_datasets.sample import sample_clip

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def viewer(make_napari_viewer) -> Iterator[object]:
    window = make_napari_viewer(show=True)
    yield window
    dock = window.window.dock_widgets.get("Workbench (faceloop)")
    if dock is not None:
        dock.close_down()


@pytest.fixture(autouse=True)
def _this_plugin(npe2pm) -> Iterator[None]:
    """napari's fixture hides installed plugins; ours is shown again."""
    with npe2pm.tmp_plugin(package="faceloop"):
        yield


def dock_of(viewer):
    from faceloop_workbench.plugin.window import open_dock

    return open_dock(viewer)


def test_the_bundled_project_opens_in_the_dock(viewer):
    viewer.open_sample("faceloop", "project")
    dock = dock_of(viewer)
    assert len(dock.session.project.items()) > 100
    assert dock.tabs.currentWidget() is dock.queue


@pytest.mark.parametrize("what", ["mine", "mine/project.db"])
def test_a_project_opens_in_the_dock(viewer, tmp_path, what):
    Project.create(tmp_path / "mine").close()
    viewer.open(str(tmp_path / what), plugin="faceloop")
    assert dock_of(viewer).session.project.name == "mine"


def test_the_bundled_clip_is_exact_to_the_frame(viewer):
    (layer,) = viewer.open_sample("faceloop", "clip")
    with Video(sample_clip()) as video:
        assert layer.data.shape == (len(video), *video[0].image.shape)
        assert np.array_equal(np.asarray(layer.data[40]), video[40].image)
        assert np.array_equal(layer.data[40:42, 10:20, 5], np.stack([
            video[n].image[10:20, 5] for n in (40, 41)
        ]))  # fmt: skip


@pytest.mark.parametrize("tab", ["annotate", "queue", "train", "live"])
def test_menu_commands_open_their_tab(viewer, tab):
    from faceloop_workbench.plugin import commands

    command = {
        "annotate": commands.annotate_faces,
        "queue": commands.review_poor_fits,
        "train": commands.retrain_model,
        "live": commands.watch_video,
    }[tab]
    command(viewer)
    dock = dock_of(viewer)
    assert dock.tabs.currentWidget() is getattr(dock, tab)


def test_landmarks_go_to_pts_and_come_back(viewer, tmp_path):
    points = np.random.default_rng(3).uniform(10, 200, (68, 2))
    layer = viewer.add_points(points[:, ::-1])
    written = layer.save(str(tmp_path / "face.pts"), plugin="faceloop")
    assert written == [str(tmp_path / "face.pts")]
    (back,) = viewer.open(written, plugin="faceloop")
    assert np.array_equal(back.data, points[:, ::-1])
    assert list(back.features["landmark"]) == list(Scheme.load("ibug68").names)


def test_a_damaged_pts_file_is_named_with_its_line(viewer, tmp_path):
    bad = tmp_path / "bad.pts"
    bad.write_text("version: 1\nn_points: 68\n{\n1 2\n}\n")
    with pytest.raises(Exception, match=r"bad\.pts"):
        viewer.open(str(bad), plugin="faceloop")


def test_settings_of_the_manifest_are_read(viewer):
    from faceloop_workbench.settings import read_settings

    settings = read_settings()
    assert settings.backend == "auto"
    assert settings.poor_error == pytest.approx(0.06)
    assert settings.assisted
