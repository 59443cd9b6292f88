"""The bundled sample is complete, licensed and small."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from faceloop_datasets import PointState, Project, Video
from faceloop_datasets.media.images import read_image
from faceloop_datasets.sample import (
    sample_clip,
    sample_clip_truth,
    sample_dir,
    sample_faces,
    sample_negatives,
    sample_turns,
)


def test_size_and_licence() -> None:
    files = [f for f in sample_dir().rglob("*") if f.is_file()]
    assert sum(f.stat().st_size for f in files) < 12e6
    assert "CC0" in (sample_dir() / "LICENSE").read_text()
    assert "CC0" in (sample_dir() / "README.md").read_text()


def test_stills() -> None:
    faces = list(sample_faces())
    assert len(faces) == 400
    assert len({f.subject for f in faces}) == 100
    states = np.array([f.annotation.states for f in faces])
    assert set(np.unique(states)) == {PointState.VISIBLE, PointState.OCCLUDED}
    assert all(f.image is not None and f.image.path.is_file() for f in faces)


def test_clip_and_its_truth_agree() -> None:
    video, truth = Video(sample_clip()), sample_clip_truth()
    assert truth.points.shape == (len(video), 70, 2)
    assert truth.visible.shape == (len(video), 70)
    np.testing.assert_allclose(truth.times, video.times, atol=1e-3)
    assert np.flatnonzero(~truth.face).tolist() == list(range(167, 196))
    assert (truth.face == (truth.visible.sum(axis=1) >= 35)).all()


def test_the_clip_is_exact_by_number() -> None:
    video = Video(sample_clip())
    wanted = np.random.default_rng(1).integers(0, len(video), 10).tolist()
    frames = {f.index: f.image for f in video if f.index in wanted}
    for number in wanted:
        np.testing.assert_array_equal(video[number].image, frames[number])


def test_negatives() -> None:
    assert len(sample_negatives()) == 40
    assert read_image(sample_negatives()[0]).shape == (240, 320)


def test_the_turns_of_all_stills_are_known() -> None:
    turns = sample_turns()
    assert sorted(turns) == sorted(face.name for face in sample_faces())
    yaw, pitch, roll = np.array(list(turns.values())).T
    assert 35.0 < np.abs(yaw).max() < 50.0
    assert 10.0 < np.abs(pitch).max() < 45.0
    assert 5.0 < np.abs(roll).max() < 30.0


def test_a_project_with_the_sample_does_not_need_the_package(tmp_path: Path) -> None:
    with Project.create(tmp_path / "demo", sample=True) as project:
        faces = project.faces()
        assert len(faces) == 400
        root = project.path / "media" / "sample"
        assert all(f.media is not None and f.media.parent == root for f in faces)
        assert faces[0].read_gray().shape == (384, 384)
        assert project.queue.list() == []
        again = project.import_sample()
        assert (again.new, again.unchanged) == (0, 400)
