"""Tables with OpenFace's columns, units and signs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from faceloop_datasets import InputError, Scheme
from faceloop_datasets.sample import sample_faces
from faceloop_runtime import HeadPose
from faceloop_workbench.services.openface_points import openface_weights
from faceloop_workbench.services.openface_table import Camera, OpenFaceTable, openface_pose

from .fits import make_fit

if TYPE_CHECKING:
    from pathlib import Path

SCHEME, IBUG = Scheme.load("face70"), Scheme.load("ibug68")
CAMERA = Camera(640, 480)
angles = st.floats(-70.0, 70.0)


def face() -> np.ndarray:
    """Return the 70 points of the first face of the sample, in its picture of 384 x 384."""
    return next(iter(sample_faces())).annotation.points


def their_rotation(x: float, y: float, z: float) -> np.ndarray:
    """Rx Ry Rz in a frame of x right, y down, z away, spelled out."""
    one = np.array([[1, 0, 0], [0, np.cos(x), -np.sin(x)], [0, np.sin(x), np.cos(x)]])
    two = np.array([[np.cos(y), 0, np.sin(y)], [0, 1, 0], [-np.sin(y), 0, np.cos(y)]])
    three = np.array([[np.cos(z), -np.sin(z), 0], [np.sin(z), np.cos(z), 0], [0, 0, 1]])
    return np.asarray(one @ two @ three)


def in_the_middle(x: float = 0.0, y: float = 0.0) -> np.ndarray:
    """Return a face beside the middle of the picture, where the camera's axis is."""
    points = face()
    return np.asarray(points - points.mean(axis=0) + np.array([320.0 + x, 240.0 + y]))


@given(angles, angles, angles)
def test_where_a_face_looks_and_its_side_are_the_same_in_both_frames(
    yaw: float, pitch: float, roll: float
) -> None:
    head = HeadPose(yaw, pitch, roll, 2.0)
    pose = openface_pose(make_fit(in_the_middle(), head_pose=head), 100.0, CAMERA)
    turn = their_rotation(*pose[3:])
    ahead, side = head.rotation @ [0.0, 0.0, 1.0], head.rotation @ [1.0, 0.0, 0.0]
    np.testing.assert_allclose(turn @ [0.0, 0.0, -1.0], ahead * [1, 1, -1], atol=1e-9)
    np.testing.assert_allclose(turn @ [1.0, 0.0, 0.0], side * [1, 1, -1], atol=1e-9)


def test_signs_and_units() -> None:
    def turn(*head: float) -> np.ndarray:
        fit = make_fit(in_the_middle(), head_pose=HeadPose(*head, 2.0))
        return np.rad2deg(openface_pose(fit, 100.0, CAMERA)[3:])

    np.testing.assert_allclose(turn(20.0, 0.0, 0.0), [0.0, -20.0, 0.0], atol=1e-9)
    np.testing.assert_allclose(turn(0.0, 20.0, 0.0), [20.0, 0.0, 0.0], atol=1e-9)
    np.testing.assert_allclose(turn(0.0, 0.0, 20.0), [0.0, 0.0, 20.0], atol=1e-9)


def test_a_head_is_as_far_away_as_it_is_small() -> None:
    fit = make_fit(in_the_middle(100.0), head_pose=HeadPose(0.0, 0.0, 0.0, 2.0))
    x, y, z = openface_pose(fit, 46.0, CAMERA)[:3]
    assert z == pytest.approx(500.0 * 92.0 / 46.0)
    assert (x, y) == (pytest.approx(100.0 / 500.0 * z), pytest.approx(0.0, abs=1e-9))
    assert Camera(1280, 960).focal == 1000.0


def test_a_head_at_the_side_that_looks_into_the_camera_is_turned_against_its_axis() -> None:
    fit = make_fit(in_the_middle(250.0, -80.0), head_pose=HeadPose(0.0, 0.0, 0.0, 2.0))
    pose = openface_pose(fit, 100.0, CAMERA)
    looks = their_rotation(*pose[3:]) @ [0.0, 0.0, -1.0]
    np.testing.assert_allclose(looks, -pose[:3] / np.linalg.norm(pose[:3]), atol=1e-9)


def test_a_row_a_face_and_one_a_frame_without(tmp_path: Path) -> None:
    file = tmp_path / "faces.csv"
    fit = make_fit(face(), head_pose=HeadPose(10.0, 5.0, -3.0, 2.0))
    with OpenFaceTable(file, SCHEME, CAMERA) as table:
        table.write((0, 0.0), [(0, fit), (3, make_fit(face() + 50))])
        table.write((1, 0.04), [])
    rows = pd.read_csv(file)
    assert list(rows.columns) == [
        "frame", "face_id", "timestamp", "confidence", "success",
        "pose_Tx", "pose_Ty", "pose_Tz", "pose_Rx", "pose_Ry", "pose_Rz",
        *(f"x_{k}" for k in range(68)), *(f"y_{k}" for k in range(68)),
    ]  # fmt: skip
    assert rows["frame"].tolist() == [1, 1, 2]
    assert rows["face_id"].tolist() == [0, 3, 0]
    assert rows["timestamp"].tolist() == [0.0, 0.0, 0.04]
    assert rows["success"].tolist() == [1, 1, 0]
    assert rows["confidence"].tolist() == [0.75, 0.75, 0.0]
    expected = openface_pose(fit, SCHEME.frontal_iod(face()), CAMERA)
    np.testing.assert_allclose(rows.iloc[0, 5:11].astype(float), expected, rtol=1e-4)
    assert (rows.iloc[1, 5:11] == 0).all()  # of a face whose turn is not known
    assert (rows.iloc[2, 3:] == 0).all()
    np.testing.assert_allclose(rows.loc[0, ["x_36", "y_36"]].astype(float), face()[23], rtol=1e-4)


def test_other_schemes_have_their_own_points(tmp_path: Path) -> None:
    points = np.arange(2.0 * len(IBUG)).reshape(-1, 2)
    with OpenFaceTable(tmp_path / "t.csv", IBUG, CAMERA) as table:
        table.write((0, 0.0), [(0, make_fit(points))])
    row = pd.read_csv(tmp_path / "t.csv").iloc[0]
    np.testing.assert_array_equal([row[f"y_{k}"] for k in range(68)], points[:, 1])


def test_points_of_ibug68_are_made_of_those_of_face70() -> None:
    weights = openface_weights(SCHEME)
    assert weights.shape == (68, 70)
    np.testing.assert_allclose(weights.sum(axis=1), 1.0)
    flipped = weights[list(IBUG.mirror)][:, list(SCHEME.mirror)]
    np.testing.assert_allclose(flipped, weights, atol=1e-12)
    made = weights @ face()
    for line in IBUG.contours:  # what is drawn as a line has no kinks to and fro
        steps = np.linalg.norm(np.diff(made[list(line.points)], axis=0), axis=1)
        assert steps.min() > 0.1 * steps.max()


def test_a_table_of_openface_is_csv(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"\.csv"):
        OpenFaceTable(tmp_path / "t.parquet", SCHEME, CAMERA)


def test_a_folder_that_cannot_be_written_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="cannot be written"):
        OpenFaceTable(tmp_path / "file" / "t.csv", SCHEME, CAMERA)


def test_an_interruption_leaves_what_was_written(tmp_path: Path) -> None:
    def interrupted() -> None:
        with OpenFaceTable(tmp_path / "t.csv", SCHEME, CAMERA) as table:
            table.write((0, 0.0), [(0, make_fit(face()))])
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert len(pd.read_csv(tmp_path / "t.csv")) == 1
    assert [file.name for file in tmp_path.iterdir()] == ["t.csv"]
