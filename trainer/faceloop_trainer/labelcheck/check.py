"""The check of all labels of a project."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from faceloop_datasets import Annotation, PointState, TrainingError
from faceloop_datasets.progress import Monitor
from faceloop_datasets.wording import counted
from faceloop_trainer.config import TrainingConfig
from faceloop_trainer.crossfit.out_of_fold_points import out_of_fold_points
from faceloop_trainer.data.annotated_shapes import annotated_shapes
from faceloop_trainer.data.constant_points import constant_points
from faceloop_trainer.data.faces import load_faces
from faceloop_trainer.data.requirements import MIN_FACES
from faceloop_trainer.parallel import StepCounter
from faceloop_trainer.pdm.scheme_completion import completed_scheme

from .contradictions import with_contradictions
from .faults import DOUBTFUL_SCORE, CheckedLabel
from .outliers import find_outliers
from .reference_comparison import ReferenceComparison
from .whole_face_faults import find_whole_face_faults

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from numpy.typing import NDArray

    from faceloop_datasets import Project, Scheme
    from faceloop_datasets.face import Face
    from faceloop_datasets.progress import ProgressLike
    from faceloop_trainer.data.faces import TrainingFace

    from .faults import Correction, Fault

    Points = NDArray[np.float64]

_CONFIG = TrainingConfig(channels=("gradient",), scales=(16.0, 24.0, 36.0))
"""Training of the experts for out-of-fold fits: coarse ones show whether points lie beside the face
as well as fine ones, and train faster."""

_LEAST_PRESENT = 1 / 3
"""Share of its points that a face needs to be compared with the others: the positions of what is
missing are guessed from those, and a few points are always where they themselves expect them."""

_CONSTANT_SCORE = 2 * DOUBTFUL_SCORE
"""Score of a face with a point that is at one pixel in all pictures."""


def check_labels(
    project: Project,
    *,
    seed: int = 0,
    again: bool = False,
    progress: ProgressLike = None,
) -> list[CheckedLabel]:
    """Check each annotation of a project, and say what looks most wrong with it.

    First the starter model, which was trained on none of these annotations, is fitted to the
    pictures. So annotations are found that are turned, mirrored, shifted or of another picture,
    even if all are. Then the others, and those that could be corrected, are compared with each
    other.

    Parameters
    ----------
    project : Project
        The newest annotation of every item is checked.
    seed : int
        Assigns people to the two folds of the out-of-fold fits.
    again : bool
        Also doubt points that a person said are right (`Project.approve`).
    progress : Monitor or callable, optional
        Told each step; a monitor may stop the work between steps.

    Returns
    -------
    list of CheckedLabel
        The annotated faces, highest score first; a person should look at those that are
        `CheckedLabel.doubtful`. Faces that cannot be compared are passed over: too few of their
        points are confirmed, or their picture cannot be read.

    Raises
    ------
    TrainingError
        If there are too few faces to compare.
    Cancelled
        If the monitor stopped it.
    """
    faces = project.faces()
    approved = {} if again else project.approved()
    config = replace(_CONFIG, seed=seed)
    check = _Check(project.scheme, faces, config, Monitor.of(progress), approved)
    sizes = {media.sha256: (media.width, media.height) for media in project.media()}
    known = check.whole_face_faults(sizes)
    faults = check.outliers(known) | known
    checked = [
        _checked(
            project.scheme, face, faults[face.item_id], check.constant_points_of(face), len(faces)
        )
        for face in faces
        if face.item_id in faults
    ]
    found = with_contradictions(checked, faces, project.scheme, without=check.approved_faces)
    return sorted(found, key=_sort_key)


class _Check:
    """The two parts of a check; `whole_face_faults` comes before `outliers`."""

    def __init__(
        self,
        scheme: Scheme,
        faces: Sequence[Face],
        config: TrainingConfig,
        monitor: Monitor,
        approved: Mapping[int, Collection[int]],
    ) -> None:
        self._scheme = completed_scheme(scheme, annotated_shapes(faces), mirror=False)
        self._faces, self._config = faces, config
        self._monitor, self._approved = monitor, approved
        self.approved_faces = {face.item_id for face in faces if self._is_approved(face)}
        points = np.array([face.annotation.points for face in faces])
        self._constant = constant_points(points.reshape(len(faces), len(scheme), 2))
        self._offsets: dict[int, Points] = {}
        self._loaded = {f.item_id: f for f in self._load(faces) if f.item_id is not None}

    def _is_approved(self, face: Face) -> bool:
        """Whether a person said of all points of a face that they are right."""
        right = self._approved.get(face.item_id, ())
        return all(k in right for k in np.flatnonzero(face.annotation.present))

    def whole_face_faults(self, sizes: Mapping[str, tuple[int, int]]) -> dict[int, Fault]:
        """Find the items of which all points are wrong in a known way.

        Parameters
        ----------
        sizes : mapping of str to (int, int)
            Width and height of the pictures, by the hash of their content.
        """
        steps = StepCounter(self._monitor)
        steps.total, steps.what = len(self._faces), "looking for the faces"
        comparison = ReferenceComparison.of(
            self._scheme, self._faces, self._loaded, sizes, steps, without=self._constant
        )
        faults = find_whole_face_faults(comparison, steps)
        found = {self._faces[i].item_id: fault for i, fault in faults.items()}
        for item_id in self.approved_faces & set(found):  # it is no measure for the others either
            found[item_id] = replace(found[item_id], score=0.0, mend=None)
        for entry in comparison.entries:
            fault = found.get(entry.face.item_id)
            corrected = None if fault is None else fault.mend
            points = entry.points if corrected is None else corrected.points
            self._offsets[entry.face.item_id] = comparison.offsets(entry, points)
        return found

    def outliers(self, known: Mapping[int, Fault]) -> dict[int, Fault]:
        """Compare the faces without a known fault, and those corrected, with each other."""
        others = [face for face in self._faces if face.item_id not in known]
        corrected = [
            _corrected(face, fault.mend)
            for face in self._faces
            if (fault := known.get(face.item_id)) is not None and fault.mend is not None
        ]
        loaded = [self._loaded[f.item_id] for f in others if f.item_id in self._loaded]
        loaded += self._load(corrected)
        try:
            enough = comparable(loaded)
            return self._compared(sorted(enough, key=lambda face: face.item_id or 0))
        except TrainingError:
            if known or self._constant:  # what was found so far is worth a result
                return {}
            raise

    def constant_points_of(self, face: Face) -> list[int]:
        """Points of a face that are at one pixel in all faces, if nobody said they are right."""
        right = self._approved.get(face.item_id, ())
        return [k for k in self._constant if face.annotation.present[k] and k not in right]

    def _load(self, faces: Sequence[Face]) -> list[TrainingFace]:
        neutral = [_with_neutral_points(self._scheme, face, self._constant) for face in faces]
        scale, seed = self._config.scales[-1], self._config.seed
        return load_faces(
            self._scheme,
            neutral,
            scale,
            seed=seed,
            progress=self._monitor,
        )[0]

    def _compared(self, faces: Sequence[TrainingFace]) -> dict[int, Fault]:
        pictured = [
            i for i, f in enumerate(faces) if f.picture is not None and f.trains_patches.any()
        ]
        fits = out_of_fold_points(
            self._scheme,
            [faces[i] for i in pictured],
            self._config,
            progress=self._monitor,
        )
        points = np.array([face.points for face in faces])
        fitted = np.full_like(points, np.nan)
        fitted[pictured] = fits
        visible = np.array([face.trains_patches for face in faces])
        offsets = np.array([self._offsets[face.item_id or 0] for face in faces])
        approved = np.zeros_like(visible)
        for row, face in enumerate(faces):
            approved[row, list(self._approved.get(face.item_id or 0, ()))] = True
        faults = find_outliers(self._scheme, points, visible, fitted, offsets, approved=approved)
        return {
            face.item_id: fault
            for face, fault in zip(faces, faults, strict=True)
            if face.item_id is not None
        }


def comparable(faces: Sequence[TrainingFace]) -> list[TrainingFace]:
    """Return the faces that have enough points to be compared with each other.

    Raises
    ------
    TrainingError
        If some have not, and too few are left.
    """
    enough = [f for f in faces if np.isfinite(f.points).all(axis=1).mean() >= _LEAST_PRESENT]
    if len(enough) < min(MIN_FACES, len(faces)):
        raise TrainingError(
            f"{counted(len(enough), 'face has', 'faces have')} enough confirmed points to be "
            f"compared, of {len(faces)}; at least {MIN_FACES} are needed. Confirm or annotate more."
        )
    return enough


def _corrected(face: Face, correction: Correction) -> Face:
    """Return a face with its corrected annotation."""
    old = face.annotation
    new = Annotation(old.scheme, correction.points, correction.states, old.source)
    return replace(face, annotation=new)


def _with_neutral_points(scheme: Scheme, face: Face, constant: Sequence[int]) -> Face:
    """Return a face whose constant points are hidden and at the centre of their part.

    Marked as missing in all faces they could not be compared; left far off in all, they would
    make the other points look wrong.
    """
    old = face.annotation
    points, states = old.points.copy(), old.states.copy()
    for k in constant:
        part = next(part for part in scheme.groups.values() if k in part)
        others = [i for i in part if i not in constant and old.present[i]]
        if old.present[k] and others:
            points[k], states[k] = points[others].mean(axis=0), PointState.OCCLUDED
    return replace(face, annotation=Annotation(old.scheme, points, states, old.source))


def _checked(
    scheme: Scheme, face: Face, fault: Fault, constant: Sequence[int], faces: int
) -> CheckedLabel:
    """Make the result of a face from its fault and from its points that are constant."""
    label = CheckedLabel(
        face.item_id, face.name, fault.score, fault.what, fault.kind, fault.points, fault.mend
    )
    if not constant:
        return label
    names = " and ".join(f"{k}, {scheme.names[k]}," for k in constant)
    x, y = face.annotation.points[constant[0]]
    verb = "Point {} is" if len(constant) == 1 else "Points {} are"
    what = f"{verb.format(names)} at one pixel in all {faces} pictures: ({x:g}, {y:g})."
    of_constant = replace(
        label, score=_CONSTANT_SCORE, what=what, kind="constant", points=tuple(constant), mend=None
    )
    return label.preceded_by(of_constant)


def _sort_key(label: CheckedLabel) -> tuple[float, int]:
    return -label.score, label.item_id
