"""What fits to people whom the experts have not seen teach about fits."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from faceloop_datasets.media.images import read_image
from faceloop_datasets.sample import sample_negatives

from .covering import covered
from .groundwork import FOLDS, View, views
from .judges import JudgedFit, Judges, train_judges, train_validator, typical_cells
from .negatives import misplaced, not_faces
from .starts import Jitter

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from faceloop_runtime.regressor import ShapeRegressor
    from faceloop_runtime.validator import FaceValidator

    from .groundwork import Groundwork
    from .rehearsal import Rehearsal

    Rows = NDArray[np.float32]

_MOST_JUDGED = 300
"""Faces that are fitted to learn from. On MUCT 200 rank fits as well as 300 do (rank correlation
.776 and .776 against .783 and .776, two splits), and let one bad fit of 123 more pass."""
_PLACED = 0.05
"""Searches that end this close show the validator a face in its place."""
_DRIFTED = 0.10
"""Fits that end further off show it a face out of its place."""
_FEWEST = 10
_PLAIN, _COVERED, _REACH, _WRONG = 1, 2, 3, 4
"""What random numbers of a view are drawn for."""


@dataclass(frozen=True, eq=False)
class Lessons:
    """What is known about fits.

    Parameters
    ----------
    strength : float
        Of the corrections' ridge.
    validator : FaceValidator
        Tells faces from everything else.
    judges : Judges
        Tell how good a fit is.
    """

    strength: float
    validator: FaceValidator
    judges: Judges


def to_judge(base: Groundwork) -> list[tuple[View, bool]]:
    """Return the views that are fitted, each as it is and every second one covered too."""
    every = views(base, _MOST_JUDGED)
    return [*((view, False) for view in every), *((view, True) for view in every[::2])]


def learn(rehearsal: Rehearsal) -> Lessons:
    """Fit faces from good and from bad starts, and learn to judge that.

    Steps of the rehearsal's work: one for each of `to_judge`.
    """
    base, own = rehearsal.base, rehearsal.corrections(rehearsal.base)
    looked_at, searches = rehearsal.searched(base)
    rehearsal.work.what = "learning to judge fits"
    placed = np.array([one.error < _PLACED for one in searches])
    seen = [
        one.cells for one, good in zip(searches, placed, strict=True) if good or not placed.any()
    ]
    typical = typical_cells(seen, len(base.pdm))
    regressors = [own.without(fold, own.strength) for fold in range(FOLDS)]
    trial = _Trial(rehearsal, regressors, typical)
    plan = to_judge(base)
    fits = rehearsal.work.map(lambda one: trial.fit(*one), plan)
    folds = np.array([view.fold for view, _ in plan])
    far = np.array([not fit.covered and fit.error > _DRIFTED for fit in fits])
    drifted = np.array([fit.signs.whole_face for fit in fits])[far], folds[far]
    enough = placed if placed.sum() >= _FEWEST else placed | True
    whole = np.array([one.whole_face for one in searches])
    faces = whole[enough], np.array([view.fold for view in looked_at])[enough]
    validator, *without = _validators(rehearsal, faces, drifted)
    judges = train_judges(fits, folds, without, base.pdm.mean, typical, base.config.seed)
    return Lessons(own.strength, validator, judges)


class _Trial:
    """Fits of known faces, and how good they are."""

    def __init__(
        self, rehearsal: Rehearsal, regressors: Sequence[ShapeRegressor], typical: Rows
    ) -> None:
        self._rehearsal, self._regressors, self._typical = rehearsal, regressors, typical
        self._textures = [read_image(path, "gray") for path in sample_negatives()]

    def fit(self, view: View, cover: bool) -> JudgedFit:
        """Fit a face, with something held before it if ``cover``."""
        rehearsal, face = self._rehearsal, view.face()
        rng = view.rng(rehearsal.config.seed, _REACH, int(cover))
        # A covered face is not looked for from far off too.
        reach = float(rng.uniform(0.0, 1.5) if cover else rng.uniform(0.5, 3.0))
        hidden = face.measured & ~face.trains_patches
        if cover:
            assert face.picture is not None  # noqa: S101 - known faces have one
            iod = rehearsal.scheme.inter_ocular_distance(face.points)
            picture, under = covered(face.picture, face.points, iod, self._textures, rng)
            face, hidden = replace(face, picture=picture), hidden | under
        run = rehearsal.search(
            view,
            Jitter().times(reach),
            _COVERED if cover else _PLAIN,
            face=face,
            regressors=self._regressors,
        )
        run.correct()
        distances = rehearsal.distances(face, run)
        error = float(np.nanmean(distances[face.measured]))
        rehearsal.work.tick(error=error)
        return JudgedFit(
            signs=run.signs(self._typical),
            error=error,
            point_errors=np.where(face.measured, distances, np.nan),
            hidden=hidden,
            covered=cover,
        )


_Examples = tuple["Rows", "NDArray[np.intp]"]
"""Whole-face features, and the fold of each."""


def _validators(rehearsal: Rehearsal, faces: _Examples, drifted: _Examples) -> list[FaceValidator]:
    """Train the face validator, and for each fold one that never saw it."""
    pdm, channels, seed = rehearsal.pdm, rehearsal.config.channels, rehearsal.config.seed
    shown = views(rehearsal.base, _MOST_JUDGED)
    wrong = rehearsal.work.map(
        lambda view: misplaced(pdm, channels, view.face(), view.rng(seed, _WRONG)), shown
    )
    wrong_folds = np.repeat([view.fold for view in shown], [len(rows) for rows in wrong])
    plain = [view for view in shown if view.mirror is None]
    general, own = not_faces(
        pdm, channels, [v.known.face for v in plain], np.array([v.fold for v in plain])
    )

    def one(fold: int | None) -> FaceValidator:
        others = [general, np.concatenate(wrong)[wrong_folds != fold]]
        others += [rows for f, rows in enumerate(own) if f != fold]
        others.append(drifted[0][drifted[1] != fold])
        return train_validator(faces[0][faces[1] != fold], np.concatenate(others))

    return rehearsal.work.map(one, [None, *range(FOLDS)])
