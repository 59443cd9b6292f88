"""A report on a project's model, as the command line and the window make it."""

from __future__ import annotations

from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING

from faceloop_datasets.files import REPORTS, as_file_name
from faceloop_datasets.outputs import refuse_in_project, refuse_to_replace
from faceloop_trainer.report import Report, ReportOptions, make_report, report_files, write_report

from .model_choice import choose_model

if TYPE_CHECKING:
    from faceloop_datasets import ProgressLike, Project


def report_on(
    project: Project,
    model: str | None,
    against: str | None,
    wanted: ReportOptions,
    folder: Path | None = None,
    *,
    progress: ProgressLike = None,
) -> tuple[Report, list[Path]]:
    """Measure models on the people they have not seen, and write a report.

    Parameters
    ----------
    project : Project
        Gives faces and models.
    model, against : str or None
        As `choose_model` takes them. Where no model is named and none is in use, only the
        training is reported on, if that is wanted.
    wanted : ReportOptions
        What else is in it.
    folder : Path, optional
        Where it is written; by default a folder of the model's name among the project's reports.
    progress : Monitor or callable, optional
        Told each step; a monitor may stop the work between steps.

    Returns
    -------
    report : Report
        What was measured.
    files : list of Path
        What was written, the page first.

    Raises
    ------
    TrainingError
        If there is nobody to measure on.
    ProjectError, ModelFileError
        If a model cannot be used.
    InputError
        If the folder cannot be written or lies in a project, but for its reports, or a file there
        is one of the project's or its pictures.
    Cancelled
        If the monitor stopped it; nothing has been written.
    """
    names = [model] if against is None else [model, against]
    training_only = names == [None] and (wanted.parts is not None or wanted.curve)
    if training_only and project.active_model is None:
        names = []
    if folder is not None:
        read = (Path(name) for name in names if name is not None)
        refuse_to_replace(report_files(folder), chain(read, project.files()))
        refuse_in_project(report_files(folder))
    chosen = [choose_model(name, project) for name in names]
    models = [(one.name, one.model) for one in chosen]
    report = make_report(project, models, wanted, progress=progress)
    if folder is None:
        folder = project.path / REPORTS / as_file_name(chosen[0].name if chosen else "training")
    return report, write_report(report, folder)
