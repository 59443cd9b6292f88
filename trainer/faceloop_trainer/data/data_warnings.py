"""Warnings about a project's annotated faces: what makes a model poor, or its error misleading."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from faceloop_datasets.subjects import count_of, how_known
from faceloop_datasets.wording import counted, enumerated

from .annotated_shapes import annotated_shapes, points_without_mirror_image
from .constant_points import constant_points
from .duplicates import join_duplicate_subjects, picture_duplicates, shape_duplicates, without_known

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from faceloop_datasets import Scheme
    from faceloop_datasets.face import Face

    Floats = NDArray[np.float64]

_ADVICE = "Say whom faces show: import with --subjects, or faceloop subjects set."

FEW_PEOPLE = 10
"""A model of fewer people may not fit others."""
FEW_HELD_OUT = 5
"""The error measured on fewer people is imprecise."""
_RARE_FACES = 5
"""A point that is known in fewer faces is rare."""
_COINCIDENT = 0.1
"""Points that are nearer to each other than this, in pixels, coincide."""
_MOST_FACES = 0.95
_BLOCK = 1000
"""Faces whose points are compared at once, so that memory stays small."""
_SMALL_IOD = 16
"""Faces with a smaller IOD, in pixels, have less detail than the coarsest crop."""
_MOST_NAMES = 4


def data_warnings(faces: Sequence[Face], scheme: Scheme) -> tuple[str, ...]:
    """Return warnings about faces that can be trained on nevertheless, one sentence each.

    They are shown by a training, by the window before one, and by the report. Of labels see
    `faceloop_trainer.data.expression_labels.label_warning`.

    Parameters
    ----------
    faces : sequence of Face
        All annotated faces of a project.
    scheme : Scheme
        The landmarks.
    """
    if not faces:
        return ()
    shapes = annotated_shapes(faces)
    people = join_duplicate_subjects(faces)
    said = (
        _duplicate_pictures(faces),
        _single_subject(people),
        _unknown_subjects(people),
        _duplicate_shapes(faces),
        _constant_points(scheme, shapes),
        _coinciding_points(scheme, shapes),
        _rare_points(scheme, shapes),
        _hidden_points(faces),
        _small_faces(scheme, shapes),
        _mirror_map(scheme, shapes),
    )
    return tuple(filter(None, said))


def sample_size_warnings(people: int, held_out: int, kind: str = "person") -> tuple[str, ...]:
    """Return warnings that there are too few people to train on, or to measure on.

    Parameters
    ----------
    people, held_out : int
        Numbers of people in the training set and in the held-out set.
    kind : str
        What they are, see `faceloop_datasets.subjects`.
    """
    said = []
    if not held_out:
        said.append(
            "Nobody can be held out: the new model can be neither measured nor compared with "
            "others. Annotate faces of more people."
        )
    elif held_out < FEW_HELD_OUT:
        said.append(f"Only {count_of(held_out, kind)} held out: the measured error will be rough.")
    if people < FEW_PEOPLE:
        said.append(f"The faces show only {count_of(people, kind)}: the model may not know others.")
    return tuple(said)


def _single_subject(faces: Sequence[Face]) -> str:
    subjects = {face.subject_key for face in faces}
    if len(faces) < 2 or len(subjects) > 1:
        return ""
    how = how_known(face.subject_source for face in faces)
    return (
        f"All {len(faces)} faces show one subject, {subjects.pop()!r} ({how}): nobody can be held "
        f"out to measure a model, and it will not know others. {_ADVICE}"
    )


def _unknown_subjects(faces: Sequence[Face]) -> str:
    """Warn where most subjects are names of pictures: several may show the same person."""
    subjects = {face.subject_key: face.subject_source for face in faces if face.has_image}
    pictures = sum(source == "picture" for source in subjects.values())
    if len(subjects) < 2 or 2 * pictures <= len(subjects):
        return ""
    which = "Every picture is a subject of its own"
    if pictures < len(subjects):
        which = counted(
            pictures, "picture is a subject of its own", "pictures are each a subject of their own"
        )
    return (
        f"{which}: where several show one person, that person trains a model "
        f"and measures it too, and the error looks better than it is. {_ADVICE}"
    )


def _duplicate_pictures(faces: Sequence[Face]) -> str:
    groups = picture_duplicates(faces)
    if not groups:
        return ""
    pictured = sum(face.has_image for face in faces)
    return (
        f"{sum(map(len, groups))} of {pictured} pictures are copies of one another, "
        f"{len(groups)} different; copies count as one for the split."
    )


def _duplicate_shapes(faces: Sequence[Face]) -> str:
    groups = without_known(shape_duplicates(faces), picture_duplicates(faces))
    if not groups:
        return ""
    names = faces[groups[0][0]].name, faces[groups[0][1]].name
    return (
        f"{sum(map(len, groups))} of {len(faces)} faces have the same points as another picture's "
        f"(such as {names[0]} and {names[1]}), as if copied; they count as one for the split."
    )


def _constant_points(scheme: Scheme, shapes: Floats) -> str:
    found = constant_points(shapes)
    if not found:
        return ""
    x, y = np.nanmedian(shapes[:, found[0]], axis=0)
    return (
        f"{_points_are(scheme, found)} at one pixel in all pictures although the faces move "
        f"(x {x:.0f}, y {y:.0f}): correct {'it' if len(found) == 1 else 'them'}, or mark "
        f"{'it' if len(found) == 1 else 'them'} missing."
    )


def _coinciding_points(scheme: Scheme, shapes: Floats) -> str:
    known = np.isfinite(shapes[..., 0])
    blocks = [shapes[first : first + _BLOCK] for first in range(0, len(shapes), _BLOCK)]
    found = []
    for a in range(len(scheme) - 1):
        both = (known[:, a, None] & known[:, a + 1 :]).sum(axis=0)
        near = np.zeros(len(both), np.intp)
        for some in blocks:
            away = np.abs(some[:, a, None] - some[:, a + 1 :]).max(axis=2)
            near += (away <= _COINCIDENT).sum(axis=0)  # NaN, where one is unknown, is not near
        for b in np.nonzero((both >= _RARE_FACES) & (near >= _MOST_FACES * both))[0].tolist():
            found.append(f"{_numbered_name(scheme, a)} and {_numbered_name(scheme, a + 1 + b)}")
    return f"In one place in all pictures: {enumerated(found, _MOST_NAMES)}." if found else ""


def _rare_points(scheme: Scheme, shapes: Floats) -> str:
    seen = np.isfinite(shapes[..., 0]).sum(axis=0)
    found = [n for n in range(len(scheme)) if 0 < seen[n] < min(_RARE_FACES, len(shapes))]
    if not found:
        return ""
    most = int(seen[found].max())
    return (
        f"{_points_are(scheme, found)} known in {most} of {len(shapes)} faces only: the model has "
        "to guess there."
    )


def _hidden_points(faces: Sequence[Face]) -> str:
    pictured = [face.annotation.trains_patches for face in faces if face.has_image]
    if not pictured:
        return ""
    unseen = np.sum(pictured, axis=0) < min(_RARE_FACES, len(pictured))
    if unseen.mean() <= 0.5:
        return ""
    return (
        f"{unseen.sum()} of {len(unseen)} points are marked as visible in hardly any picture: the "
        "model cannot learn how they look. Confirm those that can be seen."
    )


def _small_faces(scheme: Scheme, shapes: Floats) -> str:
    sizes = np.array([scheme.inter_ocular_distance(points) for points in shapes])
    small = int((sizes < _SMALL_IOD).sum())
    if not small:
        return ""
    are, them = ("is", "it") if small == 1 else ("are", "them")
    return (
        f"{small} of {counted(len(shapes), 'face')} {are} very small, less than {_SMALL_IOD} px "
        f"from eye to eye: there is little to see in {them}."
    )


def _mirror_map(scheme: Scheme, shapes: Floats) -> str:
    if not scheme.mirror:
        return (
            f"The scheme {scheme.name} does not say which points mirror each other: faces are not "
            "trained mirrored, which would count for twice as many. Give it a mirror if you can."
        )
    found = points_without_mirror_image(scheme, shapes)
    if not found:
        return ""
    return (
        f"{_points_are(scheme, found)} off the middle of the face, and no point is their mirror "
        "image: faces are not trained mirrored. Add the points opposite, or correct the mirror of "
        f"the scheme {scheme.name}."
    )


def _points_are(scheme: Scheme, points: Sequence[int]) -> str:
    names = enumerated([_numbered_name(scheme, n) for n in points], _MOST_NAMES)
    return f"Point {names} is" if len(points) == 1 else f"Points {names} are"


def _numbered_name(scheme: Scheme, number: int) -> str:
    return f"{number} ({scheme.names[number]})"
