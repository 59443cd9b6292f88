"""Points files of 5, 19, 29 and 194 points, as LFW's, AFLW-19's and Helen's own are shared."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from faceloop_datasets import Project, SchemeError
from faceloop_datasets.formats import FaceRecord, Refusal, read_faces, recognise, source_scheme


def pts(file: Path, count: int, *, header: bool = True) -> Path:
    rows = [f"{100 + 10 * (k % 9)}.5 {200 + 10 * (k % 7)}" for k in range(count)]
    lines = ["version: 1", f"n_points: {count}", "{", *rows, "}"] if header else rows
    file.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return file


@pytest.mark.parametrize(
    ("count", "scheme"), [(5, "pts5"), (19, "pts19"), (29, "pts29"), (194, "pts194")]
)
def test_any_number_of_points(count: int, scheme: str, tmp_path: Path) -> None:
    file = pts(tmp_path / "a.pts", count)
    (face,) = read_faces("pts", [file])
    assert isinstance(face, FaceRecord)
    assert face.annotation.scheme == source_scheme("pts", [file]).name == scheme
    np.testing.assert_array_equal(face.annotation.points[0], [99.5, 199.0])
    assert recognise([file]).format == recognise([tmp_path]).format == "pts"


def test_files_of_68_points_stay_ibug(tmp_path: Path) -> None:
    assert recognise([pts(tmp_path / "a.pts", 68)]).format == "ibug"
    assert recognise([pts(tmp_path / "b.pts", 5, header=False)]).format == "ibug"  # by its name
    (_, refusal) = read_faces("ibug", [tmp_path / "a.pts", tmp_path / "b.pts"])
    assert isinstance(refusal, Refusal)
    assert "5 points; expected 68 (files of other numbers of points are of the format pts)" in str(
        refusal
    )
    (face,) = read_faces("pts", [tmp_path / "b.pts"])
    assert isinstance(face, FaceRecord)


def test_a_file_that_is_cut_off(tmp_path: Path) -> None:
    for count, name in ((5, "pts"), (68, "ibug")):
        file = pts(tmp_path / f"{name}.pts", count)
        text = file.read_text(encoding="utf-8")
        file.write_text(text.removesuffix("0\n}\n"), encoding="utf-8")
        (refusal,) = read_faces(name, [file])
        assert isinstance(refusal, Refusal)
        assert "without the } of the { on line 3: it is cut off" in refusal.reason
        file.write_text(text.replace("{", "").replace("}", ""), encoding="utf-8")
        (face,) = read_faces(name, [file])  # braces may be absent
        assert isinstance(face, FaceRecord)


def test_another_number_than_the_first_file_has(tmp_path: Path) -> None:
    pts(tmp_path / "a.pts", 5)
    bad = pts(tmp_path / "b.pts", 19)
    face, refusal = read_faces("pts", [tmp_path])
    assert isinstance(face, FaceRecord)
    assert isinstance(refusal, Refusal)
    assert refusal.file == bad
    assert "n_points is 19; expected 5" in refusal.reason
    bad.write_text("nothing", encoding="utf-8")
    with pytest.raises(SchemeError, match=r"no \.pts file with points"):
        list(read_faces("pts", [bad]))


def test_a_project_of_these_points(tmp_path: Path) -> None:
    file = pts(tmp_path / "a.pts", 19)
    project = Project.create(tmp_path / "p", scheme=source_scheme("pts", [file]))
    assert project.import_from("pts", [file]).new == 1
    project.close()
