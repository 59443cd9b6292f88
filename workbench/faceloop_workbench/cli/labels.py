"""The command that looks for mistakes in the annotations."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

import typer

from .console import note, progress_bar, show_json, show_table
from .interrupts import stop_request
from .options import JsonOption, ProjectOption, SeedOption


def check_labels(
    project: ProjectOption,
    queue: Annotated[
        bool, typer.Option(help="Put the doubtful ones into the review queue.")
    ] = False,
    limit: Annotated[int, typer.Option(min=1, help="Show at most so many.")] = 20,
    seed: SeedOption = 0,
    json: JsonOption = False,
) -> None:
    """Find annotations that disagree with all the others: moved or exchanged points, faces beside.

    A score of 1 is where the most unusual tenth of all faces begins; from 1.5 up a face is
    doubtful. What is unusual need not be wrong.

    Example: faceloop check-labels --project faces --queue
    """
    from faceloop_datasets import Project
    from faceloop_trainer.labelcheck import check_labels as check
    from faceloop_workbench.label_check import queue_doubts

    with stop_request() as stop, progress_bar() as progress, Project.open(project) as opened:
        doubts = check(opened, seed=seed, progress=progress, cancel=stop)
        queued = queue_doubts(opened, doubts) if queue else []
    doubtful = [doubt for doubt in doubts if doubt.doubtful]
    if json:
        shown = [asdict(doubt) for doubt in doubtful]
        show_json({"faces": len(doubts), "doubtful": shown, "queued": len(queued)})
        return
    rows = [(d.item_id, d.name, f"{d.score:.1f}", d.what) for d in doubtful[:limit]]
    show_table(("item", "name", "score", "what looks wrong"), rows)
    note(f"{len(doubtful)} of {len(doubts)} faces are doubtful, {len(queued)} queued")
