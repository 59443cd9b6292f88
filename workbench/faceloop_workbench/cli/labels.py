"""The command that looks for mistakes in the annotations."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from .console import note, say, show_json, show_table
from .monitoring import progress_monitor
from .options import JsonOption, ProjectOption, SeedOption

if TYPE_CHECKING:
    from faceloop_datasets import Batch
    from faceloop_trainer.labelcheck import CheckedLabel


def check_labels(
    project: ProjectOption,
    queue: Annotated[
        bool, typer.Option(help="Put the doubtful ones into the review queue.")
    ] = False,
    mend: Annotated[
        bool,
        typer.Option("--mend", help="Put right, in all faces at once, what is known exactly."),
    ] = False,
    undo_mend: Annotated[
        bool, typer.Option("--undo-mend", help="Take the last mend back, and check nothing.")
    ] = False,
    again: Annotated[
        bool, typer.Option("--again", help="Also show what a person said is right.")
    ] = False,
    limit: Annotated[int, typer.Option(min=1, help="Show at most so many.")] = 20,
    seed: SeedOption = 0,
    json: JsonOption = False,
) -> None:
    """Find annotations that look wrong: turned, mirrored, of another picture, points moved.

    First the starter model, which knows none of the annotations, looks at every picture: so a
    mistake is found that all of them share. Then they are compared with each other: a score of 1
    is where the most unusual tenth begins; from 1.5 up a face is doubtful. What is unusual need
    not be wrong.

    Annotations that are turned, mirrored, shifted alike or exchanged can be put right at once:
    without --mend they are only listed.

    Points that somebody said are right (faceloop approve, or "It is right" in the window) are
    never raised again while they are where they are; --again lists them too, and changes nothing.

    Example: faceloop check-labels --project faces --queue
    """
    from faceloop_datasets import Project
    from faceloop_datasets.wording import counted
    from faceloop_trainer.labelcheck import check_labels as check
    from faceloop_workbench.services.label_check import queue_doubts
    from faceloop_workbench.services.mending import mend_labels, mendable

    if undo_mend and (mend or queue):
        raise typer.BadParameter("Give --undo-mend alone: nothing is checked then.")
    if again and (mend or queue or undo_mend):
        raise typer.BadParameter("Give --again alone: what is right is only looked at again.")
    if undo_mend:
        _undo(project, json)
        return
    batch = None
    with progress_monitor() as monitor, Project.open(project) as opened:
        right, annotated = opened.approved(), len(opened.faces())
        doubts = check(opened, seed=seed, again=again, progress=monitor)
        if mend and mendable(doubts):
            batch = mend_labels(opened, doubts, progress=monitor)
        left = [doubt for doubt in doubts if batch is None or doubt.mend is None]
        queued = queue_doubts(opened, left) if queue else []
    doubtful = [doubt for doubt in doubts if doubt.doubtful]
    passed_over = annotated - len(doubts)
    if json:
        shown = [asdict(doubt) for doubt in doubtful]
        mended = 0 if batch is None else batch.faces
        counts = {"queued": len(queued), "mended": mended}
        approved = {item: sorted(points) for item, points in right.items()}
        about = {"faces": len(doubts), "passed_over": passed_over}
        show_json({**about, "doubtful": shown, "approved": approved, **counts})
        return
    rows = [(d.item_id, d.name, f"{d.score:.1f}", d.what) for d in doubtful[:limit]]
    show_table(("item", "name", "score", "what looks wrong"), rows)
    are = "is" if len(doubtful) == 1 else "are"
    faces = counted(len(doubts), "face")
    note(f"{len(doubtful)} of {faces} {are} doubtful, {len(queued)} queued")
    if passed_over:
        were = counted(passed_over, "face was", "faces were")
        note(f"{were} passed over: few points are confirmed, or the picture cannot be read")
    _say_approved(right, again=again)
    _say_mend(mendable(doubts), batch, project)


def _say_approved(right: dict[int, frozenset[int]], *, again: bool) -> None:
    from faceloop_datasets.wording import counted

    if right and not again:
        count, faces = sum(map(len, right.values())), counted(len(right), "face")
        were = "was said to be right" if count == 1 else "were said to be right"
        note(f"{counted(count, 'point')} of {faces} {were}: --again shows what is doubted there")


def _say_mend(doubts: list[CheckedLabel], batch: Batch | None, project: str) -> None:
    from faceloop_datasets.wording import counted
    from faceloop_workbench.services.mending import kinds_text

    if not doubts:
        return
    faces = counted(len(doubts), "face")
    if batch is None:
        note(f"{faces} can be put right at once ({kinds_text(doubts)}): add --mend")
        return
    say(f"Put right: {batch.faces} of {faces} ({kinds_text(doubts)}).")
    note(f"Take it back: faceloop check-labels --undo-mend --project {project}")


def _undo(project: str, json: bool) -> None:
    from faceloop_datasets import Project
    from faceloop_workbench.services.mending import undo_mend
    from faceloop_workbench.services.outcome_text import taken_back_text

    with progress_monitor() as monitor, Project.open(project) as opened:
        batch, faces = undo_mend(opened, progress=monitor)
    left = batch.faces - faces
    if json:
        show_json({"undone": batch.action, "faces": faces, "left": left})
        return
    say(taken_back_text(batch, faces))
