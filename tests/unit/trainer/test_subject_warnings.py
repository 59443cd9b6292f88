"""What a person is told of whom the faces show, before they believe an error."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from faceloop_datasets import Annotation, Face, PointState, Scheme
from faceloop_trainer.data.data_warnings import data_warnings
from faceloop_trainer.data.split import fingerprint, picture_fingerprints, unseen_faces


def said_of(faces: list[Face]) -> tuple[str, ...]:
    """What is said of subjects; these faces are points at random, of which more is said."""
    return tuple(said for said in data_warnings(faces, Scheme.load("imm58")) if "subject" in said)


def faces_of(subjects: list[str], source: str = "picture") -> list[Face]:
    rng = np.random.default_rng([ord(c) for c in subjects[0]])
    return [
        Face(
            item_id=number,
            revision_id=number,
            name=f"face {number}",
            subject=subject,
            annotation=Annotation(
                "imm58", rng.uniform(0, 100, (58, 2)), np.full(58, PointState.VISIBLE)
            ),
            media=Path("there.jpg"),
            frame=None,
            media_sha256=f"{number:064x}",
            subject_source=source,  # type: ignore[arg-type]
        )
        for number, subject in enumerate(subjects)
    ]


def test_every_picture_its_own_subject() -> None:
    (said,) = said_of(faces_of([f"img_{k}" for k in range(12)]))
    assert said.startswith("Every picture is a subject of its own")
    assert "--subjects" in said
    assert "faceloop subjects set" in said


def test_most_of_them() -> None:
    faces = [*faces_of([f"img_{k}" for k in range(12)]), *faces_of(["anna"] * 4, "person")]
    (said,) = said_of(
        [replace(f, item_id=k, media_sha256=f"{k:064x}") for k, f in enumerate(faces)]
    )
    assert said.startswith("12 pictures are each a subject of their own")


@pytest.mark.parametrize(("source", "how"), [("video", "one clip"), ("person", "by hand")])
def test_all_are_one_subject(source: str, how: str) -> None:
    (said,) = said_of(faces_of(["talk"] * 12, source))
    assert said.startswith("All 12 faces show one subject, 'talk'")
    assert how in said


@pytest.mark.parametrize("source", ["format", "rule", "person", "video"])
def test_people_that_somebody_named_need_no_warning(source: str) -> None:
    """Also where each of them has one picture: somebody has said so."""
    assert said_of(faces_of([f"person {k}" for k in range(12)], source)) == ()


def test_few_pictures_among_people_need_none() -> None:
    faces = faces_of([f"person {k}" for k in range(12)], "rule")
    faces[:3] = [replace(face, subject_source="picture") for face in faces[:3]]
    assert said_of(faces) == ()
    assert said_of([]) == ()
    assert said_of(faces[:1]) == ()


def test_who_is_called_otherwise_has_been_trained_on_all_the_same() -> None:
    faces = faces_of([f"img_{k}" for k in range(6)])
    seen = {
        "training_subjects": [fingerprint("img_0")],
        "training_pictures": sorted(picture_fingerprints(faces[:1])),
    }
    named = [replace(face, subject="anna") for face in faces[:2]] + faces[2:]
    assert [f.item_id for f in unseen_faces(named, seen)] == [2, 3, 4, 5]
