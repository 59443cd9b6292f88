"""How far off a model's fits are, on people it has never seen."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from faceloop_datasets import TrainingError
from faceloop_datasets.progress import step
from faceloop_runtime.detector import Detector
from faceloop_runtime.fitter import Fitter
from faceloop_runtime.model import FaceModel

from .split import unseen_faces
from .starts import Jitter, jittered_pose
from .trainingset import whole_pictures

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from numpy.typing import NDArray

    from faceloop_datasets import Project, Scheme
    from faceloop_datasets.progress import CancelCheck, ProgressCallback
    from faceloop_runtime.fitter import Fit

    from .trainingset import TrainingFace

FAILURE = 0.10
"""A fit with a larger NME has failed."""
AUC_LIMIT = 0.08
"""The cumulative error distribution is integrated up to here."""


@dataclass(frozen=True, eq=False)
class Evaluation:
    """Errors of one model on a set of faces.

    Attributes
    ----------
    scheme : Scheme
        The landmarks.
    names : tuple of str
        The faces.
    subjects : tuple of str
        Whom they show.
    errors : ndarray, shape (F,)
        Normalised mean error of each face; infinite where no face was found.
    point_errors : ndarray, shape (F, N)
        Error of each point over the inter-ocular distance; NaN where not annotated.
    predicted : ndarray, shape (F,)
        What the model itself expected its error to be.
    start : str
        ``jitter`` or ``detector``.
    """

    scheme: Scheme
    names: tuple[str, ...]
    subjects: tuple[str, ...]
    errors: NDArray[np.float64]
    point_errors: NDArray[np.float64]
    predicted: NDArray[np.float64]
    start: str

    def metrics(self) -> dict[str, Any]:
        """Mean, median and 95th percentile of the NME, AUC@0.08, failures, prediction.

        Faces the detector missed are failures; the mean, median and percentile are over
        the faces that were found.
        """
        found = self.errors[np.isfinite(self.errors)]
        if not len(found):
            return {"faces": len(self.errors), "start": self.start, "failure_rate": 1.0}
        return {
            "start": self.start,
            "faces": len(self.errors),
            "subjects": len(set(self.subjects)),
            "nme_mean": float(found.mean()),
            "nme_median": float(np.median(found)),
            "nme_p95": float(np.percentile(found, 95)),
            "auc_08": area_under_ced(self.errors, AUC_LIMIT),
            "failures": int((self.errors > FAILURE).sum()),
            "failure_rate": float((self.errors > FAILURE).mean()),
            "not_found": int((~np.isfinite(self.errors)).sum()),
            "prediction_rank_correlation": _rank_correlation(self.predicted, self.errors),
        }

    @property
    def per_point(self) -> pd.DataFrame:
        """Mean error of each point: columns ``point``, ``name``, ``group``, ``error``."""
        group = {i: name for name, members in self.scheme.groups.items() for i in members}
        counted = np.isfinite(self.point_errors).any(axis=0)
        mean = np.full(len(self.scheme), np.nan)
        mean[counted] = np.nanmean(self.point_errors[:, counted], axis=0)
        return pd.DataFrame(
            {
                "point": np.arange(len(self.scheme)),
                "name": self.scheme.names,
                "group": [group[i] for i in range(len(self.scheme))],
                "error": mean,
            }
        )

    @property
    def per_group(self) -> pd.Series[float]:
        """Mean error of each group of points."""
        return self.per_point.groupby("group", sort=False)["error"].mean()

    def to_dict(self) -> dict[str, Any]:
        """Return everything as JSON can hold it; a face that was not found has error null."""
        points = self.per_point.astype(object).where(self.per_point.notna(), None)
        return {
            **self.metrics(),
            "per_group": {k: float(v) for k, v in self.per_group.dropna().items()},
            "per_point": points.to_dict("records"),
            "per_face": [
                {
                    "name": name,
                    "subject": subject,
                    "nme": float(error) if np.isfinite(error) else None,
                    "predicted": float(guess) if np.isfinite(guess) else None,
                }
                for name, subject, error, guess in zip(
                    self.names, self.subjects, self.errors, self.predicted, strict=True
                )
            ],
        }

    def plot(self, path: str | Path, title: str = "") -> None:
        """Draw the cumulative error distribution to a PNG."""
        from .plots import plot_ced  # noqa: PLC0415 - matplotlib takes a second to import

        plot_ced({title or self.start: self.errors}, path)


def area_under_ced(errors: NDArray[np.float64], limit: float) -> float:
    """Area under the cumulative error distribution up to ``limit``, over ``limit``."""
    return float(np.clip(1.0 - errors / limit, 0.0, 1.0).mean())


def evaluate(
    project: Project,
    model: FaceModel | None = None,
    *,
    start: str = "jitter",
    jitter: Jitter | None = None,
    seed: int = 0,
    detector: Detector | None = None,
    progress: ProgressCallback | None = None,
    cancel: CancelCheck | None = None,
) -> Evaluation:
    """Measure a model on the annotated faces of a project that it has never seen.

    Faces of people the model was trained on are left out, whoever annotated them.

    Parameters
    ----------
    project : Project
        Gives the annotated faces.
    model : FaceModel, optional
        The project's active model by default.
    start, jitter, seed, detector, progress, cancel
        As in `measure`.

    Raises
    ------
    TrainingError
        If there is no model, it is of another scheme, or every face was trained on.
    Cancelled
        If ``cancel`` said so.
    """
    if model is None:
        record = project.active_model
        if record is None:
            raise TrainingError(
                f"The project {project.name} has no model yet; train one, or name a model file."
            )
        model = FaceModel.load(record.file)
    if model.scheme.name != project.scheme.name:
        raise TrainingError(
            f"The model is for the scheme {model.scheme.name}, the project's is "
            f"{project.scheme.name}; they cannot be compared."
        )
    annotated = [face for face in project.faces() if face.has_image]
    if not annotated:
        raise TrainingError(
            f"The project {project.name} has no annotated face with a picture to measure on; "
            "import or annotate some."
        )
    faces = unseen_faces(annotated, model.provenance)
    if not faces:
        raise TrainingError(
            "The model was trained on every person in this project, so its error here would "
            "say nothing. Train with a share held out, or annotate other people."
        )
    return measure(
        model,
        whole_pictures(project.scheme, faces),
        len(faces),
        start=start,
        jitter=jitter,
        seed=seed,
        detector=detector,
        progress=progress,
        cancel=cancel,
    )


def measure(
    model: FaceModel,
    faces: Iterable[TrainingFace],
    total: int,
    *,
    start: str = "jitter",
    jitter: Jitter | None = None,
    seed: int = 0,
    detector: Detector | None = None,
    progress: ProgressCallback | None = None,
    cancel: CancelCheck | None = None,
) -> Evaluation:
    """Fit a model to faces and compare with their annotations.

    Parameters
    ----------
    model : FaceModel
        What to measure.
    faces : iterable of TrainingFace
        Faces with pictures, none of whose subjects the model was trained on; read as
        they are needed.
    total : int
        How many there are, for the progress.
    start : {"jitter", "detector"}
        From the mean shape placed on the true points and then moved at random, or from
        the detector's box.
    jitter : Jitter, optional
        How far the starts are moved; 6 degrees, 7 % and 0.08 IOD by default.
    seed : int
        Seed of the jitter.
    detector : Detector, optional
        The bundled one by default.
    progress, cancel : callable, optional
        Told about progress; asked whether to stop.

    Raises
    ------
    TrainingError
        If there are no faces, or the start is unknown.
    Cancelled
        If ``cancel`` said so.
    """
    if start not in ("jitter", "detector"):
        raise TrainingError(f"Unknown start {start!r}; expected 'jitter' or 'detector'.")
    trial = _Trial(model, start, jitter or Jitter(), seed, detector or Detector())
    seen: list[TrainingFace] = []
    rows: list[tuple[NDArray[np.float64], float]] = []
    step(progress, cancel, 0, total, "measuring fits")
    for face in faces:
        distances, guess = trial.distances(face)
        rows.append((distances, guess))
        seen.append(replace(face, picture=None, backgrounds=()))
        step(progress, cancel, len(seen), total, "measuring fits", error=_mean(distances))
    if not seen:
        raise TrainingError("There are no faces to evaluate on.")
    point_errors = np.array([distances for distances, _ in rows])
    errors = np.array([_mean(distances) for distances in point_errors])
    return Evaluation(
        scheme=model.scheme,
        names=tuple(f.name for f in seen),
        subjects=tuple(f.subject for f in seen),
        errors=errors,
        point_errors=point_errors,
        predicted=np.array([guess for _, guess in rows]),
        start=start,
    )


def _mean(distances: NDArray[np.float64]) -> float:
    """Mean over the points that are known; infinite if none is: no face was found."""
    known = distances[~np.isnan(distances)]
    return float(known.mean()) if len(known) else np.inf


class _Trial:
    """Fits one face after the other and measures how far off each point is."""

    def __init__(
        self, model: FaceModel, start: str, jitter: Jitter, seed: int, detector: Detector
    ) -> None:
        self._model, self._fitter = model, Fitter(model)
        self._start, self._jitter, self._detector = start, jitter, detector
        self._rng = np.random.default_rng(seed)

    def distances(self, face: TrainingFace) -> tuple[NDArray[np.float64], float]:
        """Return each point's error over the IOD, NaN where unknown, and the predicted NME."""
        iod = self._model.scheme.inter_ocular_distance(face.points)
        fit = self._fit(face, iod)
        if fit is None:
            return np.full(len(face.points), np.nan), np.nan
        distance = np.linalg.norm(fit.points - face.points, axis=1) / iod
        return np.where(face.measured, distance, np.nan), fit.predicted_error

    def _fit(self, face: TrainingFace, iod: float) -> Fit | None:
        assert face.picture is not None  # noqa: S101 - checked by the callers
        if self._start == "jitter":
            pose = jittered_pose(self._model.pdm, face.points, iod, self._jitter, self._rng)
            return self._fitter.fit_pose(face.picture, pose)
        boxes = self._detector.detect(face.picture)
        return self._fitter.fit(face.picture, np.asarray(boxes[0])) if boxes else None


def _rank_correlation(a: NDArray[np.float64], b: NDArray[np.float64]) -> float | None:
    known = np.isfinite(a) & np.isfinite(b)
    if known.sum() < 3:
        return None
    return float(pd.Series(a[known]).corr(pd.Series(b[known]), method="spearman"))
