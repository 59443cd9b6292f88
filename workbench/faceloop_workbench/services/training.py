"""Training a model into a project, or bringing one in, and measuring it against the one before."""

from __future__ import annotations

import tempfile
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from faceloop_datasets import InputError, ModelFileError, Monitor, ProjectError
from faceloop_datasets.files import as_file_name
from faceloop_datasets.staging import content_hash
from faceloop_datasets.wording import enumerated
from faceloop_runtime import FaceModel
from faceloop_trainer import TrainingConfig, train
from faceloop_trainer.cache import Cache
from faceloop_trainer.data.faces import load_faces
from faceloop_trainer.data.split import unseen_faces
from faceloop_trainer.evaluation.measure import measure_models
from faceloop_trainer.evaluation.paired import could_be_chance
from faceloop_trainer.evaluation.protocol import EvaluationProtocol

from . import face_errors
from .comparison import Comparison, ModelErrors
from .findings import findings
from .held_out import measured_as_original
from .model_choice import STARTER
from .regularising import factors_of, factors_text, regularised
from .stage_times import Stopwatch

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from faceloop_datasets import Face, ModelRecord, ProgressLike, Project, Scheme
    from faceloop_trainer import Evaluation
    from faceloop_trainer.data.faces import TrainingFace
    from faceloop_trainer.data.unusable import Unusable

    from .model_choice import ChosenModel

_REGULARISED = "-regularised"
_NOT_OF_A_FILE = ("trained_faces", "trained_people", "expressions", "comparison")
"""What a model file says of itself elsewhere, or what only the project knows."""
_MOST_NAMES = 4
"""Expressions that a reason names, of those that a model has learned."""


@dataclass(frozen=True, eq=False)
class TrainedModel:
    """A model that was trained and registered.

    Parameters
    ----------
    record : ModelRecord
        The model in the project.
    report : mapping
        Settings, counts and metrics of the training.
    evaluation : Evaluation or None
        Errors on the subjects that were kept aside; None if there were too few.
    comparison : Comparison
        The new model against the one before.
    unusable : tuple of Unusable
        Faces that could not be trained on, and why.
    warnings : tuple of str
        What a person should know of the faces, one sentence each.
    scheme : Scheme
        The project's.
    """

    record: ModelRecord
    report: Mapping[str, Any]
    evaluation: Evaluation | None
    comparison: Comparison
    unusable: tuple[Unusable, ...]
    warnings: tuple[str, ...]
    scheme: Scheme

    @property
    def in_use(self) -> bool:
        """Whether it was taken into use."""
        return self.comparison.use

    @property
    def because(self) -> str:
        """Why it was, or was not."""
        return self.comparison.because

    def to_dict(self) -> dict[str, Any]:
        """Values for JSON."""
        record = self.record
        return {
            "model": record.name,
            "file": record.file,
            "in_use": self.in_use,
            "because": self.because,
            "warnings": self.warnings,
            "report": self.report,
        }


def train_into(
    project: Project,
    config: TrainingConfig,
    *,
    faces: Sequence[Face] | None = None,
    progress: ProgressLike = None,
) -> TrainedModel:
    """Train a model on a project's faces and register it there, unless that very model is there.

    It becomes the model in use if it is the first, or not worse than the one in use on the
    faces that both were not trained on.

    Parameters
    ----------
    project : Project
        Where the faces are.
    config : TrainingConfig
        Settings of the training.
    faces : sequence of Face, optional
        The project's, if they are at hand.
    progress : Monitor or callable, optional
        Told each step; a monitor may stop the work between steps.

    Raises
    ------
    TrainingError
        If the faces cannot be trained on.
    Cancelled
        If the monitor stopped it; the project is as it was.
    ProjectError
        If the project cannot be written.
    """
    project.require_role("reviewer")
    watch = Stopwatch()
    monitor = Monitor.of(progress).also(watch)
    faces = project.faces() if faces is None else faces
    result = train(project, config, faces=faces, progress=monitor)
    comparison = _ModelComparison(project, faces, result.model, config.seed, monitor).run(
        result.evaluation, result.held_out
    )
    metrics = {
        **({} if result.evaluation is None else result.evaluation.metrics()),
        "trained_faces": result.report["pictured"],
        "trained_people": result.report["subjects"],
        "expressions": result.report.get("expressions"),
        "settings": asdict(config),
        "stages": [stage.to_dict() for stage in watch.stages()],
        "comparison": comparison.to_dict(),
        "unusable": len(result.unusable),
        "inputs": result.inputs,
        "training_inputs": result.training_inputs,
        **findings(project, faces, result, config.seed, monitor),
        face_errors.KEY: face_errors.face_errors(result.evaluation),
    }
    with tempfile.TemporaryDirectory() as folder:
        file = _named_file(folder, f"{project.scheme.name}-{config.experts}")
        result.model.save(file)
        same = _same_model(project, file, result.inputs)
        record = project.add_model(file, metrics) if same is None else same
    active = project.active_model
    if same is not None:
        because = f"the training made {same.name} once more, and no second one is kept"
        if active is not None and active.id == same.id:  # it was compared with itself
            comparison = replace(comparison, use=True, because=because)
        else:
            comparison = replace(comparison, because=f"{comparison.because}; {because}")
    if comparison.use:
        project.use_model(record.id)
    return TrainedModel(
        record=record,
        report=result.report,
        evaluation=result.evaluation,
        comparison=comparison,
        unusable=result.unusable,
        warnings=result.warnings,
        scheme=project.scheme,
    )


def _same_model(project: Project, file: Path, inputs: str) -> ModelRecord | None:
    """Return the project's model of this very file, if it was measured on the same faces too."""
    digest = content_hash(file)
    for record in project.models():
        known = record.sha256 == digest and record.metrics.get("inputs") == inputs
        if known and record.file.is_file():
            return record
    return None


def import_model(
    project: Project,
    file: Path,
    *,
    progress: ProgressLike = None,
) -> ModelRecord:
    """Copy a model from elsewhere into a project, measured on the project's faces.

    It is not taken into use.

    Parameters
    ----------
    project : Project
        Where it goes.
    file : Path
        The ``.safetensors`` file.
    progress : Monitor or callable, optional
        Told each step; a monitor may stop the work between steps.

    Raises
    ------
    ModelFileError
        If the file is no model.
    ProjectError
        If the model has other points than the project, or the project cannot be written.
    Cancelled
        If the monitor stopped it; the project is as it was.
    """
    model = FaceModel.load(file)
    if model.scheme.name != project.scheme.name:
        raise ProjectError(
            f"The model {file.name} has the points of {model.scheme.name}, the project "
            f"{project.name} has those of {project.scheme.name}. Import a model of "
            f"{project.scheme.name}."
        )
    found = _measured(project, model, Monitor.of(progress))
    return project.add_model(file, found, note=f"imported from {file.name}")


def regularise_into(
    project: Project,
    chosen: ChosenModel,
    factors: Mapping[int, float],
    *,
    progress: ProgressLike = None,
) -> ModelRecord:
    """Make a model with other factors of its prior, measured as the one it is made of was.

    It is not taken into use, and the model that it is made of stays as it is. Where the project
    does not say how that was measured, it is measured on all faces that neither it nor the model
    in use was trained on.

    Parameters
    ----------
    project : Project
        Where it goes; its points are the model's.
    chosen : ChosenModel
        What it is made of.
    factors : mapping of int to float
        See `faceloop_workbench.services.regularising.regularised`.
    progress : Monitor or callable, optional
        Told each step; a monitor may stop the work between steps.

    Raises
    ------
    InputError
        If there is no such component, a factor is out of range, or they change nothing.
    ModelFileError
        If the model is too old to hold factors.
    ProjectError
        If the project cannot be written.
    Cancelled
        If the monitor stopped it; the project is as it was.
    """
    made, monitor = regularised(chosen, factors).model, Monitor.of(progress)
    _need_change(chosen, made)
    name = chosen.name.removesuffix(_REGULARISED) + _REGULARISED
    with tempfile.TemporaryDirectory() as folder:
        file = _named_file(folder, name)
        made.save(file)  # before it is measured, which takes longer
        found = _measured(project, made, monitor, _measured_faces(project, chosen.name))
        own = {key: value for key, value in found.items() if key not in _NOT_OF_A_FILE}
        replace(made, provenance={**made.provenance, "metrics": own}).save(file)
        return project.add_model(file, found, note=f"{chosen.name} with {factors_text(made)}")


def _named_file(folder: str, name: str) -> Path:
    """Return a file in a folder, also for what a stranger's project calls ``../../x``."""
    return Path(folder) / as_file_name(f"{name}.safetensors")


def _need_change(chosen: ChosenModel, made: FaceModel) -> None:
    if np.array_equal(factors_of(made.pdm), factors_of(chosen.model.pdm)):
        raise InputError(
            f"{chosen.name} has these factors already ({factors_text(made)}); nothing would change."
        )


def _measured_faces(project: Project, name: str) -> object:
    """Return on how many faces a model of the project was measured, if the project says so."""
    found = [record.metrics.get("faces") for record in project.models() if record.name == name]
    return found[-1] if found else None


def _measured(
    project: Project, model: FaceModel, monitor: Monitor, faces: object = None
) -> dict[str, Any]:
    """Measure a model that was not trained here, against the one in use too.

    ``faces`` is on how many faces the model that it is a copy of was measured, see
    `faceloop_workbench.services.held_out`.
    """
    held_out = None if faces is None else measured_as_original(project, model, faces, monitor)
    comparison = _ModelComparison(project, project.faces(), model, 0, monitor).run(held_out)
    own = {} if comparison.new is None else comparison.new.figures
    return {
        **(own if held_out is None else held_out.metrics()),
        "trained_faces": model.provenance.get("pictured"),
        "trained_people": model.provenance.get("subjects"),
        "expressions": model.provenance.get("expressions"),
        "comparison": comparison.to_dict(),
    }


class _ModelComparison:
    """Measures a new model and the one in use on faces that both have not seen.

    Both start from the same places in the same pictures, so that they differ in nothing else. Where
    the one in use has not seen those either that the new one was measured on, it is these.
    """

    def __init__(
        self,
        project: Project,
        faces: Sequence[Face],
        new: FaceModel,
        seed: int,
        monitor: Monitor,
    ) -> None:
        self._project, self._every, self._new = project, faces, new
        self._protocol, self._monitor = EvaluationProtocol(seed=seed), monitor
        self._cache = Cache(project.cache)

    def run(self, held_out: Evaluation | None, shown: Sequence[TrainingFace] = ()) -> Comparison:
        """Compare; ``held_out`` is what is known about the new one already, of ``shown``."""
        active = self._project.active_model
        name = STARTER if active is None else active.name
        first = active is None
        alone = None if held_out is None else ModelErrors.of(held_out)
        people = 0 if held_out is None else len(set(held_out.subjects))
        kind = "person" if held_out is None else held_out.kind
        try:
            old = FaceModel.starter() if active is None else FaceModel.load(active.file)
        except ModelFileError:
            because = f"{name}, the one before, cannot be loaded any more"
            return Comparison(alone, None, name, people, True, because, kind)
        found = self._measured(old, held_out, shown)
        if not found:
            because = "it is the first" if first else self._why_not(name, held_out)
            return Comparison(alone, None, "" if first else name, people, first, because, kind)
        new, before = map(ModelErrors.of, found)
        ours, theirs = (m.figures.get("nme_mean", np.inf) for m in (new, before))
        because = f"NME {ours:.4f} against {theirs:.4f} of {name}, on the same faces"
        by_chance = could_be_chance(found[0], found[1])
        if by_chance:
            because += "; the difference could be chance"
        gained = sorted({*self._new.expression_names} - {*old.expression_names})
        if gained:
            because += f"; it knows {enumerated(gained, _MOST_NAMES)}, the other does not"
        people = len(set(found[0].subjects))
        # To the digits that are shown: no face is annotated more exactly.
        use = round(ours, 4) <= round(theirs, 4) or (by_chance and bool(gained))
        return Comparison(new, before, name, people, use, because, found[0].kind)

    def _measured(
        self, old: FaceModel, held_out: Evaluation | None, shown: Sequence[TrainingFace]
    ) -> Sequence[Evaluation]:
        """Measure the new model and the old one; nothing where no face is unseen by both."""
        if old.scheme.name != self._new.scheme.name:
            return ()
        faces = unseen_faces(self._every, self._new.provenance, old.provenance)
        scale = max(model.experts[-1].scale for model in (self._new, old))
        known = shown and scale == self._new.experts[-1].scale
        if held_out is not None and known and {f.item_id for f in faces} >= set(held_out.items):
            return held_out, self._measure((old,), shown)[0]
        loaded, _ = load_faces(
            self._new.scheme,
            faces,
            scale,
            seed=self._protocol.seed,
            cache=self._cache,
            progress=self._monitor,
        )
        measurable = [face for face in loaded if face.measures]
        return self._measure((self._new, old), measurable) if measurable else ()

    def _measure(
        self, models: Sequence[FaceModel], faces: Sequence[TrainingFace]
    ) -> list[Evaluation]:
        return measure_models(
            models,
            faces,
            len(faces),
            self._protocol,
            cache=self._cache,
            progress=self._monitor,
        )

    @staticmethod
    def _why_not(name: str, held_out: Evaluation | None) -> str:
        if held_out is None:
            return f"there are too few people to compare it with {name}"
        return f"there is no face that neither it nor {name} was trained on"
