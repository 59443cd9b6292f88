"""Commands on the models of a project."""

from __future__ import annotations

from pathlib import Path
from textwrap import fill
from typing import TYPE_CHECKING, Annotated, Any

import typer

from .console import Column, note, say, show_json, show_table, show_values
from .model_keeping import delete_models, pin_model, unpin_model
from .monitoring import progress_monitor
from .options import JsonOption, ModelOption, OptionalProject, ProjectOption, kept_files

if TYPE_CHECKING:
    from collections.abc import Sequence

    from faceloop_datasets import ModelRecord, Project

_SHOWN = 12
"""Entries of a list that are shown to people."""
_WIDTH = 80
"""Letters of a line of text."""

model = typer.Typer(no_args_is_help=True, help="The models of a project.")
model.command("pin")(pin_model)
model.command("unpin")(unpin_model)
model.command("delete")(delete_models)


@model.command("list")
def list_models(project: ProjectOption, json: JsonOption = False) -> None:
    """List the models of a project; a star marks the one in use, a p those that are pinned.

    Errors (NME) can be compared where they were measured on as many faces.

    Example: faceloop model list --project faces
    """
    from faceloop_datasets import Project

    with Project.open(project) as opened:
        records, active = opened.models(), opened.active_model
    values = [_record_values(record, active) for record in records]
    if json:
        show_json({"models": values})
        return
    columns = (
        "",
        Column("number", number=True),
        "name",
        Column("NME", number=True),
        Column("on faces", number=True),
        "made",
        "note",
    )
    rows = [
        (
            "*" * v["in_use"] + "p" * v["pinned"],
            v["id"],
            v["name"],
            _error(v["metrics"]),
            _measured_faces(v["metrics"]),
            f"{v['created']:%Y-%m-%d %H:%M}",
            v["note"],
        )
        for v in values
    ]
    show_table(columns, rows)
    if not values:
        note(f"No model yet: faceloop train --project {project}")


@model.command("show")
def show_model(
    name: Annotated[
        str | None,
        typer.Argument(metavar="[MODEL]", help="Name or number; the one in use by default."),
    ] = None,
    project: OptionalProject = None,
    json: JsonOption = False,
) -> None:
    """Show what a model is made of and what it was trained on.

    MODEL is a model of --project or a model file, also one of clmtrackr's (.js, .json), or
    starter, which it is without both too.

    Example: faceloop model show --project faces
    """
    from faceloop_datasets import Project
    from faceloop_workbench.services.model_choice import choose_tracker

    if project is None:
        chosen = choose_tracker(name, None)
    else:
        with Project.open(project) as opened:
            chosen = choose_tracker(name, opened)
            if name is None and opened.active_model is None:
                note(f"The project {opened.name} has no model in use: this is the starter.")
    values = {"name": chosen.name, **chosen.model.summary()}
    if json:
        show_json(values)
    else:
        _show_model(values)


def _show_model(values: dict[str, Any]) -> None:
    """Show what a model is made of; how it names expressions as a table."""
    from faceloop_trainer.expressions import ExpressionAssessment
    from faceloop_workbench.services.expression_text import expressions_text

    known = dict(values.get("provenance", {}))
    assessed = ExpressionAssessment.from_dict(known.pop("expressions", None))
    show_values(_flat({**values, "provenance": known}))
    if assessed is None:
        return
    told = f"{expressions_text(assessed.to_dict())} Rows: labelled; columns: named, by number."
    say(f"\n{fill(told, _WIDTH)}")
    numbers = range(1, len(assessed.names) + 1)
    columns = [Column(str(number), number=True) for number in numbers]
    named = zip(numbers, assessed.names, assessed.confusion, strict=True)
    show_table(("", *columns), [(f"{k} {name}", *row) for k, name, row in named])


@model.command("use")
def use_model(
    name: Annotated[str, typer.Argument(metavar="MODEL", help="Name or number.")],
    project: ProjectOption,
    json: JsonOption = False,
) -> None:
    """Make a model the one that the project uses.

    Example: faceloop model use face70-ridge --project faces
    """
    from faceloop_datasets import Project

    with Project.open(project) as opened:
        record = opened.use_model(name)
    if json:
        show_json(_record_values(record, record))
    else:
        say(f"{record.name} is in use.")


@model.command("regularise")
def regularise_model(
    project: ProjectOption,
    component: Annotated[
        list[str],
        typer.Option(
            metavar="NUMBER=FACTOR",
            help="How firmly fits hold this component: 0 free, 1 as learned, up to 10.",
            show_default=False,
        ),
    ],
    name: Annotated[
        str | None,
        typer.Argument(metavar="[MODEL]", help="Name or number; the one in use by default."),
    ] = None,
    json: JsonOption = False,
) -> None:
    """Make a model that holds some shape components more or less, and put it into the project.

    The model that it is made of stays as it is, and in use if it was; the new one is measured on
    the same faces where the project knows which. Components are numbered as
    in the window's Look inside, where the effect can be tried on a clip.

    Example: faceloop model regularise --component 3=0 --component 5=2.5 --project faces
    """
    from faceloop_datasets import Project
    from faceloop_workbench.services.model_choice import choose_model
    from faceloop_workbench.services.training import regularise_into

    factors = _factors(component)
    with Project.open(project) as opened, progress_monitor() as monitor:
        chosen = choose_model(name, opened)
        record = regularise_into(opened, chosen, factors, progress=monitor)
        active = opened.active_model
    if json:
        show_json(_record_values(record, active))
    else:
        say(f"Made {record.name}: {record.note}.")
        note(f"To use it: faceloop model use {record.name} --project {project}")


@model.command("export")
def export_model(
    file: Annotated[
        Path,
        typer.Argument(
            metavar="FILE", help="The file to make: .safetensors, or .js for clmtrackr."
        ),
    ],
    project: ProjectOption,
    model: ModelOption = None,
    json: JsonOption = False,
) -> None:
    """Copy a model out of the project; by default the one in use.

    If FILE ends in .js (or .json), a model for clmtrackr is made of it: its shapes, and patch
    experts that are trained for clmtrackr on the project's faces, which takes about a minute.

    Example: faceloop model export my_faces.safetensors --project faces
    """
    from faceloop_datasets import Project
    from faceloop_datasets.outputs import refuse_in_project, refuse_to_replace
    from faceloop_workbench.services.model_choice import CLMTRACKR
    from faceloop_workbench.services.model_file import copy_model

    with Project.open(project) as opened:
        refuse_to_replace([file], kept_files(model, opened))
        refuse_in_project([file])
        record = _chosen(opened, model)
        if file.suffix.lower() in CLMTRACKR:
            _for_clmtrackr(opened, record, file)
        else:
            copy_model(record.file, file)
    if json:
        show_json({**_record_values(record, record), "file": file})
    else:
        say(f"Wrote {record.name} to {file}.")


def _for_clmtrackr(project: Project, record: ModelRecord, file: Path) -> None:
    from faceloop_runtime import FaceModel
    from faceloop_runtime.clmtrackr import save
    from faceloop_trainer import TrainingConfig
    from faceloop_trainer.clmtrackr import to_clmtrackr
    from faceloop_trainer.data.split import split_faces

    # The people that were kept aside stay so.
    faces = split_faces(project.faces(), TrainingConfig()).training
    with progress_monitor() as monitor:
        made = to_clmtrackr(FaceModel.load(record.file), faces, progress=monitor)
    save(made, file)


def _chosen(project: Project, name: str | None) -> ModelRecord:
    from faceloop_datasets import ProjectError

    record = project.active_model if name is None else project.model(name)
    if record is None:
        raise ProjectError(
            f"The project {project.name} has no model in use. Train one: faceloop train "
            f"--project {project.address}"
        )
    return record


def _factors(texts: Sequence[str]) -> dict[int, float]:
    given = [_factor(text) for text in texts]
    numbers = [number for number, _ in given]
    if twice := sorted({number for number in numbers if numbers.count(number) > 1}):
        raise typer.BadParameter(
            f"found two factors of component {twice[0]}, expected one",
            param_hint="--component",
        )
    return dict(given)


def _factor(text: str) -> tuple[int, float]:
    """Read ``NUMBER=FACTOR``."""
    number, _, factor = text.partition("=")
    try:
        return int(number), float(factor)
    except ValueError as error:
        raise typer.BadParameter(
            f"found {text!r}, expected a number and a factor as in 3=0.5",
            param_hint="--component",
        ) from error


_FOR_THE_WINDOW = ("stages", "comparison")  # long arrays, which it draws


def _record_values(record: ModelRecord, active: ModelRecord | None) -> dict[str, Any]:
    return {
        "id": record.id,
        "name": record.name,
        "file": record.file,
        "sha256": record.sha256,
        "created": record.created,
        "note": record.note,
        "pinned": record.pinned,
        "in_use": active is not None and record.id == active.id,
        "metrics": {k: v for k, v in record.metrics.items() if k not in _FOR_THE_WINDOW},
    }


def _error(metrics: Any) -> str:
    from faceloop_datasets.plain import is_number

    value = metrics.get("nme_mean")
    return f"{value:.4f}" if is_number(value) else ""


def _measured_faces(metrics: Any) -> str:
    from faceloop_datasets.plain import is_count

    value = metrics.get("faces")
    return str(value) if _error(metrics) and is_count(value) else ""


def _flat(values: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    """Nested values as dotted names, for people."""
    flat: dict[str, Any] = {}
    for name, value in values.items():
        if isinstance(value, dict):
            flat |= _flat(value, f"{prefix}{name}.")
        elif isinstance(value, list) and len(value) > _SHOWN:
            flat[prefix + name] = f"{len(value)} of them; --json lists them"
        else:
            flat[prefix + name] = value
    return flat
