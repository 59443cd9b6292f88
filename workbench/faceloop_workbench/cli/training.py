"""Commands that train and measure models."""

from __future__ import annotations

from contextlib import ExitStack
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from .console import Column, note, say, show_json, show_table, show_values
from .monitoring import progress_monitor
from .options import (
    START_HELP,
    DetectorOption,
    FitStart,
    JsonOption,
    ModelOption,
    ProjectOption,
    SchedulerOption,
    SeedOption,
    kept_files,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from faceloop_datasets import ModelRecord
    from faceloop_workbench.services.training import TrainedModel


class Experts(StrEnum):
    """How patch experts are trained."""

    ridge = "ridge"
    mosse = "mosse"
    svm = "svm"
    logistic = "logistic"


class Modes(StrEnum):
    """Which components a shape model has."""

    principal = "principal"
    varimax = "varimax"
    sparse = "sparse"


class Start(StrEnum):
    """Where a fit begins when a model is measured."""

    jitter = "jitter"
    detector = "detector"


def train(
    project: ProjectOption,
    experts: Annotated[
        Experts, typer.Option(help="How patch experts are trained.")
    ] = Experts.ridge,
    modes: Annotated[
        Modes,
        typer.Option(
            help="Shape components: principal ones; varimax, each moving mostly one part of the "
            "face; sparse, leaving the rest exactly where it is."
        ),
    ] = Modes.principal,
    limit: Annotated[
        int | None, typer.Option(min=2, help="Train on at most so many faces.", show_default=False)
    ] = None,
    seed: SeedOption = 0,
    anyway: Annotated[
        bool, typer.Option("--anyway", help="Train also if nothing that trains has changed.")
    ] = False,
    scheduler: SchedulerOption = None,
    json: JsonOption = False,
) -> None:
    """Train a model on the project's faces.

    A fifth of the subjects is kept aside and measures it. It becomes the model in use unless the
    one before is better. Where the faces that train, settings and faceloop are those of a model
    of the project, no model is made. Ctrl-C leaves the project as it was.

    Example: faceloop train --project faces
    """
    from faceloop_datasets import Project, use_scheduler
    from faceloop_trainer import TrainingConfig
    from faceloop_workbench.services.ending import end_quickly
    from faceloop_workbench.services.unchanged import unchanged_since

    end_quickly()
    config = TrainingConfig(experts=experts.value, modes=modes.value, limit=limit, seed=seed)
    with Project.open(project) as opened, progress_monitor() as monitor:
        monitor.tell(0, None, "looking for what changed")
        faces = opened.faces()
        same = None if anyway else unchanged_since(opened, config, faces)
        if same is not None:
            _show_unchanged(same, opened.active_model, json)
            return
        from faceloop_workbench.services.training import train_into  # only where it trains

        with use_scheduler(scheduler):
            trained = train_into(opened, config, faces=faces, progress=monitor)
    if json:
        show_json(trained.to_dict())
    else:
        show_trained(trained)


def _show_unchanged(same: ModelRecord, active: ModelRecord | None, json: bool) -> None:
    from faceloop_workbench.services.unchanged import unchanged_text

    if json:
        used = active is not None and active.id == same.id
        show_json({"model": same.name, "file": same.file, "in_use": used, "unchanged": True})
    else:
        say(f"{unchanged_text(same, active)} --anyway trains again.")


def evaluate(
    project: ProjectOption,
    model: ModelOption = None,
    start: Annotated[
        Start,
        typer.Option(
            help="Where each face is looked for: jitter, near where it is known to be; detector, "
            "where the detector finds it."
        ),
    ] = Start.jitter,
    detector: DetectorOption = "auto",
    fit_start: Annotated[FitStart, typer.Option(help=START_HELP)] = FitStart.auto,
    seed: SeedOption = 0,
    plot: Annotated[
        Path | None,
        typer.Option(help="Picture of the cumulative errors: .png.", show_default=False),
    ] = None,
    scheduler: SchedulerOption = None,
    json: JsonOption = False,
) -> None:
    """Measure a model on subjects that it was not trained on.

    Example: faceloop evaluate --project faces --start detector --plot ced.png
    """
    from faceloop_datasets import Project, use_scheduler
    from faceloop_datasets.outputs import (
        refuse_in_project,
        refuse_to_replace,
        refuse_unwritable,
        require_ending,
    )
    from faceloop_runtime import Detector
    from faceloop_trainer import EvaluationProtocol
    from faceloop_trainer import evaluate as measure
    from faceloop_trainer.data.data_warnings import data_warnings
    from faceloop_workbench.services.model_choice import choose_model

    if plot is not None:
        require_ending(plot, (".png",), "a picture of errors")
    with ExitStack() as stack:
        opened = stack.enter_context(Project.open(project))
        refuse_to_replace([plot], kept_files(model, opened))
        refuse_in_project([plot])
        if plot is not None:
            refuse_unwritable(plot)
        chosen = choose_model(model, opened)
        monitor = stack.enter_context(progress_monitor())
        warnings = data_warnings(opened.faces(), opened.scheme)
        finder = Detector(detector)
        protocol = EvaluationProtocol(
            start=start.value, seed=seed, detector=finder, fit_start=fit_start.value
        )
        with use_scheduler(scheduler):
            found = measure(opened, chosen.model, protocol, progress=monitor)
    if plot is not None:
        found.plot(plot)
    values = {
        "model": chosen.name,
        "start": start.value,
        "detector": str(finder.method),
        "fit_start": fit_start.value,
        "warnings": warnings,
        **found.to_dict(),
    }
    if json:
        show_json({**values, "warnings": warnings, "plot": plot})
        return
    show_warnings(warnings)
    found_by = str(finder.method) if start is Start.detector else "known"
    say(f"{chosen.name}; faces: {found_by}; start of their fits: {fit_start.value}")
    show_metrics(values)
    show_groups(values["per_group"])
    if plot is not None:
        say(f"Wrote {plot}.")


def show_trained(trained: TrainedModel) -> None:
    """Show what a training came to."""
    from faceloop_workbench.services.expression_text import expressions_text
    from faceloop_workbench.services.meaning import meaning_text

    show_warnings(trained.warnings)
    show_metrics(trained.record.metrics)
    if meaning := meaning_text(trained.record.metrics, trained.scheme):
        say(meaning)
    if known := expressions_text(trained.record.metrics.get("expressions")):
        say(known)
    say(f"Trained {trained.record.name}: {trained.record.file}")
    say(f"It is {'in use' if trained.in_use else 'not in use'}: {trained.because}.")


def show_warnings(warnings: Iterable[str]) -> None:
    """Show what a person should know before believing a result."""
    for warning in warnings:
        note(f"Warning: {warning}")


def show_metrics(metrics: Mapping[str, Any]) -> None:
    """Show what `faceloop_trainer.Evaluation.metrics` says, in words."""
    from faceloop_datasets.subjects import count_of
    from faceloop_datasets.wording import counted

    if "nme_mean" not in metrics:
        say("Not measured: no face was kept aside, or none was found.")
        return
    show_values(
        {
            "measured on": f"{counted(metrics['faces'], 'face')} of "
            f"{count_of(metrics['subjects'], metrics.get('subject_kind', 'person'))}",
            "NME mean": f"{metrics['nme_mean']:.4f}",
            "NME median": f"{metrics['nme_median']:.4f}",
            "NME p95": f"{metrics['nme_p95']:.4f}",
            "AUC@0.08": f"{metrics['auc_08']:.3f}",
            "failures": f"{metrics['failures']} ({metrics['failure_rate']:.1%}), "
            f"{metrics['not_found']} of them not found",
        }
    )


def show_groups(groups: Mapping[str, float]) -> None:
    """Show the error of each part of the face."""
    rows = [(name, f"{error:.4f}") for name, error in groups.items()]
    show_table(("part of the face", Column("NME", number=True)), rows)
