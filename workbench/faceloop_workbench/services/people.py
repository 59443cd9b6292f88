"""The people of a project, one row each: how far their faces are, and what a model makes of them.

"People" stands for subjects of any kind (`faceloop_datasets.subjects`): a clip or a lone picture
whose person nobody has named is one too.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, NamedTuple

from faceloop_trainer import TrainingConfig
from faceloop_trainer.data.split import split_faces

from .face_errors import read_face_errors

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from faceloop_datasets import Item, ItemSummary, Project
    from faceloop_datasets.subjects import SubjectSource

HELD_OUT = "held out"
TRAINING = "training"
HELD_OUT_MEANS = (
    "Held out: no model is trained on this person's faces. They measure it, so that its error is "
    "that on people it has not seen. Who is held out depends on the name, and stays so as faces "
    "are added, unless somebody has chosen it."
)
"""What held out means, for tool tips."""


@dataclass(frozen=True)
class Person:
    """One subject of a project.

    Parameters
    ----------
    name : str
        What it is called.
    sources : tuple of SubjectSource
        How that is known of its faces.
    items : tuple of int
        Numbers of its faces, without those that were removed.
    annotated : int
        Faces with points.
    to_do : int
        Faces that wait in the review queue, or have no points.
    removed : int
        Faces that were removed, and can be brought back.
    pictures, videos : int
        Pictures, and videos, that the faces are in.
    side : str
        `HELD_OUT`, `TRAINING`, or empty where no face can do either.
    chosen : bool
        Whether somebody has chosen that side.
    error : float or None
        Mean error (NME) of the model in use on the faces that it was measured on.
    predicted : float or None
        Mean error that this model expects of fits that wait in the queue.
    portrait : int or None
        The face to show: the one that is best annotated.
    """

    name: str
    sources: tuple[SubjectSource, ...]
    items: tuple[int, ...]
    annotated: int
    to_do: int
    removed: int
    pictures: int
    videos: int
    side: str
    chosen: bool
    error: float | None
    predicted: float | None
    portrait: int | None

    @property
    def faces(self) -> int:
        """How many faces it has."""
        return len(self.items)


class _ModelErrors(NamedTuple):
    """The model in use, and its errors on the faces that it was measured on."""

    model: str = ""
    errors: Mapping[int, float] = MappingProxyType({})


class _Sides(NamedTuple):
    """Sides of a split, by the numbers of faces, and those that somebody has chosen."""

    split: Mapping[int, str]
    chosen: Mapping[int, str]


def list_people(project: Project) -> list[Person]:
    """All subjects of a project, in the order their first faces came.

    Raises
    ------
    ProjectError
        If the project cannot be read.
    """
    items = defaultdict[str, list["Item"]](list)
    for item in project.items(with_removed=True):
        items[item.subject].append(item)
    faces = {row.item_id: row for row in project.overview()}
    sides, chosen = sides_of(project), project.chosen_sides()
    record = project.active_model
    known = _ModelErrors()
    if record is not None:
        known = _ModelErrors(record.name, read_face_errors(record.metrics))
    return [_person(name, of, faces, _Sides(sides, chosen), known) for name, of in items.items()]


def sides_of(project: Project) -> dict[int, str]:
    """Side of the split, `HELD_OUT` or `TRAINING`, that each annotated face is on.

    The split is that of a training with the usual settings.
    """
    split = split_faces(project.faces(), TrainingConfig())
    return {
        **{face.item_id: TRAINING for face in split.training},
        **{face.item_id: HELD_OUT for face in split.held_out},
    }


def _person(
    name: str,
    items: Sequence[Item],
    faces: Mapping[int, ItemSummary],
    sides: _Sides,
    known: _ModelErrors,
) -> Person:
    kept = [item for item in items if not item.removed]
    rows = [faces[item.id] for item in kept if item.id in faces]
    media = {(row.media_id, row.media_kind) for row in rows if row.media_id is not None}
    own = {sides.split[row.item_id] for row in rows if row.item_id in sides.split}
    return Person(
        name=name,
        sources=tuple(sorted({item.subject_source for item in items})),
        items=tuple(row.item_id for row in rows),
        annotated=sum(row.labelled for row in rows),
        to_do=sum(_waits(row) for row in rows),
        removed=len(items) - len(kept),
        pictures=sum(kind == "image" for _, kind in media),
        videos=sum(kind == "video" for _, kind in media),
        side=own.pop() if len(own) == 1 else "",
        chosen=any(row.item_id in sides.chosen for row in rows),
        error=_mean(known.errors[k] for k in (row.item_id for row in rows) if k in known.errors),
        predicted=_mean(
            row.predicted_error
            for row in rows
            if row.model == known.model and row.predicted_error is not None and _in_queue(row)
        ),
        portrait=_portrait(rows),
    )


def _waits(row: ItemSummary) -> bool:
    return _in_queue(row) or not row.labelled


def _in_queue(row: ItemSummary) -> bool:
    return row.status in ("open", "claimed")


def _mean(values: Iterable[float]) -> float | None:
    found = list(values)
    return sum(found) / len(found) if found else None


def _portrait(rows: Sequence[ItemSummary]) -> int | None:
    """Choose a face with a picture and the most points that somebody vouches for."""
    pictured = [row for row in rows if row.media_id is not None]
    if not pictured:
        return None
    points = max(len(row.states or b"") for row in pictured)

    def sure(row: ItemSummary) -> int:
        return points - row.estimated - row.missing if row.labelled else -1

    return max(pictured, key=sure).item_id
