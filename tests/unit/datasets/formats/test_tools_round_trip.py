"""What is written in the formats of annotation tools comes back, as far as they say."""

from __future__ import annotations

import tempfile
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from faceloop_datasets import Annotation, InputError, PointState, Scheme
from faceloop_datasets.formats import (
    FaceRecord,
    ImageRef,
    get_writer,
    read_faces,
    recognise,
    source_scheme,
    write_faces,
)

FORMATS = ["coco", "cvat", "dlib", "labelme", "labelstudio"]
SCHEMES = ["face70", "imm58"]
EXACT: dict[str, float] = {"dlib": 0.5, "cvat": 1e-9, "labelme": 1e-9, "labelstudio": 1e-9}
"""How far points may be off, in pixels, where a format has no place for all of their digits."""


# On a ring, so that no point counts as a typing error
@st.composite
def faces(draw: st.DrawFn) -> Annotation:
    scheme = draw(st.sampled_from(SCHEMES))
    size = len(Scheme.load(scheme))
    angle = np.linspace(0.1, 2 * np.pi, size)
    ring = 150 * np.column_stack([np.cos(angle), np.sin(angle)])
    points = ring + draw(arrays(float, (size, 2), elements=st.floats(-50, 150)))
    code = np.zeros(size, dtype=int)
    code[: size // 4] = draw(arrays(int, size // 4, elements=st.sampled_from(list(PointState))))
    return Annotation(scheme, points, code)


def record(annotation: Annotation, picture: Path, **changes: object) -> FaceRecord:
    values = {
        "name": "a", "subject": "Ada", "subject_source": "person", "expression": "smile",
        "image": ImageRef(picture), "image_name": picture.name, "annotation": annotation,
        "origin": "here",
    }  # fmt: skip
    return FaceRecord(**(values | changes))  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def picture(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("pictures") / "a b.png"
    cv2.imwrite(str(file), np.zeros((480, 640), np.uint8))
    return file


@pytest.mark.parametrize("name", FORMATS)
@settings(max_examples=15, deadline=None)
@given(face=faces())
def test_points_and_states_come_back(name: str, face: Annotation, picture: Path) -> None:
    holds, scheme = get_writer(name).holds, Scheme.load(face.scheme)
    with tempfile.TemporaryDirectory() as folder:
        dest = Path(folder) / f"out{get_writer(name).suffix}"
        two = [record(face, picture), record(face, picture, subject="Bob")]
        written = write_faces(name, two, dest, scheme=scheme)
        assert recognise([dest]).possible == [name]
        assert source_scheme(name, [dest]).names == scheme.names
        one, other = read_faces(name, [dest], images=picture.parent)
    assert isinstance(one, FaceRecord)
    assert isinstance(other, FaceRecord)
    np.testing.assert_allclose(one.annotation.points, face.points, rtol=0, atol=EXACT.get(name, 0))
    lost = {state.value: PointState[to.upper()].value for state, to in holds.states.items()}
    states = [lost.get(state, state) for state in face.states.tolist()]
    assert one.annotation.states.tolist() == states
    assert one.image is not None
    assert one.image.path.resolve() == picture.resolve()
    assert (one.subject == "Ada", one.expression == "smile") == (holds.subject, holds.expression)
    assert (other.subject == "Bob") == holds.subject
    assert other.name == f"{one.name}#2"
    assert any("subject" in sentence for sentence in written.lost) != holds.subject


@pytest.mark.parametrize("name", FORMATS)
def test_a_picture_that_is_gone_loses_no_other(name: str, picture: Path, tmp_path: Path) -> None:
    face = Annotation("imm58", np.random.default_rng(0).uniform(9, 99, (58, 2)), np.zeros(58, int))
    faces = [record(face, tmp_path / "gone.png"), record(face, picture)]
    dest, holds = tmp_path / f"out{get_writer(name).suffix}", get_writer(name).holds
    written = write_faces(name, faces, dest, scheme=Scheme.load("imm58"))
    assert written.faces == 1 + holds.unplaced
    assert any("left out" in sentence for sentence in written.lost) != holds.unplaced


@pytest.mark.parametrize("name", FORMATS)
def test_a_frame_stays_one_where_it_can(name: str, picture: Path, tmp_path: Path) -> None:
    face = Annotation("imm58", np.random.default_rng(0).uniform(9, 99, (58, 2)), np.zeros(58, int))
    dest = tmp_path / f"out{get_writer(name).suffix}"
    holds = get_writer(name).holds
    frame = record(face, picture, image=None, image_name="clip.mp4", frame=7)
    if not holds.unplaced:
        with pytest.raises(InputError, match="nothing to write"):
            write_faces(name, [frame], dest, scheme=Scheme.load("imm58"))
        return
    write_faces(name, [frame], dest, scheme=Scheme.load("imm58"))
    (one,) = read_faces(name, [dest])
    assert isinstance(one, FaceRecord)
    expected = ("clip.mp4", 7) if holds.frame else ("clip_000007.png", None)
    assert (one.image_name, one.frame) == expected
