"""Tracks to and from NWB, by pynwb, ndx-pose and movement's own reader."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from faceloop_datasets import Annotation, InputError, PointState, Scheme
from faceloop_datasets.formats import (
    FaceRecord,
    read_faces,
    recognise,
    source_scheme,
    write_faces,
)
from faceloop_datasets.track_formats import nwb, read_track_file, recognise_track

from .tracks import to_write

pytestmark = pytest.mark.filterwarnings("ignore")
pynwb, ndx_pose = pytest.importorskip("pynwb"), pytest.importorskip("ndx_pose")


def test_movement_reads_what_is_written(tmp_path: Path) -> None:
    load_poses = pytest.importorskip("movement.io").load_poses
    written, out = to_write(), tmp_path / "talk.nwb"
    nwb.write(written, out)
    ds = load_poses.from_nwb_file(out)
    assert ds.attrs["fps"] == 25
    assert ds.attrs["source_software"] == "faceloop"
    ours = written.faces()[0]
    theirs = ds.position.sel(keypoints=list(written.scheme.names)).values[..., 0]
    assert np.array_equal(theirs.transpose(0, 2, 1).astype(np.float32), ours.points, equal_nan=True)
    sure = ds.confidence.sel(keypoints=list(written.scheme.names)).values[..., 0]
    assert np.allclose(sure, ours.confidence)


@pytest.mark.parametrize("faces", [1, 2])
def test_what_is_written_is_valid_and_comes_back(faces: int, tmp_path: Path) -> None:
    written, out = to_write(faces), tmp_path / "talk.nwb"
    nwb.write(written, out)
    assert not pynwb.validate(path=str(out))
    assert recognise_track(out).name == "nwb"
    found = read_track_file(out)
    assert (found.tool, found.scheme) == ("faceloop:net", "face70")
    assert found.names == written.scheme.names
    assert len(found.edges) > 50
    by_name = {face.name: face for face in written.faces()}
    for one in found.faces:
        face = by_name[one.name or "person0"]
        assert np.array_equal(one.points, face.points, equal_nan=True)
        assert one.confidence is not None
        assert np.array_equal(one.confidence, face.confidence)


def test_a_file_of_ndx_poses_own(tmp_path: Path) -> None:
    from ndx_pose.testing.mock.pose import mock_PoseEstimation
    from pynwb.testing.mock.file import mock_NWBFile

    file, out = mock_NWBFile(), tmp_path / "mock.nwb"
    pose = mock_PoseEstimation(nwbfile=file)
    if pose.parent is None:
        file.create_processing_module("behavior", "poses").add(pose)
    series = {name: np.array(one.data) for name, one in pose.pose_estimation_series.items()}
    with pynwb.NWBHDF5IO(str(out), "w") as io:
        io.write(file)
    found = read_track_file(out)
    (face,) = found.faces
    for number, name in enumerate(found.names):
        assert np.array_equal(face.points[:, number], series[name].astype(np.float32))


def test_files_without_poses_and_broken_ones_are_refused(tmp_path: Path) -> None:
    from pynwb.testing.mock.file import mock_NWBFile

    out = tmp_path / "talk.nwb"
    with pynwb.NWBHDF5IO(str(out), "w") as io:
        io.write(mock_NWBFile())
    with pytest.raises(InputError, match=r"talk\.nwb has no PoseEstimation"):
        read_track_file(out)
    out.write_bytes(b"\x89HDF\r\n\x1a\n" + bytes(900))
    with pytest.raises(InputError, match=r"talk\.nwb cannot be read as NWB"):
        read_track_file(out)


def test_labelled_frames_of_ndx_pose_are_faces(tmp_path: Path) -> None:
    from pynwb.image import ImageSeries
    from pynwb.testing.mock.file import mock_NWBFile

    file, out = mock_NWBFile(), tmp_path / "labels.nwb"
    skeleton = ndx_pose.Skeleton(
        name="head", nodes=["nose", "left eye", "right eye"], edges=np.array([[0, 1]], np.uint8)
    )
    points = np.array([[1.0, 2.0], [3.0, 4.0], [5.0, 7.0]])
    one = ndx_pose.SkeletonInstance(
        id=np.uint(10),
        node_locations=points,
        node_visibility=[True, False, True],
        skeleton=skeleton,
    )
    files = {"external_file": ["camera1.mp4"], "starting_frame": [0], "format": "external"}
    video = ImageSeries(name="camera1", unit="NA", timestamps=np.arange(9.0), **files)
    about = {"annotator": "Awesome Possum"}
    frames = [
        ndx_pose.TrainingFrame(
            name="frame_0",
            skeleton_instances=ndx_pose.SkeletonInstances(skeleton_instances=[one]),
            source_video=video,
            source_video_frame_index=np.uint(7),
            **about,
        )
    ]
    behavior = file.create_processing_module("behavior", "labels")
    behavior.add(ndx_pose.Skeletons(skeletons=[skeleton]))
    behavior.add(
        ndx_pose.PoseTraining(
            training_frames=ndx_pose.TrainingFrames(training_frames=frames),
            source_videos=ndx_pose.SourceVideos(image_series=[video]),
        )
    )
    with pynwb.NWBHDF5IO(str(out), "w") as io:
        io.write(file)
    assert recognise([out]).format == recognise([tmp_path]).format == "nwb"
    assert source_scheme("nwb", [out]).names == ("nose", "left eye", "right eye")
    (face,) = read_faces("nwb", [out])
    assert isinstance(face, FaceRecord)
    assert (face.image_name, face.frame) == ("camera1.mp4", 7)
    assert np.array_equal(face.annotation.points, points)
    assert face.annotation.states.tolist() == [0, PointState.OCCLUDED, 0]


def test_faces_that_are_written_are_valid_and_come_back(tmp_path: Path) -> None:
    scheme, points = Scheme.load("face70"), np.random.default_rng(0).uniform(0, 99, (70, 2))
    points[4] = np.nan
    states = np.where(np.arange(70) == 4, PointState.MISSING, PointState.VISIBLE)
    states[5:7] = PointState.OCCLUDED, PointState.ESTIMATED
    given = Annotation("face70", points, states, "manual")
    records = [
        FaceRecord("a", "ann", None, "a.png", given, "here"),
        FaceRecord("b", "ann", None, "b.png", given, "here"),
        FaceRecord("c", "ann", None, "clip.mp4", given, "here", frame=312),
        FaceRecord("d", "bob", None, "clip.mp4", given, "here", frame=312),
    ]
    out = tmp_path / "faces.nwb"
    assert write_faces("nwb", records, out, scheme=scheme).lost[0].endswith("written as occluded.")
    assert not pynwb.validate(path=str(out))
    assert source_scheme("nwb", [out]).names == scheme.names
    found = [one for one in read_faces("nwb", [out]) if isinstance(one, FaceRecord)]
    places = [("a.png", None), ("b.png", None), ("clip.mp4", 312), ("clip.mp4", 312)]
    assert [(one.image_name, one.frame) for one in found] == places
    for one in found:
        assert np.array_equal(one.annotation.points, points, equal_nan=True)
        assert one.annotation.states[4:7].tolist() == [
            PointState.MISSING, PointState.OCCLUDED, PointState.OCCLUDED,
        ]  # fmt: skip
