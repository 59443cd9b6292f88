"""What every format that is read and written has to keep: its own file is known and comes back.

Those of other packages too, where they are installed. Formats whose library is not are skipped.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import cv2
import numpy as np
import pytest

from faceloop_datasets import Annotation, FaceloopError, PointState, Scheme
from faceloop_datasets.formats import (
    Entry,
    FaceRecord,
    Format,
    ImageRef,
    Refusal,
    Written,
    all_formats,
    read_faces,
    recognise,
    source_scheme,
    write_faces,
)
from faceloop_datasets.sample import sample_clip
from faceloop_datasets.schemes.named import scheme_of_names

BOTH = [one for one in all_formats().values() if one.reader and one.writer]
OWN = scheme_of_names("cat", ["left ear", "right ear", "nose", "chin", "left eye", "right eye"])
STATES = [PointState.VISIBLE, PointState.OCCLUDED, PointState.ESTIMATED, PointState.MISSING]
FRAME = 3


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("pictures")
    cv2.imwrite(str(folder / "two.png"), np.zeros((300, 400), np.uint8))
    shutil.copy(sample_clip(), folder / "clip.mp4")
    return folder


def faces(scheme: Scheme, pictures: Path) -> list[FaceRecord]:
    """Two faces in a picture and one in a frame, in whole pixels that every format can write."""
    size = len(scheme)
    states = np.array((STATES * size)[:size])
    places = [("two.png", None), ("two.png", None), ("clip.mp4", FRAME)]
    found = []
    for number, (picture, frame) in enumerate(places):
        angle = np.linspace(0, 6, size)
        ring = np.column_stack([np.cos(angle), np.sin(angle)]) * 45
        points = np.round(ring + 60 + [60 * number, 30 * number])
        found.append(
            FaceRecord(
                name=f"face {number}",
                subject=f"person {number}",
                subject_source="person",
                image=ImageRef(pictures / picture),
                image_name=picture,
                annotation=Annotation(scheme.name, points, states),
                origin="here",
                frame=frame,
                expression="smile",
            )
        )
    return found


def written(one: Format, pictures: Path, dest: Path) -> tuple[Path, list[FaceRecord], Written]:
    writer = one.writer
    assert writer is not None
    scheme = OWN if writer.scheme is None else Scheme.load(writer.scheme)
    file = dest / f"faces{writer.suffix}" if writer.suffix else dest / "faces"
    given = faces(scheme, pictures)
    with skipped_without_its_library():
        return file, given, write_faces(one.name, given, file, scheme=scheme)


@contextmanager
def skipped_without_its_library() -> Iterator[None]:
    try:
        yield
    except FaceloopError as error:
        if "pip install" not in str(error):
            raise
        pytest.skip(str(error))


@pytest.mark.parametrize("one", BOTH, ids=lambda one: one.name)
def test_what_is_written_is_known_and_comes_back(
    one: Format, pictures: Path, tmp_path: Path
) -> None:
    assert one.writer is not None
    holds = one.writer.holds
    file, given, _ = written(one, pictures, tmp_path)
    found = recognise([file])
    assert found.possible == [one.name], found.problem
    if file.is_dir():
        inside = [path for path in file.rglob("*") if path.is_file()]
        assert recognise(inside).format in (one.name, None)
    names = source_scheme(one.name, [file]).names
    order = [names.index(name) for name in _scheme_of(given).names]
    back = _records(read_faces(one.name, [file], images=pictures), not holds.several)
    given = given if holds.several else [given[0], given[2]]
    assert len(back) == len(given)
    for face in given:
        again = min(back, key=lambda other: _apart(face.annotation, other.annotation, order))
        _compare(face.annotation, again.annotation, order, set(holds.states))
        assert again.subject == face.subject or not holds.subject
        assert again.expression == face.expression or not holds.expression
        if holds.frame:
            assert (again.image, again.frame) == (face.image, face.frame)


@pytest.mark.parametrize("one", BOTH, ids=lambda one: one.name)
def test_what_is_lost_is_said(one: Format, pictures: Path, tmp_path: Path) -> None:
    assert one.writer is not None
    holds = one.writer.holds
    lost = " ".join(written(one, pictures, tmp_path)[2].lost)
    for state in STATES:
        assert (f"{state.name.lower()} point" in lost) == (state in holds.states)
    assert ("subjects are not written" in lost) == (not holds.subject)
    assert ("expressions are not written" in lost) == (not holds.expression)
    assert ("only the first is read again" in lost) == (not holds.several)
    assert ("frame of a video" in lost) == (not holds.frame)


def _scheme_of(given: list[FaceRecord]) -> Scheme:
    name = given[0].annotation.scheme
    return OWN if name == OWN.name else Scheme.load(name)


def _records(entries: Iterator[Entry], refused: int) -> list[FaceRecord]:
    found = list(entries)
    refusals = [str(entry) for entry in found if isinstance(entry, Refusal)]
    assert len(refusals) == refused, refusals
    return [entry for entry in found if isinstance(entry, FaceRecord)]


def _apart(face: Annotation, other: Annotation, order: list[int]) -> float:
    return float(np.nanmax(np.abs(face.points - other.points[order])))


def _compare(face: Annotation, again: Annotation, order: list[int], lost: set[PointState]) -> None:
    states = again.states[order]
    for state in set(STATES) - lost:
        assert (states[face.states == state] == state).all()
    placed = face.present & (states != PointState.MISSING)
    np.testing.assert_allclose(again.points[order][placed], face.points[placed], atol=1e-3)
    assert placed[face.states == PointState.VISIBLE].all()
