"""Files as 3DDFA's page and code, Hopenet's and TensorFlow Datasets' readers describe them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.io import savemat

from faceloop_datasets import PointState
from faceloop_datasets.formats import FaceRecord, Refusal, read_faces, recognise

from .mat_files import drawn

POINTS = drawn("ibug68")
POSE = np.array([[0.1, 0.4, -0.2, 120.0, 130.0, -60.0, 1e-3]])


def written(file: Path, **values: Any) -> Path:
    file.parent.mkdir(parents=True, exist_ok=True)
    savemat(file, values)
    return file


def faces(*sources: Path) -> list[FaceRecord]:
    found = list(read_faces("300w-lp", sources))
    assert all(isinstance(face, FaceRecord) for face in found), found
    return found  # type: ignore[return-value]


def occluded(face: FaceRecord) -> list[int]:
    return np.flatnonzero(face.annotation.states == PointState.OCCLUDED).tolist()


def test_variants_of_a_photograph_are_one_subject(tmp_path: Path) -> None:
    for name in ("AFW_134212_1_0", "AFW_134212_1_17", "AFW_134212_2_0", "IBUG_image_003_1_0"):
        written(tmp_path / f"{name}.mat", pt2d=(POINTS + 1).T, Pose_Para=POSE)
    found = {face.name: face for face in faces(tmp_path)}
    assert {face.subject for face in found.values()} == {
        "300w-AFW_134212_1", "300w-AFW_134212_2", "300w-IBUG_image_003_1",
    }  # fmt: skip
    np.testing.assert_allclose(found["AFW_134212_1_0"].annotation.points, POINTS)
    assert occluded(found["AFW_134212_1_0"]) == []  # its outline is what is seen
    assert recognise([tmp_path]).format == "300w-lp"


def test_the_outline_of_the_landmarks_folder_goes_first(tmp_path: Path) -> None:
    written(tmp_path / "AFW" / "AFW_1_1_0.mat", pt2d=(POINTS + 9).T)
    written(tmp_path / "AFW_Flip" / "AFW_1_1_0.mat", pt2d=(POINTS + 9).T)
    (tmp_path / "AFW" / "AFW_1_1_0.jpg").write_bytes(b"x")
    pts = tmp_path / "landmarks" / "AFW" / "AFW_1_1_0_pts.mat"
    written(pts, pts_2d=POINTS + 1, pts_3d=POINTS + 5)
    flipped, face = sorted(faces(tmp_path), key=lambda face: "landmarks" in face.path)
    assert "AFW_Flip" in flipped.path
    np.testing.assert_allclose(face.annotation.points, POINTS)
    assert face.image is not None
    assert face.image.path.parent.name == "AFW"
    assert face.subject == flipped.subject


@pytest.mark.parametrize(("yaw", "hidden"), [(0.1, 0), (0.4, 8), (-0.4, 8), (1.3, 19)])
def test_what_the_head_hides_of_a_shape_in_space(yaw: float, hidden: int, tmp_path: Path) -> None:
    # AFLW2000-3D: its pt2d has AFLW's 21 points, -1 where they are not seen
    points = POINTS.copy()
    points[:, 0] += 30 * np.sign(yaw) * np.exp(-(((points[:, 0] - 150) / 40) ** 2))  # nose aside
    pose = POSE.copy()
    pose[0, 1] = yaw
    file = written(
        tmp_path / "image00002.mat",
        pt2d=np.full((2, 21), -1.0),
        pt3d_68=np.vstack([(points + 1).T, np.zeros(68)]),
        Pose_Para=pose,
    )
    (face,) = faces(file)
    np.testing.assert_allclose(face.annotation.points, points)
    assert len(occluded(face)) == hidden
    if hidden:
        assert (np.array(occluded(face)[:8]) > 8).all() == (yaw > 0)
    assert face.subject_source == "picture"
    assert recognise([file]).format == "300w-lp"


def test_points_that_are_not_there(tmp_path: Path) -> None:
    raw = (POINTS + 1).T
    raw[:, 4], raw[:, 5] = -1, np.nan
    (face,) = faces(written(tmp_path / "a.mat", pt2d=raw))
    assert np.flatnonzero(~face.annotation.present).tolist() == [4, 5]


def test_bad_files_do_not_lose_the_others(tmp_path: Path) -> None:
    good = written(tmp_path / "c.mat", pt2d=(POINTS + 1).T)
    written(tmp_path / "a.mat", pt2d=np.full((2, 21), -1.0))
    written(tmp_path / "b.mat", pt2d=np.array(["x", object], dtype=object))
    (tmp_path / "d.mat").write_bytes(good.read_bytes()[:200])
    (tmp_path / "e.mat").write_bytes(b"nothing")
    (tmp_path / "f.mat").write_bytes(good.read_bytes()[:128] + bytes(1 << 19))
    found = list(read_faces("300w-lp", [tmp_path]))
    assert [type(one) for one in found].count(FaceRecord) == 1
    reasons = {one.file.name: one.reason for one in found if isinstance(one, Refusal)}
    assert "found pt2d of 2x21; expected pts_2d" in reasons["a.mat"]
    assert "pt2d is not an array of numbers" in reasons["b.mat"]
    assert "d.mat" in reasons
    assert "no Matlab file of version 5" in reasons["e.mat"]
    assert "bytes; a file of its kind has at most" in reasons["f.mat"]
