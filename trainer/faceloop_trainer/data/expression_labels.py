"""Which of the labels of a project's faces a classifier can learn."""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import TYPE_CHECKING

from faceloop_datasets.wording import counted, enumerated
from faceloop_runtime.model.layout import MAX_EXPRESSIONS

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence

    from faceloop_datasets.face import Face

LEAST_FACES, LEAST_PEOPLE = 5, 2
"""A label of fewer faces, or of fewer people, is left out: what is common to them may be the person
or chance."""
_MOST_NAMES = 20


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


def label_warning(
    faces: Sequence[Face],
    trained: Collection[int] | None = None,
    learned: Collection[str] | None = None,
) -> str:
    """Warn of labels that are left out of a training; empty if there are none.

    Parameters
    ----------
    faces : sequence of Face
        All annotated faces, copies under one subject.
    trained : collection of int, optional
        Items of those that are trained on; by default all: nobody is held out, and no limit.
    learned : collection of str, optional
        The labels that were in fact learned; by default those of which there are enough.
    """
    labelled = [face for face in faces if face.has_image and face.expression]
    shown = [face for face in labelled if trained is None or face.item_id in trained]
    enough = learned_labels((face.expression, face.subject_key) for face in shown)
    left = sorted(
        {face.expression for face in labelled} - set(enough if learned is None else learned)
    )
    if not left:
        return ""
    counts = Counter(face.expression for face in shown)
    named = [f"{label} ({counted(counts[label], 'face')})" for label in left]
    alone = "" if enough else " At least two such expressions are needed."
    return (
        f"Expressions are learned from {LEAST_FACES} faces of {LEAST_PEOPLE} people at least, of "
        f"those that are trained on; left out: {enumerated(named, _MOST_NAMES)}.{alone}"
    )
