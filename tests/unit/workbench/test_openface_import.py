"""Tables of OpenFace read back: those that faceloop writes, and those that OpenFace does.

What OpenFace 2.2 writes is from its wiki, "Output format" and "Command line arguments".
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from faceloop_datasets import InputError, Scheme
from faceloop_datasets.sample import sample_faces
from faceloop_datasets.track_formats import openface, read_track_file, recognise_track
from faceloop_runtime import HeadPose
from faceloop_workbench.services.openface_table import Camera, OpenFaceTable, openface_pose

from .fits import make_fit

if TYPE_CHECKING:
    from pathlib import Path

CAMERA, IBUG = Camera(640, 480), Scheme.load("ibug68")
angles = st.floats(-70.0, 70.0)


def ibug_face(x: float = 0.0) -> np.ndarray:
    """68 points: those of a face, as far as numbers go."""
    return np.asarray(next(iter(sample_faces())).annotation.points[:68] + np.array([x, 0.0]))


def theirs(rows: list[str], count: int = 5, more: str = "") -> str:
    """A file as OpenFace 2 writes it: with a space after each comma of the header."""
    points = [f"{axis}_{k}" for axis in "xy" for k in range(count)]
    pose = ["pose_Tx", "pose_Ty", "pose_Tz", "pose_Rx", "pose_Ry", "pose_Rz"]
    names = ["frame", "face_id", "timestamp", "confidence", "success", *pose, *points]
    return "\n".join([", ".join(names) + more, *rows]) + "\n"


def row(frame: int, face: int = 0, success: int = 1, first: float = 0.0, sure: float = 0.98) -> str:
    points = ", ".join(str(first + k) for k in range(10))
    return f"{frame}, {face}, {frame / 25:.3f}, {sure}, {success}, 0, 0, 500, 0, 0, 0, {points}"


@given(angles, angles, angles, st.floats(0, 640), st.floats(0, 480))
def test_head_poses_come_back_wherever_the_head_is(
    yaw: float, pitch: float, roll: float, x: float, y: float
) -> None:
    points = ibug_face()
    points += np.array([x, y]) - points.mean(axis=0)
    fit = make_fit(points, head_pose=HeadPose(yaw, pitch, roll, 2.0))
    pose = openface_pose(fit, 100.0, CAMERA)[None]
    assert np.allclose(openface.head_turns(pose[:, :3], pose[:, 3:]), [yaw, pitch, roll], atol=1e-6)


def test_a_table_of_faceloop_comes_back(tmp_path: Path) -> None:
    out = tmp_path / "talk.csv"
    pose = HeadPose(20.0, -10.0, 5.0, 2.0)
    with OpenFaceTable(out, IBUG, CAMERA) as table:
        for frame in range(4):
            fit = make_fit(ibug_face(frame), head_pose=pose)
            table.write((frame, frame / 25), [] if frame == 2 else [(0, fit)])
    assert recognise_track(out).name == "openface"
    found = read_track_file(out)
    assert (found.frames.tolist(), len(found.names), found.whole) == ([0, 1, 2, 3], 68, True)
    (face,) = found.faces
    assert np.allclose(face.points[3], ibug_face(3), atol=1e-3)
    assert np.isnan(face.points[2]).all()
    assert face.head_pose is not None
    assert np.allclose(face.head_pose[1], [20, -10, 5], atol=1e-3)


def test_what_openface_writes(tmp_path: Path) -> None:
    file = tmp_path / "talk.csv"
    rows = [row(1), row(2, success=0, sure=0.02), row(3, first=2.5)]
    file.write_bytes(theirs(rows, more=", AU01_r").replace("\n", "\r\n").encode("utf-8-sig"))
    with pytest.raises(InputError, match=r"talk\.csv cannot be read"):  # a column is missing
        read_track_file(file)
    file.write_text(theirs([f"{r}, 0.5" for r in rows], more=", AU01_r"))
    found = read_track_file(file)
    (face,) = found.faces
    assert found.frames.tolist() == [0, 1, 2]
    assert face.points[0].tolist() == [[k, 5 + k] for k in range(5)]
    assert np.isnan(face.points[1]).all()
    assert face.confidence is not None
    assert face.confidence[2, 0] == np.float32(0.98)
    assert face.head_pose is not None
    assert np.allclose(face.head_pose[0], 0)
    assert found.left == ("confidence", "action units", "distance of the head")


def test_several_faces_and_frames_without_a_row(tmp_path: Path) -> None:
    file = tmp_path / "party.csv"
    file.write_text(theirs([row(2), row(2, 3, first=50), row(5, 3, first=60)]))
    found = read_track_file(file)
    assert (found.frames.tolist(), found.whole) == ([1, 4], False)
    assert np.isnan(found.faces[0].points[1]).all()
    assert found.faces[1].points[:, 0, 0].tolist() == [50, 60]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (theirs([row(0)]), "count from 1; the first is 0"),
        (theirs([row(1), row(1)]), "has a face twice in a frame"),
        (theirs([row(1).replace("1,", "1.5,", 1)]), "does not count frames"),
        (theirs([row(1).replace("500", "far")]), "cannot be read as a table of OpenFace"),
        ("frame, timestamp, confidence, success\n1, 0, 1, 1\n", "has no points x_0"),
        ("face, confidence, x_0, y_0\n0, 1, 2, 3\n", "has no column frame, success"),
        ("frame, success, x_0, y_0, x_0\n1, 1, 2, 3, 4\n", "has a column twice"),
        (theirs([]), "has no frames"),
    ],
)
def test_a_broken_table_is_refused_by_name(tmp_path: Path, text: str, said: str) -> None:
    file = tmp_path / "talk.csv"
    file.write_text(text)
    with pytest.raises(InputError, match=r"talk\.csv.*" + said):
        openface.read(file)
