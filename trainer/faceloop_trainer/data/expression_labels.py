"""Which of the labels of a project's faces a classifier can learn."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from faceloop_datasets.wording import counted, enumerated
from faceloop_runtime.model.layout import MAX_EXPRESSIONS

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from faceloop_datasets.face import Face

LEAST_FACES, LEAST_PEOPLE = 5, 2
"""A label of fewer faces, or of fewer people, is left out: what is common to them may be the person
or chance."""
_MOST_NAMES = 6


def learned_labels(labelled: Iterable[tuple[str, str]]) -> tuple[str, ...]:
    """Return the labels that can be learned, in alphabetical order; none if they are fewer than 2.

    Of more than a model file holds they are the most frequent ones.

    Parameters
    ----------
    labelled : iterable of (str, str)
        Label, perhaps empty, and person of each face.
    """
    people: dict[str, list[str]] = defaultdict(list)
    for label, person in labelled:
        people[label].append(person)
    enough = sorted(
        label
        for label, who in people.items()
        if label and len(who) >= LEAST_FACES and len(set(who)) >= LEAST_PEOPLE
    )
    most = sorted(enough, key=lambda label: -len(people[label]))[:MAX_EXPRESSIONS]
    return tuple(sorted(most)) if len(most) > 1 else ()


def label_warning(faces: Sequence[Face]) -> str:
    """Warn of labels that are left out of a training; empty if there are none.

    Parameters
    ----------
    faces : sequence of Face
        All annotated faces, copies under one subject.
    """
    shown = [face for face in faces if face.has_image and face.expression]
    learned = learned_labels((face.expression, face.subject_key) for face in shown)
    left = sorted({face.expression for face in shown} - set(learned))
    if not left:
        return ""
    counts = {label: sum(face.expression == label for face in shown) for label in left}
    named = [f"{label} ({counted(counts[label], 'face')})" for label in left]
    alone = "" if learned else " At least two such expressions are needed."
    return (
        f"Expressions are learned from {LEAST_FACES} faces of {LEAST_PEOPLE} people at least; left "
        f"out: {enumerated(named, _MOST_NAMES)}.{alone}"
    )
