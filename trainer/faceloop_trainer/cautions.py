"""What a person should know of a project's faces before believing what is learnt from them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from faceloop_datasets.subject_words import how_known

from .copies import as_people, picture_copies

if TYPE_CHECKING:
    from collections.abc import Sequence

    from faceloop_datasets.face import Face

_SAY = "Say whom faces show: import with --subjects, or faceloop subjects set."


def cautions(faces: Sequence[Face]) -> tuple[str, ...]:
    """Say what is wrong with faces that can be trained on all the same.

    Said by a training, by the window before one, and by the report: one sentence each.

    Parameters
    ----------
    faces : sequence of Face
        All annotated faces of a project.
    """
    people = as_people(faces)
    said = (_same_pictures(faces), _one_subject(people), _only_pictures(people))
    return tuple(filter(None, said))


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
    copies = sum(map(len, groups))
    pictured = sum(face.has_image for face in faces)
    return (
        f"{copies} of {pictured} pictures are copies of one another ({len(groups)} "
        f"different {'one' if len(groups) == 1 else 'ones'}); copies count as one person for the "
        "split."
    )
