from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from faceloop_datasets import InputError
from faceloop_datasets.formats import FaceRecord, Refusal, count_faces, read_faces

POINTS = [f"{100 + 10 * (k % 9)}.5 {200 + 10 * (k % 7)}" for k in range(68)]
HEADED = ["version: 1", "n_points:  68", "{", *POINTS, "}"]


def write(folder: Path, stem: str, lines: list[str]) -> Path:
    folder.mkdir(exist_ok=True)
    path = folder / f"{stem}.pts"
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def read(*sources: Path, images: Path | None = None) -> list[FaceRecord | Refusal]:
    return list(read_faces("ibug", sources, images=images))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "lines",
    [
        HEADED,
        POINTS,
        ["", *POINTS, ""],
        ["N_POINTS: 68", f"{{ {POINTS[0]}", *POINTS[1:-1], f"{POINTS[-1]} }}"],
    ],
    ids=["header", "bare", "blank lines", "braces in line"],
)
def test_coordinates_start_at_one(lines: list[str], tmp_path: Path) -> None:
    path = write(tmp_path / "afw", "134212_1", lines)
    (face,) = read(tmp_path)
    assert isinstance(face, FaceRecord)
    assert face.annotation.scheme == "ibug68"
    assert face.annotation.points[:2].tolist() == [[99.5, 199.0], [109.5, 209.0]]
    assert face.name == f"{tmp_path.name}/afw/134212_1"
    assert (face.root, face.path) == (str(tmp_path), "afw/134212_1.pts")
    assert face.origin.startswith(f"{path}:")


def test_numbered_pictures_are_subjects_of_their_own(tmp_path: Path) -> None:
    for number in range(12):
        write(tmp_path, f"img_{number}", POINTS)
    faces = [face for face in read(tmp_path) if isinstance(face, FaceRecord)]
    assert len({face.subject for face in faces}) == 12
    assert {face.subject_source for face in faces} == {"picture"}


def test_images(tmp_path: Path) -> None:
    for stem in "abc":
        write(tmp_path / "pts", stem, POINTS)
    (tmp_path / "pts" / "a.png").write_bytes(b"x")
    (tmp_path / "pts" / "b.txt").write_bytes(b"x")
    (tmp_path / "jpg" / "deep").mkdir(parents=True)
    (tmp_path / "jpg" / "deep" / "c.JPG").write_bytes(b"x")
    beside = [f.image and f.image.name for f in read(tmp_path) if isinstance(f, FaceRecord)]
    assert beside == ["a.png", None, None]  # its folder has pictures, and not this one
    elsewhere = [
        f.image for f in read(tmp_path, images=tmp_path / "jpg") if isinstance(f, FaceRecord)
    ]
    assert [image and image.name for image in elsewhere] == ["a.png", None, "c.JPG"]


@pytest.mark.parametrize(
    ("lines", "reason"),
    [
        (["n_points: 70", "{", *POINTS, "1 2", "3 4", "}"], "n_points is 70; expected 68"),
        (POINTS[:-1], "67 points; expected 68"),
        ([*POINTS[:-1], "1 2 3"], "line 68 has 3 values; expected x and y"),
        ([*POINTS[:-1], "1 b"], "y on line 68 is 'b'; expected a number"),
        ([*POINTS[:-1], "inf 3"], "x on line 68 is inf; expected a finite number"),
        ([*POINTS[:-1], "1e6 3"], "point 67 at"),
        ([], "0 points"),
        (["0 0"] * 68, "no point has a position"),
    ],
)
def test_a_bad_file_is_refused_and_the_rest_is_read(
    lines: list[str], reason: str, tmp_path: Path
) -> None:
    bad = write(tmp_path, "b", lines)
    write(tmp_path, "c", POINTS)
    refusal, face = read(tmp_path)
    assert isinstance(refusal, Refusal)
    assert refusal.file == bad
    assert reason in refusal.reason
    assert isinstance(face, FaceRecord)


@pytest.mark.parametrize("missing", ["0 0", "0.000 0.000", "-1 -1", "nan nan", "NaN 12.0"])
def test_a_missing_point_and_the_first_pixel(missing: str, tmp_path: Path) -> None:
    write(tmp_path, "a", [missing, "1 1", *POINTS[2:]])
    (face,) = read(tmp_path)
    assert isinstance(face, FaceRecord)
    assert np.flatnonzero(~face.annotation.present).tolist() == [0]
    assert face.annotation.points[1].tolist() == [0.0, 0.0]


@pytest.mark.parametrize(
    "spelling",
    [
        lambda text: "\ufeff" + text,
        lambda text: "# made by a tool\n" + text,
        lambda text: text.replace("{", "{ // points"),
        lambda text: text.replace("version: 1", "VERSION: 1\nname: x"),
        lambda text: text.replace(": ", ":"),
        lambda text: text.replace("\n", "\r\n"),
        lambda text: text.replace(".5 ", ".5, "),
        lambda text: text.replace(".5 ", ".5,"),
        lambda text: text.replace(".", ","),
        lambda text: text.replace(" ", "\t"),
    ],
)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "latin-1"])
def test_spellings_of_a_file(spelling: Callable[[str], str], encoding: str, tmp_path: Path) -> None:
    text = "\n".join(["version: 1", "n_points: 68", "{", *POINTS, "}", ""])
    (tmp_path / "a.PTS").write_bytes(spelling(text).encode(encoding, "ignore"))
    (face,) = read(tmp_path)
    assert isinstance(face, FaceRecord), face
    assert face.annotation.points[:2].tolist() == [[99.5, 199.0], [109.5, 209.0]]


def test_binary_files_and_files_named_twice(tmp_path: Path) -> None:
    (tmp_path / "a.pts").write_bytes(b"\xff\x00")
    (tmp_path / "._b.pts").write_bytes(b"of a foreign disk")
    path = write(tmp_path, "b", POINTS)
    entries = read(tmp_path, path)
    assert [type(e) for e in entries] == [Refusal, FaceRecord]
    assert count_faces("ibug", [tmp_path, path]) == 2


def test_a_folder_without_annotations(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"no \.pts file"):
        read(tmp_path)
