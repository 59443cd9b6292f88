"""The command that confirms points in all faces at once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from .console import Column, note, say, show_json, show_table
from .monitoring import progress_monitor
from .options import JsonOption, ProjectOption

if TYPE_CHECKING:
    from faceloop_datasets import Batch, Project


def confirm(
    project: ProjectOption,
    point: Annotated[
        list[str] | None,
        typer.Option(help="Name or number of a point to confirm; can be given several times."),
    ] = None,
    all_estimated: Annotated[
        bool, typer.Option("--all-estimated", help="Confirm all points that are estimated.")
    ] = False,
    undo: Annotated[bool, typer.Option("--undo", help="Take the last confirmation back.")] = False,
    author: Annotated[str | None, typer.Option(help="Who; by default your login.")] = None,
    json: JsonOption = False,
) -> None:
    """Confirm points that an import estimated, in all faces at once.

    A conversion between landmark schemes estimates what the source does not mark. Look at some of
    the faces; if such a point is right there, this says so for all of them, as one new revision a
    face; where it lies outside the picture it becomes occluded, not visible. Points that a fit
    estimated are not touched. Without a point it lists what is estimated.

    Example: faceloop confirm --project faces --point "nose bridge"
    """
    from faceloop_datasets import Project

    if undo + all_estimated + bool(point) > 1:
        raise typer.BadParameter("Give only one of --point, --all-estimated and --undo.")
    with progress_monitor() as monitor, Project.open(project) as opened:
        if undo:
            batch = _last(opened)
            faces = opened.undo_batch(batch, author=author, progress=monitor)
            _show_undone(batch, faces, json)
            return
        counts = {k: int(n) for k, n in enumerate(opened.estimates()) if n}
        if not point and not all_estimated:
            _list(opened, counts, json)
            return
        points = [opened.scheme.point(named) for named in point or ()] or list(counts)
        names = [opened.scheme.names[k] for k in dict.fromkeys(points)]
        batch = opened.confirm_points(points, author=author, progress=monitor)
    _show_done(batch, names, project, json)


def _last(project: Project) -> Batch:
    from faceloop_datasets import ProjectError

    batch = project.last_batch()
    if batch is None:
        raise ProjectError("There is no confirmation in this project that could be taken back.")
    return batch


def _list(project: Project, counts: dict[int, int], json: bool) -> None:
    from faceloop_datasets.wording import counted

    names = project.scheme.names
    if json:
        found = [{"point": k, "name": names[k], "faces": n} for k, n in counts.items()]
        show_json({"estimated": found})
    elif not counts:
        say("No point is estimated by an import.")
    else:
        columns = (Column("point", number=True), "name", Column("estimated in", number=True))
        show_table(columns, [(k, names[k], counted(n, "face")) for k, n in counts.items()])
        example = names[next(iter(counts))]
        where = f"--project {project.address}"
        note(f'Confirm one in all faces: faceloop confirm --point "{example}" {where}')


def _show_done(batch: Batch, names: list[str], project: str, json: bool) -> None:
    from faceloop_datasets.wording import counted
    from faceloop_workbench.services.outcome_text import outside_text

    if json:
        show_json({"points": names, "faces": batch.faces, "outside": batch.outside})
    elif not batch.faces:
        say(f"Nothing to confirm: no import estimated {', '.join(names) or 'any point'}.")
    else:
        said = outside_text(batch.outside)
        say(f"Confirmed {', '.join(names)} in {counted(batch.faces, 'face')}. {said}".strip())
        note(f"Take it back: faceloop confirm --undo --project {project}")


def _show_undone(batch: Batch, faces: int, json: bool) -> None:
    from faceloop_workbench.services.outcome_text import taken_back_text

    left = batch.faces - faces
    if json:
        show_json({"undone": batch.action, "faces": faces, "left": left})
        return
    say(taken_back_text(batch, faces))
