"""Files that napari hands to faceloop, without napari."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from faceloop_datasets import InputError, Scheme, Video
from faceloop_datasets.sample import sample_clip
from faceloop_workbench.plugin.readers import points_reader, project_reader
from faceloop_workbench.plugin.video_array import VideoArray
from faceloop_workbench.plugin.writer import write_points

if TYPE_CHECKING:
    from pathlib import Path

N = len(Scheme.load("ibug68"))


def test_points_come_back_as_they_were_written(tmp_path: Path) -> None:
    file = str(tmp_path / "face.pts")
    rows = np.random.default_rng(0).uniform(10, 200, (N, 2)).round(3)
    assert write_points(file, rows, {}) == [file]
    read = points_reader(file)
    assert read is not None
    ((data, about, kind),) = read(file)
    assert kind == "points"
    assert np.allclose(data, rows, atol=1e-3)  # row before column, here as there
    assert about["name"] == "face"
    assert about["features"]["landmark"].tolist() == list(Scheme.load("ibug68").names)


@pytest.mark.parametrize("shape", [(N, 3), (N,)])
def test_points_of_several_frames_are_no_face(tmp_path: Path, shape: tuple[int, ...]) -> None:
    with pytest.raises(InputError, match="expected points of one picture"):
        write_points(str(tmp_path / "face.pts"), np.zeros(shape), {})
    assert list(tmp_path.iterdir()) == []


def test_what_is_no_project_and_no_landmarks_is_left_to_other_readers(tmp_path: Path) -> None:
    (tmp_path / "project.db").touch()
    with pytest.raises(InputError, match="lies in the project"):
        write_points(str(tmp_path / "face.pts"), np.zeros((N, 2)), {})
    assert project_reader(str(tmp_path)) is not None
    assert project_reader(str(tmp_path / "project.db")) is not None
    assert project_reader(str(tmp_path / "other")) is None
    assert project_reader([str(tmp_path)]) is None
    assert points_reader(["a.pts", "b.txt"]) is None
    assert points_reader(["a.pts", "b.PTS"]) is not None


def test_a_video_is_an_array_of_its_frames() -> None:
    array = VideoArray(sample_clip())
    with Video(sample_clip()) as video:
        assert array.shape == (len(video), *video[0].image.shape)
        assert len(array) == len(video)
        assert array.size == np.prod(array.shape)
        assert np.array_equal(array[3], video[3].image)
        assert np.array_equal(array[-1], video[len(video) - 1].image)
        assert np.array_equal(array[3, 10:12, 5], video[3].image[10:12, 5])
        two = np.stack([video[n].image for n in (2, 4)])
        assert np.array_equal(array[2:5:2], two)
        assert np.array_equal(array[2:5:2, ..., 0], two[..., 0])
    with pytest.raises(IndexError):
        array[len(array)]
