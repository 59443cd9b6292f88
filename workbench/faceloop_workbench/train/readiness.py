"""What a training would train on, and what speaks against it. Without Qt."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from faceloop_datasets import ModelFileError
from faceloop_datasets.subjects import count_of, kind_of
from faceloop_datasets.wording import counted
from faceloop_runtime import FaceModel
from faceloop_trainer.data.data_warnings import data_warnings, sample_size_warnings
from faceloop_trainer.data.duplicates import count_distinct, join_duplicate_subjects
from faceloop_trainer.data.expression_labels import label_warning
from faceloop_trainer.data.requirements import limit_reason, unmet_requirements
from faceloop_trainer.data.split import split_faces
from faceloop_trainer.data.unusable import Unusable, unusable_text, why_unusable
from faceloop_trainer.evaluation.weak_spots import WeakSpot
from faceloop_workbench.services.more_faces import FacesCurve, known_curve
from faceloop_workbench.services.next_faces import NextFaces, next_faces
from faceloop_workbench.services.unchanged import replaced_text, unchanged_since

from .checked_metrics import checked_metrics

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from faceloop_datasets import Face, ModelRecord, Project, Scheme
    from faceloop_datasets.store.overview import ItemSummary
    from faceloop_trainer import TrainingConfig

_NO_PROJECT = "Open a project first."
_NO_FACE = "No face is annotated yet. Import faces, or annotate some, first."


@dataclass(frozen=True)
class HalfCorrected:
    """A face that somebody began to correct and has not accepted."""

    item_id: int
    name: str


@dataclass(frozen=True)
class Readiness:
    """What a training would find.

    Parameters
    ----------
    faces, people : int
        Faces with a picture that will train, and how many people they show.
    held_out, held_out_people : int
        Faces that will measure the model, and how many people they show.
    half_corrected : tuple of HalfCorrected
        Faces that somebody began to correct.
    kind : str
        What the people are: maybe only pictures or clips.
    unusable : tuple of Unusable
        Faces whose points cannot be trained on, for instance since too few are confirmed.
    only_fitted : int
        Faces that hold nothing but unconfirmed points of a fit; they train nothing.
    blocked : str
        Why there can be no training; empty if there can.
    warnings : tuple of str
        What a person should know before.
    unchanged : str
        The model that a training would only make once more; empty if something has changed.
    next_faces : NextFaces
        Faces that would help the model most.
    curve : FacesCurve or None
        How the error fell with the faces, if that was measured.
    subjects : mapping of int to str
        Whom each face that is held out shows.
    """

    faces: int = 0
    people: int = 0
    held_out: int = 0
    held_out_people: int = 0
    kind: str = "person"
    half_corrected: tuple[HalfCorrected, ...] = ()
    unusable: tuple[Unusable, ...] = ()
    only_fitted: int = 0
    blocked: str = _NO_PROJECT
    warnings: tuple[str, ...] = ()
    unchanged: str = ""
    next_faces: NextFaces = field(default_factory=NextFaces)
    curve: FacesCurve | None = None
    subjects: Mapping[int, str] = field(default_factory=dict)

    @property
    def text(self) -> str:
        """What will train, in one sentence."""
        if self.blocked:
            return self.blocked
        if self.unchanged:
            return f"Nothing that trains has changed since {self.unchanged}. {self._counts}"
        return self._counts

    @property
    def _counts(self) -> str:
        held = f"{counted(self.held_out, 'face')} of {count_of(self.held_out_people, self.kind)}"
        return (
            f"{counted(self.faces, 'face')} of {count_of(self.people, self.kind)} will train, "
            f"{held if self.held_out else 'none'} held out to measure the model."
        )


def training_readiness(project: Project, config: TrainingConfig) -> Readiness:
    """Return what a training would find; takes a second in a large project.

    Parameters
    ----------
    project : Project
        Where the faces are.
    config : TrainingConfig
        Settings of the training.
    """
    faces, overview = project.faces(), project.overview()
    chosen = split_faces(faces, config)
    unusable = _unusable((*chosen.training, *chosen.held_out), project.scheme)
    training = [f for f in chosen.training if _trains(f) and f.item_id not in unusable]
    held = [f for f in chosen.held_out if f.has_image and f.item_id not in unusable]
    useful = {face.item_id for face in faces}
    half = [HalfCorrected(s.item_id, s.name) for s in overview if _is_half_corrected(s)]
    counts = len(training), len(_subjects(training))
    kind = kind_of(f.subject_source for f in (*training, *held))
    said = data_warnings(faces, project.scheme)
    why = " ".join(filter(None, (*said, limit_reason(config.limit))))
    blocked = unmet_requirements(*counts, count_distinct(training), why, kind=kind)
    found = Readiness(
        faces=counts[0],
        people=counts[1],
        held_out=len(held),
        held_out_people=len(_subjects(held)),
        kind=kind,
        half_corrected=tuple(half),
        unusable=tuple(unusable.values()),
        only_fitted=sum(s.labelled and s.item_id not in useful for s in overview),
        blocked=blocked if faces else _NO_FACE,
    )
    if found.blocked:
        return replace(found, warnings=tuple(_warnings(found)))
    same, newest = unchanged_since(project, config, faces), _newest_trained(project)
    found = replace(
        found,
        unchanged="" if same is None else same.name,
        next_faces=_next_faces(project, faces, _subjects(chosen.held_out), newest),
        curve=known_curve(project, config),
        subjects={face.item_id: face.subject_key for face in chosen.held_out},
    )
    labels = label_warning(join_duplicate_subjects(faces), {face.item_id for face in training})
    replaced = replaced_text(project, faces)
    return replace(found, warnings=(*replaced, *_warnings(found), *said, *filter(None, (labels,))))


def _newest_trained(project: Project) -> ModelRecord | None:
    return next((r for r in reversed(project.models()) if "weak_spots" in r.metrics), None)


def _next_faces(
    project: Project, faces: Sequence[Face], held: set[str], newest: ModelRecord | None
) -> NextFaces:
    if newest is None:  # then whatever is annotated helps
        return NextFaces()
    known = checked_metrics(newest.metrics, len(project.scheme)).get("weak_spots", [])
    spots = [WeakSpot(**values) for values in known]
    try:
        model = FaceModel.load(newest.file)
    except ModelFileError:
        model = None
    return next_faces(project, faces, held, spots, model)


def _trains(face: Face) -> bool:
    return face.has_image and bool(face.annotation.trains_patches.any())


def _unusable(faces: Sequence[Face], scheme: Scheme) -> dict[int, Unusable]:
    """Return by item the faces whose points cannot be trained on."""
    reasons = ((face, why_unusable(scheme, face.annotation)) for face in faces)
    return {face.item_id: Unusable(face.name, why) for face, why in reasons if why}


def _subjects(faces: Sequence[Face]) -> set[str]:
    return {face.subject_key for face in faces}


def _is_half_corrected(item: ItemSummary) -> bool:
    # A claimed one may have no estimated point left, and still nobody has accepted it.
    return item.half_corrected or (item.saved_by_person and item.status == "claimed")


def _warnings(found: Readiness) -> list[str]:
    said = []
    if found.half_corrected:
        count = len(found.half_corrected)
        said.append(
            f"{counted(count, 'face')} {'is' if count == 1 else 'are'} half-corrected: only the "
            "points that somebody has confirmed will train."
        )
    said += unusable_text(found.unusable)
    if found.only_fitted:
        said.append(
            f"{counted(found.only_fitted, 'face')} {'has' if found.only_fitted == 1 else 'have'} "
            "only a model's guesses, which train nothing. Accept or correct them to make them "
            "count."
        )
    if found.blocked:
        return said
    return [*said, *sample_size_warnings(found.people, found.held_out_people, found.kind)]
