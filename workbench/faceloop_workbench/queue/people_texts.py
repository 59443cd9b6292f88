"""People as rows of texts: what a column says, and what it is sorted by. Without Qt."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from faceloop_datasets.subjects import check_subject, count_of, how_known, kind_of
from faceloop_datasets.wording import counted, enumerated
from faceloop_workbench.services.people import HELD_OUT, HELD_OUT_MEANS

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from faceloop_datasets import SubjectPlan
    from faceloop_workbench.services.people import Person

    Order = float | str


@dataclass(frozen=True)
class PeopleColumn:
    """One column of the people view.

    Parameters
    ----------
    title, tip : str
        What it is called, and what that is.
    text : callable
        What it says of a person.
    order : callable
        What it is sorted by.
    needed : callable
        Whether it says anything of a person: a column that says nothing of anybody is hidden.
    """

    title: str
    tip: str
    text: Callable[[Person], str]
    order: Callable[[Person], Order]
    needed: Callable[[Person], bool] = lambda _person: True


def _count(title: str, tip: str, count: Callable[[Person], int], *, always: bool) -> PeopleColumn:
    return PeopleColumn(
        title,
        tip,
        lambda person: str(count(person) or ""),
        count,
        (lambda _person: True) if always else lambda person: count(person) > 0,
    )


def error_text(person: Person) -> str:
    """Error of the model in use on a person's faces, in per cent of the eyes' distance.

    One that the model only expects is marked by a ≈.
    """
    if person.error is not None:
        return f"{100 * person.error:.1f} %"
    return "" if person.predicted is None else f"≈ {100 * person.predicted:.1f} %"


def side_text(person: Person) -> str:
    """Say what a person's faces are used for, and whether somebody has chosen that."""
    return f"{person.side}, chosen" if person.side and person.chosen else person.side


def _error(person: Person) -> float:
    return next((e for e in (person.error, person.predicted) if e is not None), -1.0)


COLUMNS = (
    PeopleColumn(
        "person",
        "Whom the faces show, as far as it is known: a person, else a clip or a picture",
        lambda person: person.name,
        lambda person: person.name.casefold(),
    ),
    _count("faces", "Faces in the project", lambda person: person.faces, always=True),
    _count("annotated", "Faces with points", lambda person: person.annotated, always=True),
    _count(
        "to do",
        "Faces that wait in the review queue, or have no points",
        lambda person: person.to_do,
        always=True,
    ),
    _count(
        "removed",
        "Faces that were removed, and can be brought back",
        lambda person: person.removed,
        always=False,
    ),
    _count("videos", "Videos that the faces are in", lambda person: person.videos, always=False),
    PeopleColumn("used for", HELD_OUT_MEANS, side_text, side_text),
    PeopleColumn(
        "error",
        "Mean error of the model in use, in per cent of the distance between the eyes: measured on "
        "faces that it was not trained on, or (≈) as it expects itself of fits that wait in the "
        "queue",
        error_text,
        _error,
        lambda person: _error(person) >= 0,
    ),
)


def person_tip(person: Person) -> str:
    """Return what a row's tooltip says."""
    lines = [person.name, f"Known by: {how_known(person.sources)}", counted(person.faces, "face")]
    if person.side == HELD_OUT:
        lines.append(HELD_OUT_MEANS)
    return "\n".join(lines)


def people_text(people: Sequence[Person]) -> str:
    """Say how many there are."""
    faces = sum(person.faces for person in people)
    kind = kind_of(source for person in people for source in person.sources)
    held = sum(person.side == HELD_OUT for person in people)
    out = f"; {held} held out" if held else "; nobody is held out yet"
    return f"{counted(faces, 'face')} of {count_of(len(people), kind)}{out}"


def joined_text(name: str, faces: int, known: Mapping[str, int]) -> str:
    """Say what giving faces a name means: whom they join.

    Raises
    ------
    InputError
        If that can be no name.
    """
    name = check_subject(name)
    there = known.get(name, 0)
    if there:
        these = "this one becomes" if faces == 1 else f"these {faces} become"
        return f"{name} has {counted(there, 'face')} already; {these} the same person."
    return f"{counted(faces, 'face')} of a new person."


def plan_text(plan: SubjectPlan) -> str:
    """Say what a rule finds, and what would change."""
    changed = Counter(face.after for face in plan.changed)
    examples = enumerated([f"{name} ({faces})" for name, faces in changed.most_common()])
    people, faces = counted(len(plan.subjects), "person", "people"), len(plan.found)
    found = f"{people} in {faces} of {counted(len(plan.faces), 'face')}."
    others = f"{counted(len(plan.changed), 'face')} would show somebody else"
    lines = [found, f"{others}: {examples}." if examples else f"{others}."]
    if plan.refused:
        lines.append(
            f"{counted(len(plan.refused), 'face stays', 'faces stay')} as now: no name is found."
        )
    return "\n".join(lines)
