"""Tracks to and from SLEAP, by sleap-io's own reader and writer."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from faceloop_datasets import Annotation, FrameKind, InputError, PointState, Scheme
from faceloop_datasets.formats import (
    FaceRecord,
    read_faces,
    recognise,
    source_scheme,
    write_faces,
)
from faceloop_datasets.sample import sample_clip
from faceloop_datasets.schemes.edges import edges_of
from faceloop_datasets.track_formats import read_track_file, recognise_track, sleap

from .tracks import to_write

sio = pytest.importorskip("sleap_io")


@pytest.mark.parametrize("faces", [1, 2])
def test_sleap_io_reads_what_is_written(faces: int, tmp_path: Path) -> None:
    written, out = to_write(faces), tmp_path / "talk.slp"
    sleap.write(written, out)
    labels = sio.load_slp(str(out), open_videos=False)
    assert tuple(labels.skeleton.node_names) == written.scheme.names
    assert len(labels.skeleton.symmetries) > 20
    assert [track.name for track in labels.tracks] == [f"person{k}" for k in range(faces)]
    assert [len(frame.user_instances) for frame in labels].count(faces) == 1
    theirs = labels.numpy(user_instances=True)
    ours = np.stack([face.points for face in written.faces()], axis=1)
    assert np.array_equal(theirs[:9].astype(np.float32), ours, equal_nan=True)
    score = next(i for i in labels[0].predicted_instances).points["score"]
    assert np.allclose(score, 0.75)


@pytest.mark.parametrize("faces", [1, 2])
def test_what_is_written_comes_back(faces: int, tmp_path: Path) -> None:
    written, out = to_write(faces), tmp_path / "talk.slp"
    sleap.write(written, out)
    assert recognise_track(out).name == "sleap"
    found = read_track_file(out)
    assert found.names == written.scheme.names
    assert found.tool == "sleap:net"
    assert found.frames.tolist() == [0, 1, 2, 4, 5, 6, 7, 8]
    assert len(found.edges) > 50
    for one, face in zip(found.faces, written.faces(), strict=True):
        assert one.name == face.name
        assert np.array_equal(one.points, face.points[found.frames], equal_nan=True)
        assert one.kind is not None
        assert one.kind.tolist() == [2, 2, 2, 2, 2, 3, 2, 2]


def labels(*instances: object, video: str = "a.mp4", frame: int = 4) -> object:
    one = sio.Video(filename=video, open_backend=False)
    return sio.Labels([sio.LabeledFrame(one, frame, list(instances))])


def test_files_of_sleap(tmp_path: Path) -> None:
    skeleton = sio.Skeleton(["nose", "chin"], edges=[["nose", "chin"]], name="head")
    points = np.array([[1.0, 2.0], [3.0, 4.0]])
    ann = sio.Track("ann")
    guess = sio.PredictedInstance.from_numpy(points + 9, skeleton, np.array([0.5, 0.6]), track=ann)
    placed = sio.Instance.from_numpy(points, skeleton, ann, from_predicted=guess)
    placed.points["visible"][1] = False
    file = tmp_path / "a.slp"
    sio.save_slp(labels(guess, placed), str(file), verbose=False)
    found = read_track_file(file)
    (face,) = found.faces
    assert face.kind is not None
    assert face.kind.tolist() == [FrameKind.CORRECTED]  # a person's before what was predicted
    assert face.points[0, 0].tolist() == [1, 2]
    assert np.isnan(face.points[0, 1]).all()
    assert (found.frames.tolist(), found.edges) == ([4], ((0, 1),))
    loose = [sio.PredictedInstance.from_numpy(points + k, skeleton) for k in range(2)]
    sio.save_slp(labels(*loose), str(file), verbose=False)
    with pytest.raises(InputError, match="several instances in frame 4 that are on no track"):
        read_track_file(file)
    two = labels(guess)
    two.labeled_frames += labels(guess, video="b.mp4").labeled_frames
    two.update()
    sio.save_slp(two, str(file), verbose=False)
    with pytest.raises(InputError, match=r"instances of 2 videos \(a.mp4, b.mp4\)"):
        read_track_file(file)


def test_files_before_version_1_1_are_half_a_pixel_off(tmp_path: Path) -> None:
    import h5py

    written, out = to_write(), tmp_path / "talk.slp"
    sleap.write(written, out)
    with h5py.File(out, "r+") as file:
        file["metadata"].attrs["format_id"] = 1.0
        rows = file["instances"][()]
        names = [name for name in rows.dtype.names if name != "tracking_score"]
        old = np.empty(len(rows), [(name, rows.dtype[name]) for name in names])
        for name in names:
            old[name] = rows[name]
        del file["instances"]
        file["instances"] = old
    first = read_track_file(out).faces[0].points[0]
    assert np.allclose(first, written.faces()[0].points[0] - 0.5, atol=1e-5)


@pytest.mark.parametrize("data", [b"\x89HDF\r\n\x1a\n" + bytes(900), b"\x89HDF\r\n\x1a\n"])
def test_a_broken_file_is_refused(data: bytes, tmp_path: Path) -> None:
    file = tmp_path / "talk.slp"
    file.write_bytes(data)
    with pytest.raises(InputError, match=r"talk\.slp cannot be read as a file of SLEAP"):
        read_track_file(file)


def test_labelled_frames_are_faces(tmp_path: Path) -> None:
    skeleton = sio.Skeleton(["nose", "left eye", "right eye"], edges=[["nose", "left eye"]])
    points = np.array([[1.0, 2.0], [3.0, 4.0], [5.0, 7.0]])
    hidden = sio.Instance.from_numpy(points + 1, skeleton)
    hidden.points["visible"][1] = False
    guess = sio.PredictedInstance.from_numpy(points + 9, skeleton)
    moving = sio.Video(filename=str(sample_clip()), open_backend=False)
    names = ["a/one.png", "b/two.png"]
    backend = sio.io.video_reading.ImageVideo(names, grayscale=False)
    still = sio.Video(filename=names, backend=backend, open_backend=False)
    still.backend_metadata["shape"] = (2, 90, 90, 3)
    labels = sio.Labels(
        [
            sio.LabeledFrame(moving, 7, [sio.Instance.from_numpy(points, skeleton), hidden, guess]),
            sio.LabeledFrame(still, 1, [sio.Instance.from_numpy(points, skeleton)]),
        ]
    )
    file = tmp_path / "labels.slp"
    sio.save_slp(labels, str(file), verbose=False)
    assert recognise([file]).format == recognise([tmp_path]).format == "sleap"
    scheme = source_scheme("sleap", [file])
    assert scheme.names == ("nose", "left eye", "right eye")
    assert scheme.mirror == (0, 2, 1)
    found = list(read_faces("sleap", [file]))
    faces = [one for one in found if isinstance(one, FaceRecord)]
    assert [(one.image_name, one.frame) for one in faces] == [
        (str(sample_clip()), 7),
        (str(sample_clip()), 7),
        ("b/two.png", None),
    ]
    assert np.array_equal(faces[0].annotation.points, points)
    assert faces[1].annotation.states.tolist() == [0, PointState.MISSING, 0]
    assert len({one.identity for one in faces}) == 3
    assert "faceloop tracks import takes it" in str(found[2])


def test_sleap_io_reads_faces_that_are_written(tmp_path: Path) -> None:
    scheme, points = Scheme.load("face70"), np.random.default_rng(0).uniform(0, 99, (70, 2))
    points[4] = np.nan
    states = np.where(np.arange(70) == 4, PointState.MISSING, PointState.VISIBLE)
    states[5] = PointState.OCCLUDED
    given = Annotation("face70", points, states)
    records = [
        FaceRecord("a", "ann", None, "a.png", given, "here"),
        FaceRecord("b", "ann", None, "clip.mp4", given, "here", frame=12),
    ]
    out = tmp_path / "faces.slp"
    lost = write_faces("sleap", records, out, scheme=scheme).lost
    assert lost[0] == "2 occluded points are written as visible."
    labels = sio.load_slp(str(out), open_videos=False)
    assert [video.filename for video in labels.videos] == [["a.png"], "clip.mp4"]
    assert [frame.frame_idx for frame in labels] == [0, 12]
    for frame in labels:
        assert np.array_equal(frame.user_instances[0].numpy(), points, equal_nan=True)
    assert len(labels.skeleton.edges) == len(set(edges_of(scheme))) > 50
