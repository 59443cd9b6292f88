"""The command that says of points in doubt that they are right."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from .console import note, say, show_json, show_table
from .options import JsonOption, ProjectOption

if TYPE_CHECKING:
    from collections.abc import Iterable

    from faceloop_datasets import Approval, Project


def approve(
    item: Annotated[int, typer.Argument(help="Number of the face.")],
    project: ProjectOption,
    point: Annotated[
        list[str] | None,
        typer.Option(help="Name or number of a point that is right; can be given several times."),
    ] = None,
    whole: Annotated[bool, typer.Option("--all", help="All points of the face are right.")] = False,
    undo: Annotated[
        bool, typer.Option("--undo", help="Take it back, of the points named or of all.")
    ] = False,
    author: Annotated[str | None, typer.Option(help="Who; by default your login.")] = None,
    json: JsonOption = False,
) -> None:
    """Say of points in doubt that they are right where they are: nothing doubts them again.

    It holds while they are within half a pixel of where they are now. Without a point it lists
    what was said of the face.

    Example: faceloop approve 12 --point chin --project faces
    """
    from faceloop_datasets import Project

    if point and whole:
        raise typer.BadParameter("Give --point or --all, not both.")
    with Project.open(project) as opened:
        chosen = [opened.scheme.point(named) for named in point or ()] or None
        if undo:
            _show(opened, "taken_back", opened.withdraw_approval(item, chosen, author), json=json)
        elif chosen or whole:
            done = opened.approve(item, chosen, author)
            _show(opened, "approved", done.points, json=json)
        else:
            _list(opened, item, json=json)


def _show(project: Project, what: str, points: Iterable[int], *, json: bool) -> None:
    from faceloop_datasets.wording import counted, enumerated

    names = [project.scheme.names[k] for k in points]
    if json:
        show_json({what: names})
        return
    done = "Right" if what == "approved" else "Taken back"
    say(f"{done}: {enumerated(names)} ({counted(len(names), 'point')}).")


def _list(project: Project, item: int, *, json: bool) -> None:
    from faceloop_datasets.wording import counted, enumerated

    said = project.approvals(item)
    now = sorted(project.approved([item]).get(item, ()))
    names = project.scheme.names
    if json:
        values = [_values(one, names) for one in said]
        show_json({"item": item, "right": [names[k] for k in now], "said": values})
        return
    rows = [
        (
            f"{one.created.astimezone():%Y-%m-%d %H:%M:%S}",
            one.author,
            enumerated([names[k] for k in one.points]) if one.points else "takes all before back",
        )
        for one in said
    ]
    show_table(("when", "who", "points that are right"), rows)
    right = counted(len(now), "point is right where it is", "points are right where they are")
    note(f"{right} now")
    note("Nothing was changed: --point NAME or --all says that points are right.")


def _values(one: Approval, names: tuple[str, ...]) -> dict[str, object]:
    return {
        "created": one.created.isoformat(),
        "author": one.author,
        "revision": one.revision_id,
        "points": [names[k] for k in one.points],
    }
