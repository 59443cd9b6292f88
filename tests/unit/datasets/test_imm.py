from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from faceloop_datasets import InputError
from faceloop_datasets.formats import FaceRecord, Refusal, count_faces, read_faces

ROWS = [f"0 \t4 \t0.{30 + k} \t0.{20 + k % 7}0 \t{k} \t0 \t1" for k in range(58)]


def write(
    folder: Path,
    stem: str,
    rows: list[str] | None = None,
    named: str | None = None,
    count: str = "58",
) -> Path:
    path = folder / f"{stem}.asf"
    lines = ["######", "# AAM", "", "# number of model points", count, "", "# model points"]
    lines += [*(ROWS if rows is None else rows), "", "# host image", "#"]
    path.write_text("\n".join([*lines, named or f"{stem}.jpg", ""]), encoding="utf-8")
    return path


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for stem in ("01-1m", "01-2m"):
        Image.fromarray(np.zeros((50, 200, 3), dtype=np.uint8)).save(tmp_path / f"{stem}.jpg")
    return tmp_path


def read(folder: Path, images: Path | None = None) -> list[FaceRecord | Refusal]:
    return list(read_faces("imm", [folder], images=images))  # type: ignore[arg-type]


def test_a_face(folder: Path) -> None:
    path = write(folder, "01-1m")
    (face,) = read(folder)
    assert isinstance(face, FaceRecord)
    assert face.annotation.scheme == "imm58"
    np.testing.assert_allclose(face.annotation.points[:2], [[60.0, 10.0], [62.0, 10.5]])
    assert (face.name, face.subject) == (f"{folder.name}/01-1m", "imm-01")
    assert face.image is not None
    assert face.image.path == folder / "01-1m.jpg"
    assert face.origin == f"{path}:8"


def test_what_people_were_asked_for(folder: Path) -> None:
    for stem in ("01-1m", "01-2m", "01-6m", "odd"):
        write(folder, stem, named="01-1m.jpg")
    found = [face.expression for face in read(folder) if isinstance(face, FaceRecord)]
    assert found == ["neutral", "smile", "", ""]


def test_the_image_may_have_another_suffix_or_folder(folder: Path) -> None:
    write(folder, "01-1m", named="../../01-1m.bmp")
    write(folder, "01-2m", named="01-1m.jpg")
    names = [f.image.name for f in read(folder) if isinstance(f, FaceRecord) and f.image]
    assert names == ["01-1m.jpg", "01-1m.jpg"]


def test_extra_columns_are_ignored(folder: Path) -> None:
    write(folder, "01-1m", [f"{row} \t0.00 \t0.00 \t0.00" for row in ROWS])
    assert isinstance(read(folder)[0], FaceRecord)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"count": "57"}, "the number of points is '57'; expected 58"),
        ({"rows": ROWS[:-1]}, "not complete"),
        ({"rows": [*ROWS[:-1], "0 4 a 0.2 0 0 1"]}, "x on line 65 is 'a'"),
        ({"rows": [*ROWS[:-1], "0 4 0.3 inf 0 0 1"]}, "y on line 65 is inf"),
        ({"rows": ["0 4 900 0.2 0 0 1", *ROWS[1:]]}, "point 0 at"),
    ],
)
def test_a_bad_file_is_refused(changes: dict[str, object], reason: str, folder: Path) -> None:
    path = write(folder, "01-1m", **changes)  # type: ignore[arg-type]
    write(folder, "01-2m")
    refusal, face = read(folder)
    assert isinstance(refusal, Refusal)
    assert refusal.file == path
    assert reason in refusal.reason
    assert isinstance(face, FaceRecord)


def test_without_its_image_a_face_has_no_size(folder: Path) -> None:
    write(folder, "02-1m")
    (folder / "03-1m.jpg").write_bytes(b"no image")
    write(folder, "03-1m")
    absent, broken = read(folder)
    assert isinstance(absent, Refusal)
    assert "02-1m.jpg is not there" in absent.reason
    assert isinstance(broken, Refusal)
    assert "03-1m.jpg is not an image" in broken.reason


def test_empty_file_and_folder(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"no \.asf file"):
        read(tmp_path)
    (tmp_path / "a.asf").write_text("# nothing\n")
    (refusal,) = read(tmp_path)
    assert isinstance(refusal, Refusal)
    assert "is nothing" in refusal.reason
    assert count_faces("imm", [tmp_path]) == 1
