"""COFW's files as the loaders of HRNet, PIPNet and OpenPose read them, and COFW-68's."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from scipy.io import savemat

from faceloop_datasets import InputError, PointState, Project
from faceloop_datasets.formats import FaceRecord, Refusal, count_faces, read_faces, recognise
from faceloop_datasets.formats.cofw import _check_order

from .mat_files import cofw_row, drawn, write_cofw

POINTS = drawn("cofw29")
COLOUR = np.random.default_rng(0).integers(0, 255, (300, 320, 3), np.uint8)


def cofw(folder: Path, *rows: np.ndarray, name: str = "COFW_train_color.mat") -> Path:
    pytest.importorskip("h5py")
    rows = rows or (cofw_row(POINTS, (3, 4)), cofw_row(POINTS + 5))
    return write_cofw(folder / name, np.array(rows), [COLOUR, COLOUR[..., 0]])


def test_points_are_planar_and_start_at_one(tmp_path: Path) -> None:
    file = cofw(tmp_path)
    one, two = read_faces("cofw", [file])
    assert isinstance(one, FaceRecord)
    assert isinstance(two, FaceRecord)
    np.testing.assert_array_equal(one.annotation.points, POINTS)
    hidden = np.flatnonzero(one.annotation.states == PointState.OCCLUDED)
    assert hidden.tolist() == [3, 4]
    assert one.name == "IsTr_00001.png"
    assert one.subject != two.subject
    assert count_faces("cofw", [tmp_path]) == 2
    assert recognise([file]).format == recognise([tmp_path]).format == "cofw"


def test_a_file_of_another_name_is_known_by_its_arrays(tmp_path: Path) -> None:
    assert recognise([cofw(tmp_path, name="faces.mat")]).format == "cofw"


def test_pictures_are_unpacked_into_the_project(tmp_path: Path) -> None:
    file = cofw(tmp_path)
    project = Project.create(tmp_path / "p", scheme="cofw29")
    report = project.import_from("cofw", [file])
    assert (report.new, report.refused) == (2, ())
    colour, gray = sorted((tmp_path / "p" / "media").rglob("*.png"))
    np.testing.assert_array_equal(np.asarray(Image.open(colour)), COLOUR)
    np.testing.assert_array_equal(np.asarray(Image.open(gray)), COLOUR[..., 0])
    again = project.import_from("cofw", [file])
    assert (again.new, again.unchanged, again.refused) == (0, 2, ())
    project.close()


def test_numbers_that_make_no_faces_are_refused(tmp_path: Path) -> None:
    interleaved = np.concatenate([(POINTS + 1).ravel(), np.zeros(29)])
    with pytest.raises(InputError, match=r"a\.mat: the numbers make no faces; expected all x"):
        _check_order(tmp_path / "a.mat", np.array([interleaved] * 3))
    _check_order(tmp_path / "a.mat", np.array([cofw_row(POINTS)] * 3))


def test_a_bad_row_does_not_lose_the_others(tmp_path: Path) -> None:
    bad, nan = cofw_row(POINTS), cofw_row(POINTS)
    bad[58] = 7
    nan[0] = np.nan
    refusal, face = read_faces("cofw", [cofw(tmp_path, bad, nan)])
    assert isinstance(refusal, Refusal)
    assert refusal.line == 1
    assert "occluded is not 0 or 1" in refusal.reason
    assert isinstance(face, FaceRecord)
    assert face.annotation.states[0] == PointState.MISSING


def test_files_that_are_none(tmp_path: Path) -> None:
    h5py = pytest.importorskip("h5py")
    wrong = write_cofw(tmp_path / "COFW_x.mat", np.ones((2, 5)), [])
    with pytest.raises(InputError, match=r"phisTr is 2x5; expected rows of 87 numbers"):
        list(read_faces("cofw", [wrong]))
    torn = tmp_path / "COFW_torn.mat"
    torn.write_bytes(cofw(tmp_path).read_bytes()[:3000])
    with pytest.raises(InputError, match=r"COFW_torn\.mat"):
        list(read_faces("cofw", [torn]))
    outside = cofw(tmp_path, name="COFW_links.mat")
    with h5py.File(outside, "r+") as file:
        del file["phisTr"]
        file["phisTr"] = h5py.ExternalLink("COFW_train_color.mat", "phisTr")
    with pytest.raises(InputError, match="there is no array phisTr"):
        list(read_faces("cofw", [outside]))
    no_picture = write_cofw(tmp_path / "COFW_f.mat", np.array([cofw_row(POINTS)]), [COLOUR / 2.0])
    project = Project.create(tmp_path / "q", scheme="cofw29")
    with pytest.raises(InputError, match="is no picture of 8 bits"):
        project.import_from("cofw", [no_picture])
    project.close()


def test_without_h5py_it_is_said_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "COFW_train.mat"
    file.write_bytes(b"MATLAB 7.3 MAT-file".ljust(512) + b"\x89HDF\r\n\x1a\n")
    monkeypatch.setitem(__import__("sys").modules, "h5py", None)
    with pytest.raises(InputError, match=r'pip install "faceloop\[hdf5\]"'):
        list(read_faces("cofw", [file]))


def test_the_68_points_of_the_test_faces(tmp_path: Path) -> None:
    points, folder = drawn("ibug68"), tmp_path / "test_annotations"
    folder.mkdir()
    occluded = np.zeros((68, 1))
    occluded[5] = 1
    savemat(folder / "12_points.mat", {"Points": points + 1, "Occ": occluded})
    savemat(folder / "13_points.mat", {"Points": points[:9], "Occ": occluded})
    face, refusal = read_faces("cofw68", [folder])
    assert isinstance(face, FaceRecord)
    np.testing.assert_array_equal(face.annotation.points, points)
    assert np.flatnonzero(face.annotation.states == PointState.OCCLUDED).tolist() == [5]
    assert isinstance(refusal, Refusal)
    assert "no Points of 68 rows" in refusal.reason
    assert recognise([folder]).format == "cofw68"
    (tmp_path / "COFW_test_color.mat").write_bytes(b"")
    (found, _) = read_faces("cofw68", [folder])
    assert isinstance(found, FaceRecord)
    assert str(found.image).endswith("COFW_test_color.mat:IsT_00012.png")
