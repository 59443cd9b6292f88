"""What a person should know of a project's faces before believing what is learnt from them."""

from __future__ import annotations

from itertools import combinations
from typing import TYPE_CHECKING

import numpy as np

from faceloop_datasets.subjects import count_of, how_known

from .constant_points import constant_points
from .copies import apart, as_people, picture_copies, shape_copies

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from faceloop_datasets import Scheme
    from faceloop_datasets.face import Face

    Floats = NDArray[np.float64]

_SAY = "Say whom faces show: import with --subjects, or faceloop subjects set."

FEW_PEOPLE = 10
"""Whoever trains on fewer should not expect the model to know others."""
FEW_HELD_OUT = 5
"""Measured on fewer, an error says little."""
_RARE = 5
"""A point that is known in fewer faces is guessed from the others."""
_ONE_PLACE = 0.1
"""Points that are nearer to each other are in one place, in pixels."""
_NEARLY_ALL = 0.95
_SMALL = 16
"""Faces with a smaller distance of the eyes are coarser than the coarsest crop, in pixels."""
_NAMED = 4


def cautions(faces: Sequence[Face], scheme: Scheme) -> tuple[str, ...]:
    """Say what is wrong with faces that can be trained on all the same.

    Said by a training, by the window before one, and by the report: one sentence each.

    Parameters
    ----------
    faces : sequence of Face
        All annotated faces of a project.
    scheme : Scheme
        The landmarks.
    """
    if not faces:
        return ()
    shapes = np.array([_points(face) for face in faces])
    people = as_people(faces)
    said = (
        _same_pictures(faces),
        _one_subject(people),
        _only_pictures(people),
        _same_shapes(faces),
        _constant(scheme, shapes),
        _coinciding(scheme, shapes),
        _rare(scheme, shapes),
        _hidden(faces),
        _small(scheme, shapes),
    )
    return tuple(filter(None, said))


def few_people(people: int, held_out: int, kind: str = "person") -> tuple[str, ...]:
    """Say that there are too few people to learn from, or to measure on.

    Parameters
    ----------
    people, held_out : int
        Who trains, and who is kept aside.
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


def _points(face: Face) -> Floats:
    annotation = face.annotation
    return np.where(annotation.trains_shape[:, None], annotation.points, np.nan)


def _one_subject(faces: Sequence[Face]) -> str:
    subjects = {face.subject or face.name for face in faces}
    if len(faces) < 2 or len(subjects) > 1:
        return ""
    how = how_known(face.subject_source for face in faces)
    return (
        f"All {len(faces)} faces show one subject, {subjects.pop()!r} ({how}): nobody can be held "
        f"out to measure a model, and it will not know others. {_SAY}"
    )


def _only_pictures(faces: Sequence[Face]) -> str:
    """Warn where most subjects are names of pictures: nobody has said which show one person."""
    subjects = {face.subject or face.name: face.subject_source for face in faces if face.has_image}
    pictures = sum(source == "picture" for source in subjects.values())
    if len(subjects) < 2 or 2 * pictures <= len(subjects):
        return ""
    which = "Every picture is a subject of its own"
    if pictures < len(subjects):
        which = f"{pictures} pictures are each a subject of their own"
    return (
        f"{which}: where several show one person, that person trains a model "
        f"and measures it too, and the error looks better than it is. {_SAY}"
    )


def _same_pictures(faces: Sequence[Face]) -> str:
    groups = picture_copies(faces)
    if not groups:
        return ""
    pictured = sum(face.has_image for face in faces)
    return (
        f"{sum(map(len, groups))} of {pictured} pictures are copies of one another, "
        f"{len(groups)} different; copies count as one for the split."
    )


def _same_shapes(faces: Sequence[Face]) -> str:
    groups = apart(shape_copies(faces), picture_copies(faces))
    if not groups:
        return ""
    names = faces[groups[0][0]].name, faces[groups[0][1]].name
    return (
        f"{sum(map(len, groups))} of {len(faces)} faces have the same points as another picture's "
        f"(such as {names[0]} and {names[1]}), as if copied; they count as one for the split."
    )


def _constant(scheme: Scheme, shapes: Floats) -> str:
    found = constant_points(shapes)
    if not found:
        return ""
    x, y = np.nanmedian(shapes[:, found[0]], axis=0)
    return (
        f"{_named(scheme, found)} at one pixel in all pictures although the faces move "
        f"(x {x:.0f}, y {y:.0f}): correct {'it' if len(found) == 1 else 'them'}, or mark "
        f"{'it' if len(found) == 1 else 'them'} missing."
    )


def _coinciding(scheme: Scheme, shapes: Floats) -> str:
    known = np.isfinite(shapes[..., 0])
    found = []
    for a, b in combinations(range(len(scheme)), 2):
        both = known[:, a] & known[:, b]
        if both.sum() < _RARE:
            continue
        near = np.abs(shapes[both, a] - shapes[both, b]).max(axis=1) <= _ONE_PLACE
        if near.mean() >= _NEARLY_ALL:
            found.append(f"{_point(scheme, a)} and {_point(scheme, b)}")
    return f"In one place in all pictures: {_some(found)}." if found else ""


def _rare(scheme: Scheme, shapes: Floats) -> str:
    seen = np.isfinite(shapes[..., 0]).sum(axis=0)
    found = [n for n in range(len(scheme)) if 0 < seen[n] < min(_RARE, len(shapes))]
    if not found:
        return ""
    most = int(seen[found].max())
    return (
        f"{_named(scheme, found)} known in {most} of {len(shapes)} faces only: the model has to "
        "guess there."
    )


def _hidden(faces: Sequence[Face]) -> str:
    pictured = [face.annotation.trains_patches for face in faces if face.has_image]
    if not pictured:
        return ""
    unseen = np.sum(pictured, axis=0) < min(_RARE, len(pictured))
    if unseen.mean() <= 0.5:
        return ""
    return (
        f"{unseen.sum()} of {len(unseen)} points are marked as visible in hardly any picture: the "
        "model cannot learn how they look. Confirm those that can be seen."
    )


def _small(scheme: Scheme, shapes: Floats) -> str:
    sizes = np.array([scheme.inter_ocular_distance(points) for points in shapes])
    small = int((sizes < _SMALL).sum())
    if not small:
        return ""
    return (
        f"{small} of {len(shapes)} faces are very small, less than {_SMALL} px from eye to eye: "
        "there is little to see in them."
    )


def _named(scheme: Scheme, points: Sequence[int]) -> str:
    some = _some([_point(scheme, n) for n in points])
    return f"Point {some} is" if len(points) == 1 else f"Points {some} are"


def _point(scheme: Scheme, number: int) -> str:
    return f"{number} ({scheme.names[number]})"


def _some(names: Sequence[str]) -> str:
    more = len(names) - _NAMED
    return ", ".join(names[:_NAMED]) + (f" and {more} more" if more > 0 else "")
