"""Fits to people whom the experts have not seen, and what is learned from them.

The people of each fold are searched and fitted by experts that were trained without them. How far
responses may be trusted, how strong corrections should be and how to judge a fit are learned from
that. It is most of the work of a training and hardly changes with a few corrected faces: so it is
done for a project's base (`faceloop_trainer.base`) and kept.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from faceloop_datasets import TrainingError
from faceloop_runtime.fit.fitter import FROM_START, FitRun
from faceloop_runtime.model import FaceModel
from faceloop_runtime.pdm import PointDistributionModel, face_extent
from faceloop_runtime.quality import (
    VALIDATOR_SCALE,
    ConformalCalibration,
    ErrorPredictor,
    FaceValidator,
    PointNetwork,
    PointPredictor,
)
from faceloop_runtime.regressor import ShapeRegressor
from faceloop_runtime.responses.cpu import CpuResponses
from faceloop_runtime.responses.experts import PatchExperts, crop_size

from .cache import key_of
from .groundwork import FOLDS, Groundwork, View, dealt_by_name, views
from .judges import Judges
from .lessons import Lessons, learn, to_judge
from .packing import pack, unpack
from .patches import Calibration, FoldedExperts, calibration_faces
from .searches import Search, Shelf, corrections
from .starts import Jitter, jittered_pose

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Self

    from numpy.typing import NDArray

    from faceloop_datasets import Scheme

    from .cache import Cache
    from .config import TrainingConfig
    from .patches import ScaleTraining
    from .regression import Corrections
    from .trainingset import TrainingFace
    from .work import Work

_KIND = "rehearsals"
_MOST_SEARCHED = 2000
"""Of more faces than this some are searched: the time of the corrections grows with their square,
and a thousand faces take a quarter of a gigabyte."""


@dataclass(frozen=True, eq=False)
class Prepared:
    """What searches need.

    Parameters
    ----------
    pdm : PointDistributionModel
        The shapes that are searched for.
    experts : tuple of FoldedExperts
        By scale, the initialiser's last.
    """

    pdm: PointDistributionModel
    experts: tuple[FoldedExperts, ...]


_CLASSES: dict[str, type] = {
    kind.__name__: kind
    for kind in (
        PatchExperts,
        Calibration,
        FoldedExperts,
        FaceValidator,
        ErrorPredictor,
        PointNetwork,
        PointPredictor,
        ConformalCalibration,
        Judges,
        Lessons,
        PointDistributionModel,
        Prepared,
    )
}
"""What is kept of a rehearsal."""


class Rehearsal:
    """Experts of each fold, the searches they make, and what those teach.

    Parameters
    ----------
    scheme : Scheme
        The landmarks.
    faces : sequence of TrainingFace
        The faces to learn from.
    config : TrainingConfig
        Settings.
    cache : Cache
        What earlier trainings kept.
    work : Work
        Counts the steps; what was kept takes none.
    """

    def __init__(
        self,
        scheme: Scheme,
        faces: Sequence[TrainingFace],
        config: TrainingConfig,
        cache: Cache,
        work: Work,
    ) -> None:
        self.scheme, self.config, self.work = scheme, config, work
        self._faces, self._cache = faces, cache
        self._prepared: Prepared | None = self._load("experts")
        self._lessons: Lessons | None = self._load("lessons")
        self._shelf = Shelf(cache, self._key)
        self._own: Corrections | None = None
        self._ground: Groundwork | None = None

    @classmethod
    def on(
        cls, ground: Groundwork, faces: Sequence[TrainingFace], cache: Cache, work: Work
    ) -> Self:
        """Rehearse on faces whose groundwork is laid already."""
        made = cls(ground.scheme, faces, ground.config, cache, work)
        made._ground = ground
        return made

    @property
    def base(self) -> Groundwork:
        """The faces to learn from, ready for it. What was kept can do without."""
        if self._ground is None:
            self._ground = Groundwork.of(self.scheme, self._faces, self.config)
        return self._ground

    def is_on(self, ground: Groundwork) -> bool:
        """Whether this is the groundwork that is rehearsed on."""
        return self._ground is ground

    @property
    def pdm(self) -> PointDistributionModel:
        """The shapes that are searched for."""
        return self.base.pdm if self._prepared is None else self._prepared.pdm

    def serves(self, today: Groundwork) -> bool:
        """Whether faces are seen and described here as they are today, so that it teaches."""
        faces = [known.face for known in today.faces]
        if not all(dealt_by_name(some, self.config.seed) for some in (self._faces, faces)):
            return False
        try:
            models = self.pdm, today.pdm
        except TrainingError:  # there were too few faces then
            return False
        sizes = {crop_size(face_extent(pdm), VALIDATOR_SCALE, 1) for pdm in models}
        return len(sizes) == len({len(pdm.variances) for pdm in models}) == 1

    @property
    def kept(self) -> bool:
        """Whether all that does not depend on today's faces was kept from an earlier training."""
        return self._prepared is not None and self._lessons is not None

    @cached_property
    def _key(self) -> str:
        config = replace(self.config, limit=None, holdout=0.0)
        parts: list[object] = [asdict(config), self.scheme.to_toml()]
        for face in self._faces:
            parts += [face.subject, face.key, face.measured, *face.backgrounds]
        return key_of(*parts)

    def _load(self, what: str) -> Any:
        arrays = self._cache.load(_KIND, f"{self._key}-{what}")
        return None if arrays is None else unpack(arrays, _CLASSES)

    def _save(self, what: str, value: object) -> None:
        self._cache.save(_KIND, f"{self._key}-{what}", pack(value))

    def steps(self, today: Groundwork) -> int:
        """Return how many steps a training on the faces of today takes here."""
        grounds, count = [today], self.expert_steps(today)
        if self._lessons is None:
            grounds.append(self.base)
            count += len(to_judge(self.base))
        names = {view.name for ground in grounds for view in views(ground, _MOST_SEARCHED)}
        return count + len(self._shelf.missing(list(names)))

    def expert_steps(self, today: Groundwork) -> int:
        """Return how many of them the experts take."""
        if self._prepared is not None:
            return 0
        base = self.base
        each = len(calibration_faces(base.faces)) + (0 if self.is_on(today) else len(base.faces))
        return (len(base.config.scales) + 1) * each

    # Experts

    def experts(
        self, trainings: Sequence[ScaleTraining] | None = None
    ) -> tuple[FoldedExperts, ...]:
        """Return the experts of each scale, the initialiser's last.

        Parameters
        ----------
        trainings : sequence of ScaleTraining, optional
            What `Groundwork.experts` of the base returned, if it was asked already.
        """
        if self._prepared is None:
            own = trainings or self.base.experts(self._cache, self.work)
            experts = tuple(self.work.map(lambda one: one.folded(), own))
            self._prepared = Prepared(self.pdm, experts)
            self._save("experts", self._prepared)
        return self._prepared.experts

    @cached_property
    def _searchers(self) -> list[FaceModel]:
        """By fold, a model that can search, but neither correct nor judge."""
        *scales, initialiser = self.experts()
        pdm, none = self.pdm, np.zeros(0, np.float32)
        return [
            FaceModel(
                scheme=self.scheme,
                pdm=pdm,
                channels=self.config.channels,
                experts=tuple(scale.without[fold] for scale in scales),
                regressor=ShapeRegressor(none, none),
                initialiser=initialiser.without[fold],
                validator=FaceValidator(none, 0.0),
                error_predictor=ErrorPredictor.blank(len(pdm), len(pdm.variances)),
            )
            for fold in range(FOLDS)
        ]

    @cached_property
    def _backends(self) -> list[CpuResponses]:
        return [CpuResponses(model.experts) for model in self._searchers]

    # Searches and fits

    def search(
        self,
        view: View,
        jitter: Jitter,
        purpose: int = 0,
        *,
        face: TrainingFace | None = None,
        regressors: Sequence[ShapeRegressor] | None = None,
    ) -> FitRun:
        """Look for a face from a wrong start, with experts that never saw the person.

        Parameters
        ----------
        view : View
            Whom to look for.
        jitter : Jitter
            How wrong the start is.
        purpose : int
            Another one starts elsewhere.
        face : TrainingFace, optional
            What to look at, if that is another picture of it.
        regressors : sequence of ShapeRegressor, optional
            By fold; the run can then be corrected.
        """
        model, seen = self._searchers[view.fold], face or view.face()
        if regressors is not None:
            model = replace(model, regressor=regressors[view.fold])
        iod = model.scheme.inter_ocular_distance(seen.points)
        rng = view.rng(self.config.seed, purpose)
        pose = jittered_pose(model.pdm, seen.points, iod, jitter, rng)
        assert seen.picture is not None  # noqa: S101 - known faces have one
        run = FitRun(model, self._backends[view.fold], seen.picture, pose, None)
        run.search(FROM_START)
        return run

    def searched(self, ground: Groundwork) -> tuple[list[View], list[Search]]:
        """Search the faces of a groundwork, those that were not searched yet."""
        wanted = {view.name: view for view in views(ground, _MOST_SEARCHED)}
        missing = self._shelf.missing(list(wanted))

        def search(name: str) -> Search:
            run = self.search(wanted[name], Jitter())
            face = wanted[name].face()
            error = float(np.nanmean(self.distances(face, run)[face.measured]))
            self.work.tick(error=error)
            return Search.of(run, error)

        self._shelf.add(dict(zip(missing, self.work.map(search, missing), strict=True)))
        return list(wanted.values()), self._shelf.take(list(wanted))

    def corrections(self, ground: Groundwork) -> Corrections:
        """Return what searches for the faces of a groundwork needed to be corrected by."""
        own = self.is_on(ground)
        if own and self._own is not None:
            return self._own
        looked_at, searches = self.searched(ground)
        folds = np.array([view.fold for view in looked_at])
        points = [view.points() for view in looked_at]
        found = corrections(ground.pdm, points, searches, folds)
        if own:
            self._own = found
        return found

    def distances(self, face: TrainingFace, run: FitRun) -> NDArray[np.float64]:
        """Return how far each point of a fit is off, in IOD, (N,)."""
        points = run.pose.apply(self.pdm.shape(run.b))
        iod = self.scheme.inter_ocular_distance(face.points)
        return np.asarray(np.linalg.norm(points - face.points, axis=1) / iod)

    def lessons(self) -> Lessons:
        """Return what fits to unknown people teach."""
        if self._lessons is None:
            self._lessons = learn(self)
            self._save("lessons", self._lessons)
        return self._lessons
