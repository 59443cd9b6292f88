"""Tracks to and from NWB, by pynwb, ndx-pose and movement's own reader."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from faceloop_datasets import InputError
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
