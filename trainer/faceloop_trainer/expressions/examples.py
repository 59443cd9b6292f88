"""Examples of expressions: the out-of-fold fits of labelled faces, and what they look like."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from faceloop_runtime.expressions import ExpressionClassifier, landmark_pairs, log_distances
from faceloop_trainer.data.expression_labels import learned_labels

from .projection import Projection
from .regression import ExpressionRegression

if TYPE_CHECKING:
    from typing import Self

    from numpy.typing import NDArray

    from faceloop_trainer.crossfit.crossfit import CrossFit
    from faceloop_trainer.crossfit.fit_store import OutOfFoldFit
    from faceloop_trainer.crossfit.training_set import TrainingSet
    from faceloop_trainer.crossfit.variants import FaceVariant
    from faceloop_trainer.data.faces import TrainingFace

    from .regression import LogOdds

    Floats = NDArray[np.float64]
    Rows = NDArray[np.float32]

_LOST = 0.15
"""Fits that end this far off, in IOD, say nothing of the expression."""


@dataclass(frozen=True, eq=False)
class ExpressionExamples:
    """Fits of labelled faces, by experts that never saw the person.

    Parameters
    ----------
    names : tuple of str
        The labels that are learned.
    faces : tuple of TrainingFace
        The faces.
    fits : tuple of OutOfFoldFit
        Their fits.
    mirrored : tuple of OutOfFoldFit
        The fits of their mirror images; none where the scheme knows no mirror.
    mean : ndarray, shape (N, 2)
        The mean shape.
    seed : int
        Of what is chosen by chance.
    """

    names: tuple[str, ...]
    faces: tuple[TrainingFace, ...]
    fits: tuple[OutOfFoldFit, ...]
    mirrored: tuple[OutOfFoldFit, ...]
    mean: Floats
    seed: int

    @classmethod
    def of(cls, training_set: TrainingSet, crossfit: CrossFit) -> Self | None:
        """Take the labelled faces of a training set; None if they are too few."""
        every = [face.original for face in training_set.faces]
        names = learned_labels((face.expression, face.subject) for face in every)
        if not names:
            return None
        pairs = zip(*crossfit.fits(training_set), strict=True)
        found = {
            (one.completed.key, one.mirror is None): (one, fit)
            for one, fit in pairs
            if _face(one).expression in names and fit.error < _LOST
        }
        plain = [pair for (_, as_is), pair in found.items() if as_is]
        if len({_face(one).expression for one, _ in plain}) < len(names):
            return None  # hardly any fit has found its face
        # Where a mirror image was not found, the face itself counts twice.
        others = [found.get((one.completed.key, False), (one, fit))[1] for one, fit in plain]
        return cls(
            names=names,
            faces=tuple(_face(one) for one, _ in plain),
            fits=tuple(fit for _, fit in plain),
            mirrored=tuple(others) if training_set.config.mirror else (),
            mean=training_set.pdm.mean,
            seed=training_set.config.seed,
        )

    @property
    def people(self) -> list[str]:
        """Whom each face shows."""
        return [face.subject for face in self.faces]

    @cached_property
    def regression(self) -> ExpressionRegression:
        """What is learned from them."""
        labels = [self.names.index(face.expression) for face in self.faces]
        return ExpressionRegression(
            self._rows(self.fits),
            self._rows(self.mirrored),
            np.array(labels, np.intp),
            self.people,
            self.seed,
        )

    def classifier(self, found: LogOdds) -> ExpressionClassifier:
        """Return the classifier that sees distances and cells, for log-odds of the rows."""
        distances, cells = self._projections
        split = distances.axes.shape[1]
        weights, first = distances.folded(found.weights[:split])
        seen, second = cells.folded(found.weights[split:])
        arrays = (weights, seen, found.offset + first + second, found.typical)
        return ExpressionClassifier(*(array.astype(np.float32) for array in arrays))

    @cached_property
    def _projections(self) -> tuple[Projection, Projection]:
        keys = [face.key for face in self.faces]
        return (
            Projection.of_distances(self._distances(self.fits)),
            Projection.of_cells(_cells(self.fits), keys),
        )

    def _rows(self, fits: tuple[OutOfFoldFit, ...]) -> Floats:
        distances, cells = self._projections
        if not fits:
            return np.zeros((0, distances.axes.shape[1] + cells.axes.shape[1]))
        return np.hstack([distances.rows(self._distances(fits)), cells.rows(_cells(fits))])

    def _distances(self, fits: tuple[OutOfFoldFit, ...]) -> Floats:
        # Rounded, since shapes from the cache and new ones may differ in the last bit, and the
        # regression's solver makes more of it.
        shapes = np.array([fit.shape for fit in fits], np.float32).astype(np.float64)
        return log_distances(shapes, landmark_pairs(self.mean))


def _cells(fits: tuple[OutOfFoldFit, ...]) -> Rows:
    return np.array([fit.cells for fit in fits])


def _face(one: FaceVariant) -> TrainingFace:
    return one.completed.original
