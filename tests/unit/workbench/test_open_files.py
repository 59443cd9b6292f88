"""Nothing is renamed, replaced or deleted while faceloop has it open: Windows would refuse."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from faceloop_datasets import Project, Video, VideoWriter
from faceloop_datasets.tracks.face_track import FaceTrack
from faceloop_datasets.tracks.file import read_track, write_track
from faceloop_datasets.tracks.history import TrackHistory
from faceloop_datasets.tracks.track import Track
from faceloop_runtime import FaceModel
from faceloop_workbench.services.points_table import PointsTable

from .fits import make_fit

pytestmark = pytest.mark.usefixtures("as_on_windows")


def test_this_system_refuses_as_windows_does(tmp_path: Path) -> None:
    file = tmp_path / "a"
    with file.open("w"), pytest.raises(PermissionError):
        file.replace(tmp_path / "b")
    with file.open(), pytest.raises(PermissionError):
        file.unlink()
    file.unlink()


@pytest.mark.parametrize("name", ["a.csv", "a.parquet"])
def test_a_table(name: str, tmp_path: Path) -> None:
    for _ in range(2):
        with PointsTable(tmp_path / name, "track", ("left", "right", "nose"), {}) as table:
            table.write((0, 0.0), [(0, make_fit())])
    assert [file.name for file in tmp_path.iterdir()] == [name]


def test_a_video(tmp_path: Path) -> None:
    for _ in range(2):
        with VideoWriter(tmp_path / "a.mp4", 25) as out:
            out.write(np.zeros((32, 32, 3), np.uint8))
    with Video(tmp_path / "a.mp4") as video:
        assert video[0].image.shape == (32, 32, 3)
    (tmp_path / "a.mp4").unlink()


def test_a_track_and_a_model_that_are_in_use(tmp_path: Path) -> None:
    face = FaceTrack.unseen(0, 8, 5, expressions=0)
    track = Track("0" * 64, "five", "starter", 25.0, np.arange(8) / 25, (face,), ())
    file = tmp_path / "a.safetensors"
    write_track(file, TrackHistory(track))
    again = read_track(file)
    write_track(file, again)
    model = FaceModel.starter()
    model.save(file)
    loaded = FaceModel.load(file)
    loaded.save(file)
    file.unlink()
    assert loaded.pdm.mean.any()


def test_a_project_and_its_models(tmp_path: Path) -> None:
    FaceModel.starter().save(tmp_path / "mine.safetensors")
    with Project.create(tmp_path / "faces", scheme="face70") as project:
        record = project.add_model(tmp_path / "mine.safetensors", metrics={})
        loaded = FaceModel.load(record.file)
        project.delete_model(record.name)
        assert not record.file.exists()
        assert loaded.pdm.mean.any()
