"""What was measured of a model: the error of each face and each point, and figures made of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from faceloop_datasets.subjects import kind_of
from faceloop_runtime.quality.thresholds import FAILURE

from .metrics import AUC_LIMIT, area_under_ced, rank_correlation

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    import pandas as pd
    from numpy.typing import NDArray

    from faceloop_datasets import Scheme
    from faceloop_datasets.subjects import SubjectKind


@dataclass(frozen=True, eq=False)
class Evaluation:
    """Errors of one model on a set of faces.

    Attributes
    ----------
    scheme : Scheme
        The landmarks.
    items : tuple of (int or None)
        The faces: their items in the project, if they come from one.
    names : tuple of str
        What people call them.
    subjects : tuple of str
        Whom they show.
    errors : ndarray, shape (F,)
        Normalised mean error of each face; infinite where no face was found.
    point_errors : ndarray, shape (F, N)
        Error of each point over the inter-ocular distance; NaN where not annotated.
    predicted : ndarray, shape (F,)
        What the model itself expected its error to be.
    fitted : ndarray, shape (F, N, 2)
        Where the points were found, in pixels of the picture that was measured on; NaN where
        no face was found.
    start : str
        ``jitter`` or ``detector``.
    subject_sources : tuple of str
        How it is known whom each face shows (`faceloop_datasets.subjects.SubjectSource`).
    """

    scheme: Scheme
    items: tuple[int | None, ...]
    names: tuple[str, ...]
    subjects: tuple[str, ...]
    errors: NDArray[np.float64]
    point_errors: NDArray[np.float64]
    predicted: NDArray[np.float64]
    fitted: NDArray[np.float64]
    start: str
    subject_sources: tuple[str, ...] = ()

    @classmethod
    def joined(cls, parts: Sequence[Evaluation]) -> Evaluation:
        """Put evaluations on different faces together, as those of the parts of a cross-validation.

        Parameters
        ----------
        parts : sequence of Evaluation
            At least one; all of one scheme and from one kind of start.
        """
        return cls(
            scheme=parts[0].scheme,
            items=tuple(item for part in parts for item in part.items),
            names=tuple(name for part in parts for name in part.names),
            subjects=tuple(subject for part in parts for subject in part.subjects),
            errors=np.concatenate([part.errors for part in parts]),
            point_errors=np.concatenate([part.point_errors for part in parts]),
            predicted=np.concatenate([part.predicted for part in parts]),
            fitted=np.concatenate([part.fitted for part in parts]),
            start=parts[0].start,
            subject_sources=tuple(source for part in parts for source in part.subject_sources),
        )

    @property
    def kind(self) -> SubjectKind:
        """What the subjects are: people, or only pictures or clips."""
        return kind_of(self.subject_sources)

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
            "subject_kind": self.kind,
            "nme_mean": float(found.mean()),
            "nme_median": float(np.median(found)),
            "nme_p95": float(np.percentile(found, 95)),
            "auc_08": area_under_ced(self.errors, AUC_LIMIT),
            "failures": int((self.errors > FAILURE).sum()),
            "failure_rate": float((self.errors > FAILURE).mean()),
            "not_found": int((~np.isfinite(self.errors)).sum()),
            "prediction_rank_correlation": rank_correlation(self.predicted, self.errors),
        }

    @property
    def point_means(self) -> NDArray[np.float64]:
        """Mean error of each point, (N,); NaN where it was never annotated, or never found."""
        counted = np.isfinite(self.point_errors).any(axis=0)
        mean = np.full(len(self.scheme), np.nan)
        mean[counted] = np.nanmean(self.point_errors[:, counted], axis=0)
        return mean

    @property
    def per_point(self) -> pd.DataFrame:
        """Mean error of each point: columns ``point``, ``name``, ``group``, ``error``."""
        import pandas as pd  # noqa: PLC0415 - its import takes half a second

        group = {i: name for name, members in self.scheme.groups.items() for i in members}
        return pd.DataFrame(
            {
                "point": np.arange(len(self.scheme)),
                "name": self.scheme.names,
                "group": [group[i] for i in range(len(self.scheme))],
                "error": self.point_means,
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
                    "item": item,
                    "name": name,
                    "subject": subject,
                    "nme": float(error) if np.isfinite(error) else None,
                    "predicted": float(guess) if np.isfinite(guess) else None,
                }
                for item, name, subject, error, guess in zip(
                    self.items,
                    self.names,
                    self.subjects,
                    self.errors,
                    self.predicted,
                    strict=True,
                )
            ],
        }

    def plot(self, path: str | Path, title: str = "") -> None:
        """Draw the cumulative error distribution to a PNG.

        Parameters
        ----------
        path : str or Path
            The file.
        title : str
            Name of the curve.
        """
        from .plots import save_ced  # noqa: PLC0415 - matplotlib takes a second to import

        save_ced({title or self.start: self.errors}, path)
