"""A face model as scikit-learn knows estimators: pictures in, points out."""

from __future__ import annotations

from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.utils.validation import check_is_fitted

from faceloop_datasets import Annotation, Face, InputError, PointState, Scheme, TrainingError
from faceloop_datasets.media.images import read_image
from faceloop_runtime.detect.detector import Detector
from faceloop_runtime.fit.fitter import Fitter
from faceloop_runtime.imaging.pictures import as_gray
from faceloop_runtime.start.finding import find_faces

from .config import TrainingConfig
from .data.faces import load_faces, whole_pictures
from .data.unusable import unusable_text
from .evaluation.measure import measure
from .evaluation.metrics import AUC_LIMIT, area_under_ced
from .evaluation.protocol import EvaluationProtocol
from .train import train_faces

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Self

    from numpy.typing import ArrayLike, NDArray

    from faceloop_runtime import FaceModel

    Picture = NDArray[np.uint8] | str | Path


class LandmarkEstimator(BaseEstimator):  # type: ignore[misc]
    """Trains a face model on pictures and points, without a project.

    It takes part in `sklearn.model_selection`: ``cross_val_score(LandmarkEstimator(), pictures,
    points, cv=GroupKFold(5), groups=people)`` measures on people that were not trained on.

    Parameters
    ----------
    scheme : str, Path or Scheme
        The landmarks: the name of one that comes with faceloop, a TOML file, or a scheme.
    experts, channels, scales, components, modes, prior, mirror, seed
        As in `TrainingConfig`.

    Attributes
    ----------
    model_ : FaceModel
        What was trained; ``model_.save("faces.safetensors")`` keeps it.
    """

    def __init__(
        self,
        scheme: str | Path | Scheme = "face70",
        *,
        experts: str = TrainingConfig.experts,
        channels: tuple[str, ...] = TrainingConfig.channels,
        scales: tuple[float, ...] = TrainingConfig.scales,
        components: int = TrainingConfig.components,
        modes: str = TrainingConfig.modes,
        prior: str = TrainingConfig.prior,
        mirror: bool = TrainingConfig.mirror,
        seed: int = TrainingConfig.seed,
    ) -> None:
        # scikit-learn wants them as they are, and checked in fit.
        self.scheme, self.experts, self.channels, self.scales = scheme, experts, channels, scales
        self.components, self.modes, self.prior = components, modes, prior
        self.mirror, self.seed = mirror, seed

    def fit(
        self,
        X: Sequence[Picture],
        y: ArrayLike,
        subjects: Sequence[str] | None = None,
    ) -> Self:
        """Train on faces.

        Parameters
        ----------
        X : sequence of (ndarray of uint8 of shape (H, W) or (H, W, 3), or path)
            A picture for each face, gray or RGB.
        y : array_like, shape (n, N, 2)
            The points of each face in pixels of its picture; NaN where unknown.
        subjects : sequence of str, optional
            Whom each face shows; the model learns more of its own errors where it knows. Each
            picture is its own subject by default.

        Raises
        ------
        InputError
            If the shapes disagree, ``X`` is one picture, or one cannot be read.
        TrainingError
            If there are too few usable faces.
        """
        scheme, config = self._scheme(), self._config()
        faces, unusable = load_faces(
            scheme, _faces(scheme, X, y, subjects), config.scales[-1], seed=config.seed
        )
        if not faces:
            raise TrainingError(" ".join(unusable_text(unusable)) or "There are no faces.")
        self.model_: FaceModel = train_faces(scheme, faces, config)
        return self

    def predict(
        self,
        X: Sequence[Picture],
        starts: Sequence[ArrayLike] | None = None,
    ) -> NDArray[np.float64]:
        """Fit the largest face of each picture.

        Parameters
        ----------
        X : sequence of (ndarray of uint8 of shape (H, W) or (H, W, 3), or path)
            Gray or RGB pictures.
        starts : sequence of array_like, optional
            Where to start in each picture instead of what a detector finds: points (N, 2), or a box
            ``(x, y, width, height)``.

        Returns
        -------
        ndarray, shape (n, N, 2)
            In pixels of the pictures; NaN where no face was found.

        Raises
        ------
        InputError
            If ``X`` is one picture and no sequence, the numbers disagree, or one cannot be read.
        """
        check_is_fitted(self, "model_")
        _refuse_one_picture(X)
        fitter, detector = Fitter(self.model_), Detector()
        if starts is not None and len(starts) != len(X):
            raise InputError(f"Expected {len(X)} starts but got {len(starts)}.")
        found = np.full((len(X), len(self.model_.scheme), 2), np.nan)
        for number, picture in enumerate(X):
            gray = _gray(picture)
            if starts is not None:
                found[number] = fitter.fit(gray, starts[number]).points
            elif boxes := find_faces(detector, self.model_, gray):
                largest = max(boxes, key=lambda box: box.width)
                found[number] = fitter.fit(gray, largest).points
        return found

    def score(self, X: Sequence[Picture], y: ArrayLike) -> float:
        """Area under the cumulative error distribution up to an NME of .08, from 0 to 1.

        Faces are found by a detector, as in use; one that is not found, or fitted worse than that,
        counts as nothing.

        Parameters
        ----------
        X : sequence of (ndarray of uint8 of shape (H, W) or (H, W, 3), or path)
            Gray or RGB pictures.
        y : array_like, shape (n, N, 2)
            The points of each face; those that are NaN are not measured.
        """
        check_is_fitted(self, "model_")
        faces = list(whole_pictures(self.model_.scheme, _faces(self.model_.scheme, X, y, None)))
        found = measure(self.model_, faces, len(faces), EvaluationProtocol(start="detector"))
        return float(area_under_ced(found.errors, AUC_LIMIT))

    def _scheme(self) -> Scheme:
        return self.scheme if isinstance(self.scheme, Scheme) else Scheme.load(self.scheme)

    def _config(self) -> TrainingConfig:
        names = {field.name for field in fields(TrainingConfig)}
        chosen: dict[str, Any] = {k: v for k, v in self.get_params().items() if k in names}
        return TrainingConfig(**chosen, holdout=0.0)


@dataclass(frozen=True, eq=False)
class _PictureFace(Face):
    """A face whose picture is at hand."""

    gray: NDArray[np.uint8] | None = None

    @property
    def has_image(self) -> bool:
        return True

    def read_gray(self) -> NDArray[np.uint8]:
        assert self.gray is not None  # noqa: S101 - always given
        return self.gray


def _faces(
    scheme: Scheme, pictures: Sequence[Picture], y: ArrayLike, subjects: Sequence[str] | None
) -> list[Face]:
    _refuse_one_picture(pictures)
    points = np.asarray(y, dtype=np.float64)
    if points.shape != (len(pictures), len(scheme), 2):
        raise InputError(
            f"Expected points of shape ({len(pictures)}, {len(scheme)}, 2) for {len(pictures)} "
            f"pictures and the scheme {scheme.name} but got {points.shape}."
        )
    if subjects is not None and len(subjects) != len(pictures):
        raise InputError(f"Expected {len(pictures)} subjects but got {len(subjects)}.")
    made: list[Face] = []
    for number, (picture, face) in enumerate(zip(pictures, points, strict=True)):
        unknown = np.isnan(face).any(axis=1)
        states = np.where(unknown, PointState.MISSING, PointState.VISIBLE)
        subject = f"face {number}" if subjects is None else str(subjects[number])
        made.append(
            _PictureFace(
                item_id=number,
                revision_id=number,
                name=f"face {number}",
                subject=subject,
                annotation=Annotation(scheme.name, face, states),
                media=None,
                frame=None,
                media_sha256=None,
                subject_source="picture" if subjects is None else "person",
                gray=_gray(picture),
            )
        )
    return made


def _refuse_one_picture(pictures: object) -> None:
    """Refuse a picture, or its name, where pictures are expected: its rows are none.

    Raises
    ------
    InputError
        If it is a name, a gray picture (H, W), or one of colours (H, W, 3 or 4).
    """
    one = isinstance(pictures, str | Path)
    shape: tuple[int, ...] = pictures.shape if isinstance(pictures, np.ndarray) else ()
    if one or len(shape) == 2 or (len(shape) == 3 and shape[2] in (3, 4)):
        raise InputError(
            f"Expected a sequence of pictures but got one picture{_of_shape(shape)}. Put it into "
            "a list."
        )


def _of_shape(shape: tuple[int, ...]) -> str:
    return f" of shape {shape}" if shape else ""


def _gray(picture: Picture) -> NDArray[np.uint8]:
    if isinstance(picture, str | Path):
        return read_image(Path(picture), "gray")
    return as_gray(picture)
