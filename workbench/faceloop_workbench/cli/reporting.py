"""The command that writes a report."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from .console import say, show_json
from .monitoring import progress_monitor
from .options import JsonOption, ModelOption, ProjectOption, SchedulerOption, SeedOption
from .training import Start, show_metrics, show_warnings

if TYPE_CHECKING:
    from faceloop_trainer.report import Report


def report(
    project: ProjectOption,
    out: Annotated[
        Path, typer.Option("--out", "-o", help="Folder of the report.", show_default=False)
    ],
    model: ModelOption = None,
    against: Annotated[
        str | None,
        typer.Option(help="Compare with this model, file or name.", show_default=False),
    ] = None,
    cross_validate: Annotated[
        int | None,
        typer.Option(
            min=2,
            metavar="K",
            help="Train K times, each time without a part of the people.",
            show_default=False,
        ),
    ] = None,
    learning_curve: Annotated[
        bool, typer.Option("--learning-curve", help="Train on more and more faces.")
    ] = False,
    pictures: Annotated[
        bool, typer.Option("--pictures", help="Show the worst faces: mind whom they show.")
    ] = False,
    start: Annotated[Start, typer.Option(help="Where each fit begins.")] = Start.jitter,
    seed: SeedOption = 0,
    scheduler: SchedulerOption = None,
    json: JsonOption = False,
) -> None:
    """Write what a model is worth: one HTML page with figures and charts, and these as PNG.

    It is measured on the people that it was not trained on; with --against, on those that neither
    model was. Cross-validation needs no model.

    Example: faceloop report --project faces --model second --against first --out report
    """
    from faceloop_datasets import Project, use_scheduler
    from faceloop_datasets.wording import counted
    from faceloop_trainer.report import ReportOptions
    from faceloop_workbench.services.reporting import report_on

    wanted = ReportOptions(start.value, cross_validate, learning_curve, pictures, seed)
    with (
        Project.open(project) as opened,
        progress_monitor() as monitor,
        use_scheduler(scheduler),
    ):
        made, files = report_on(opened, model, against, wanted, out, progress=monitor)
    if json:
        show_json({**made.to_dict(), "files": files})
        return
    _show(made)
    say(f"Wrote {files[0]} and {counted(len(files) - 1, 'picture')}.")


def _show(made: Report) -> None:
    show_warnings(made.warnings)
    if made.unmeasured:
        say(made.unmeasured)
    for one in (made.model, made.other, made.pooled):
        if one is not None:
            say(one.name)
            show_metrics(one.evaluation.metrics())
    if made.test is not None and made.model is not None and made.other is not None:
        say(made.test.sentence(made.model.name, made.other.name))
