"""Commands on blind rounds: how well annotators agree."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from .console import Column, note, say, show_json, show_table
from .monitoring import progress_monitor
from .options import JsonOption, ModelOption, ProjectOption, SeedOption

if TYPE_CHECKING:
    from faceloop_datasets.store.rounds import BlindRound
    from faceloop_trainer.agreement.agreement import Agreement

agreement = typer.Typer(
    no_args_is_help=True, help="How well annotators agree, by rounds in which nobody sees others."
)

RoundArgument = Annotated[str, typer.Argument(metavar="ROUND", help="Name or number.")]
AuthorOption = Annotated[
    str | None, typer.Option(help="Who; by default your login.", show_default=False)
]


@agreement.command("new")
def new_round(
    name: Annotated[str, typer.Argument(metavar="NAME", help="What the round is called.")],
    project: ProjectOption,
    annotator: Annotated[list[str], typer.Option(help="Who annotates; give it for each of them.")],
    faces: Annotated[
        int, typer.Option(min=1, help="So many, at random, of as many subjects as can be.")
    ] = 20,
    item: Annotated[
        list[int] | None,
        typer.Option(help="These faces instead, by number.", show_default=False),
    ] = None,
    from_mean: Annotated[
        bool, typer.Option("--from-mean", help="Points start from the mean shape, not from a fit.")
    ] = False,
    model: ModelOption = None,
    seed: SeedOption = 0,
    author: AuthorOption = None,
    json: JsonOption = False,
) -> None:
    """Give the same faces to several people, who annotate them without seeing others' points.

    Everybody's points start alike: from the fit of a model, or from its mean shape. The faces' own
    annotations are never touched. In the window, each finds the round in the tab Annotate.

    Example: faceloop agreement new pilot --annotator ann --annotator ben --project faces
    """
    from faceloop_datasets import Project
    from faceloop_datasets.wording import counted
    from faceloop_workbench.services.blind_rounds import choose_faces, make_round
    from faceloop_workbench.services.model_choice import choose_model

    with Project.open(project) as opened, progress_monitor() as monitor:
        chosen = choose_model(model, opened)
        items = item or choose_faces(opened, faces, seed)
        how = "by hand" if item else f"at random by subject, seed {seed}"
        made = make_round(
            opened,
            name,
            annotator,
            items,
            chosen,
            from_mean=from_mean,
            chosen=how,
            author=author or opened.author,
            progress=monitor,
        )
    if json:
        show_json(_values(made, {}))
    else:
        shown = counted(len(made.items), "face")
        say(f"Made the round {made.name}: {shown} for {', '.join(annotator)}.")
        if not item and len(made.items) < faces:
            note(f"{counted(faces, 'face was', 'faces were')} asked for; the project has no more.")
        note(f"Points start from {made.start}.")


@agreement.command("add")
def add_annotations(
    name: RoundArgument,
    files: Annotated[
        list[Path], typer.Argument(metavar="FILE...", help="Files, folders or archives.")
    ],
    project: ProjectOption,
    author: Annotated[str, typer.Option(help="Who annotated them.")],
    json: JsonOption = False,
) -> None:
    """Take annotations that somebody made elsewhere into a round, in any format that is read.

    Faces are recognised by their pictures.

    Example: faceloop agreement add pilot ben.csv --author ben --project faces
    """
    from faceloop_datasets import InputError, Project
    from faceloop_datasets.formats import recognise
    from faceloop_datasets.wording import counted
    from faceloop_workbench.services.blind_rounds import add_file

    found = recognise(files)
    if found.format is None:
        raise InputError(found.problem)
    with Project.open(project) as opened:
        round_ = opened.rounds.get(name)
        added, left = add_file(opened, round_, found.format, files, author)
    if json:
        show_json({"round": round_.name, "author": author, "added": added, "not_in_round": left})
    else:
        faces, others = counted(added, "face"), f"{left} {'is' if left == 1 else 'are'}"
        say(f"Added {faces} by {author} to {round_.name}; {others} not in the round.")


@agreement.command("status")
def show_status(project: ProjectOption, json: JsonOption = False) -> None:
    """List the rounds, and how many faces each person has annotated.

    Example: faceloop agreement status --project faces
    """
    from faceloop_datasets import Project
    from faceloop_workbench.services.blind_rounds import done_by, without_removed

    with Project.open(project) as opened:
        values = []
        for one in opened.rounds.all():
            there, left_out = without_removed(opened, one)
            values.append({**_values(there, done_by(opened, one)), "removed": left_out})
    if json:
        show_json({"rounds": values})
        return
    columns = ("round", Column("faces", number=True), "annotated by", "points start from")
    rows = [(v["name"], len(v["items"]), _done(v["done"]), v["start"]) for v in values]
    show_table(columns, rows)
    for v in values:
        _note_removed(v["name"], v["removed"])
    if not values:
        note(f"No round yet: faceloop agreement new NAME --annotator WHO --project {project}")


@agreement.command("report")
def write_report(
    name: RoundArgument,
    project: ProjectOption,
    out: Annotated[
        Path | None,
        typer.Option("--out", "-o", help="Folder; by default among the project's reports."),
    ] = None,
    json: JsonOption = False,
) -> None:
    """Write how well the annotators of a round agree: one HTML page, and its charts as PNG.

    Distances by point and person, bias, Bland-Altman plots, intraclass correlation.

    Example: faceloop agreement report pilot --project faces --out agreement
    """
    from faceloop_datasets import Project
    from faceloop_datasets.outputs import refuse_in_project, refuse_to_replace
    from faceloop_datasets.wording import counted
    from faceloop_workbench.services.blind_rounds import compare, report_round, without_removed

    with Project.open(project) as opened:
        round_ = opened.rounds.get(name)
        if out is not None:
            refuse_to_replace([out / "report.html"], opened.files())
            refuse_in_project([out / "report.html"])
        found = compare(opened, round_)
        files = report_round(opened, round_, out)
        _, left_out = without_removed(opened, round_)
    if json:
        show_json({"round": round_.name, **found.to_dict(), "removed": left_out, "files": files})
        return
    _show(found)
    _note_removed(round_.name, left_out)
    say(f"Wrote {files[0]} and {counted(len(files) - 1, 'picture')}.")


@agreement.command("consensus")
def make_consensus(
    name: RoundArgument,
    project: ProjectOption,
    limit: Annotated[
        float,
        typer.Option(min=0.0, help="Points farther than this from the mean, in IOD, are in doubt."),
    ] = 0.05,
    undo: Annotated[
        bool, typer.Option("--undo", help="Take this round's consensus back, if it is the last.")
    ] = False,
    author: AuthorOption = None,
    json: JsonOption = False,
) -> None:
    """Save the mean of all annotators as the faces' own annotations, as new revisions.

    Points on which they differ are marked as estimated, and the faces are queued for them.

    Example: faceloop agreement consensus pilot --project faces
    """
    from faceloop_datasets import Project
    from faceloop_datasets.wording import counted
    from faceloop_workbench.services.blind_rounds import (
        save_consensus,
        undo_consensus,
        without_removed,
    )

    with Project.open(project) as opened, progress_monitor() as monitor:
        round_ = opened.rounds.get(name)
        if undo:
            back = undo_consensus(opened, round_, author=author, progress=monitor)
            if json:
                show_json({"undone": back})
            else:
                are = counted(back, "face is as it was", "faces are as they were")
                say(f"{are} before.")
            return
        _, left_out = without_removed(opened, round_)
        batch, doubtful = save_consensus(
            opened, round_, limit=limit, author=author, progress=monitor
        )
    if json:
        found = {str(item): list(points) for item, points in doubtful.items()}
        show_json(
            {
                "round": round_.name,
                "faces": batch.faces,
                "doubtful": found,
                "removed": left_out,
            }
        )
        return
    points = sum(len(found) for found in doubtful.values())
    if not batch.faces:
        say(f"Nothing was saved: no face of {round_.name} has annotations to agree on.")
        return
    doubts = counted(points, "point is", "points are")
    say(f"Saved the consensus of {counted(batch.faces, 'face')}; {doubts} in doubt.")
    _note_removed(round_.name, left_out)
    if doubtful:
        note(f"{counted(len(doubtful), 'face is', 'faces are')} in the queue for them.")
    note(f"Take it back: faceloop agreement consensus {name} --undo --project {project}")


def _note_removed(name: str, left_out: int) -> None:
    from faceloop_workbench.services.blind_rounds import removed_text

    if left_out:
        note(f"{name}: {removed_text(left_out)}.")


def _values(made: BlindRound, done: dict[str, int]) -> dict[str, Any]:
    return {
        "id": made.id,
        "name": made.name,
        "annotators": made.annotators,
        "start": made.start,
        "chosen": made.chosen,
        "items": made.items,
        "author": made.author,
        "created": made.created,
        "done": done,
    }


def _done(done: dict[str, int]) -> str:
    return ", ".join(f"{name} {count}" for name, count in done.items())


def _show(found: Agreement) -> None:
    from faceloop_datasets.wording import counted
    from faceloop_trainer.agreement.agreement import mean_of

    def share(value: float | None) -> str:
        return "" if value is None else f"{100 * value:.2f} %"

    columns = (
        "annotator",
        Column("faces", number=True),
        Column("from the others", number=True),
        Column("from the start", number=True),
        Column("from oneself", number=True),
    )
    rows = [
        (
            one.name,
            one.faces,
            share(mean_of(one.distance)),
            share(one.from_start),
            share(one.own_distance),
        )
        for one in found.people
    ]
    show_table(columns, rows)
    for pair in found.pairs:
        pixels = mean_of(pair.pixels)
        say(
            f"{pair.first} and {pair.second}: {share(mean_of(pair.distance))} of the distance "
            f"between the eyes, {pixels:.1f} pixels, on {counted(pair.faces, 'face')}."
        )
