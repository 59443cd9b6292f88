"""Quirks as described in WFLW's README and as loaders of it (HRNet, PFLD) take them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from faceloop_datasets import Annotation, Conversion, InputError, PointState
from faceloop_datasets.formats import FaceRecord, Refusal, read_faces, recognise, write_faces
from faceloop_datasets.schemes.layout import scheme_layout
from faceloop_datasets.schemes.scheme import Scheme

WFLW = Scheme.load("wflw98")
DRAWN = scheme_layout(WFLW)
assert DRAWN is not None
POINTS = (DRAWN * 100 + [200, 150]).round(6)
NAME = "37--Soccer/37_Soccer_soccer_ball_37_45.jpg"
ABOUT = "100 50 300 290 1 0 0 0 1 0"


def line(points: np.ndarray = POINTS, about: str = ABOUT, name: str = NAME) -> str:
    return " ".join([*(f"{v:f}" for v in points.ravel()), *about.split(), name])


def written(file: Path, *lines: str) -> Path:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return file


def faces(*sources: Path, **options: Path) -> list[FaceRecord]:
    found = list(read_faces("wflw", sources, **options))
    assert all(isinstance(face, FaceRecord) for face in found), found
    return found  # type: ignore[return-value]


def test_a_line_as_in_the_readme(tmp_path: Path) -> None:
    (face,) = faces(written(tmp_path / "list_98pt_rect_attr_train.txt", line()))
    np.testing.assert_allclose(face.annotation.points, POINTS, atol=1e-6)
    assert set(face.annotation.states.tolist()) == {PointState.VISIBLE}  # the face is occluded
    assert (face.name, face.subject_source, face.expression) == (NAME, "picture", "")


def test_several_faces_of_a_picture_are_one_subject(tmp_path: Path) -> None:
    one, two = faces(written(tmp_path / "a.txt", line(), line(POINTS + 9)))
    assert (one.name, two.name) == (NAME, f"{NAME}#2")
    assert one.subject == two.subject


def test_lists_of_parts_are_read_where_the_whole_is_not(tmp_path: Path) -> None:
    part = written(tmp_path / "list_98pt_test" / "list_98pt_test_blur.txt", line(about=""))
    assert len(faces(tmp_path)) == 1
    written(tmp_path / "rect" / "list_98pt_rect_attr_test.txt", line(), line(name="b/c d.jpg"))
    written(tmp_path / "rect" / "README.txt", "x0 y0 ... x97 y97", "no list")
    assert [face.image_name for face in faces(tmp_path)] == [NAME, "b/c d.jpg"]
    assert len(faces(part)) == 1
    assert recognise([tmp_path]).format == recognise([part]).format == "wflw"


def test_pictures_are_found_below_the_folder_of_all(tmp_path: Path) -> None:
    list_ = written(tmp_path / "WFLW_annotations" / "l" / "a.txt", line())
    picture = written(tmp_path / "WFLW_images" / NAME, "x")
    other = written(tmp_path / "WFLW_images" / "1--Handshaking" / Path(NAME).name, "y")
    (face,) = faces(list_, images=tmp_path / "WFLW_images")
    assert face.image is not None
    assert face.image.path == picture != other


@pytest.mark.parametrize("change", [lambda t: "\ufeff" + t, lambda t: t.replace("\n", "\r\n"),
                                    lambda t: t.replace("/", "\\"), lambda t: f"\n{t}\n",
                                    lambda t: t.replace(" ", "  ")])  # fmt: skip
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_spellings(change: object, encoding: str, tmp_path: Path) -> None:
    file = tmp_path / "a.txt"
    file.write_bytes(change(line() + "\n").encode(encoding))  # type: ignore[operator]
    (face,) = faces(file)
    np.testing.assert_allclose(face.annotation.points, POINTS, atol=1e-6)


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        ("1 2 3", "3 values; expected 196 coordinates"),
        (line(about="", name=""), "196 values"),
        (line().replace("200.0", "x", 1), "is 'x"),
        (line().replace("200.0", "1e999", 1), "expected a finite number"),
        (line(POINTS * 1e9), "expected at most"),
        (line(np.full((98, 2), np.nan)), "no point has a position"),
    ],
)
def test_a_bad_line_does_not_lose_the_others(bad: str, reason: str, tmp_path: Path) -> None:
    file = written(tmp_path / "a.txt", line(name="a.jpg"), bad, line(name="b.jpg"))
    one, refusal, two = read_faces("wflw", [file])
    assert isinstance(refusal, Refusal)
    assert (refusal.file, refusal.line) == (file, 2)
    assert reason in refusal.reason
    assert isinstance(one, FaceRecord)
    assert isinstance(two, FaceRecord)


STATES = [PointState.VISIBLE, PointState.OCCLUDED, PointState.ESTIMATED, PointState.MISSING]


@settings(max_examples=25, deadline=None)
@given(arrays(float, (98, 2), elements=st.floats(-9, 9)), st.lists(st.sampled_from(STATES)))
def test_round_trip(moved: np.ndarray, states: list[PointState]) -> None:
    code = np.zeros(98, int)
    code[: len(states)] = states[:98]
    face = Annotation("wflw98", POINTS + moved, code, "import:wflw")
    record = FaceRecord("a", "s", None, "a.jpg", face, "here")
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "list.txt"
        told = write_faces("wflw", [record, replace(record, name="b")], file, scheme=WFLW)
        one, two = read_faces("wflw", [file])
    assert isinstance(one, FaceRecord)
    assert isinstance(two, FaceRecord)
    present = code != PointState.MISSING
    np.testing.assert_array_equal(one.annotation.points[present], face.points[present])
    np.testing.assert_array_equal(one.annotation.present, present)
    assert bool(told.lost) == bool(np.isin(code, (PointState.OCCLUDED, PointState.ESTIMATED)).any())


def test_a_name_that_the_format_cannot_write(tmp_path: Path) -> None:
    face = Annotation("wflw98", POINTS, np.zeros(98, int))
    record = FaceRecord("a", "s", None, "a b.jpg", face, "here")
    with pytest.raises(InputError, match=r"'a b\.jpg': blanks end it"):
        write_faces("wflw", [record], tmp_path / "a.txt", scheme=WFLW)


@pytest.mark.parametrize(
    ("source", "target"),
    [(a, b) for a in ("wflw98", "cofw29") for b in ("ibug68", "face70")]
    + [("ibug68", "wflw98"), ("face70", "wflw98")],
)
def test_conversions_of_the_drawn_faces_meet(source: str, target: str) -> None:
    found = Conversion.load(source, target)
    drawn, goal = scheme_layout(Scheme.load(source)), scheme_layout(Scheme.load(target))
    assert drawn is not None
    assert goal is not None
    there = ~found.without_source
    off = np.linalg.norm((found.weights @ drawn - goal)[there], axis=1)
    assert off[found.same_mark[there]].max() < 0.03
    assert off.max() < 0.1
    mirrored = list(Scheme.load(target).mirror)
    np.testing.assert_array_equal(found.same_mark, found.same_mark[mirrored])
