"""The command that shows the whole loop."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from .console import say, show_json, show_values
from .fitting import show_track
from .monitoring import progress_monitor
from .options import JsonOption
from .review import entry_values, show_entries
from .training import show_trained

if TYPE_CHECKING:
    from faceloop_workbench.services.demo import DemoResult


def demo(
    folder: Annotated[Path, typer.Argument(metavar="[DIR]", help="Folder to make.")] = Path(
        "faceloop-demo"
    ),
    json: JsonOption = False,
) -> None:
    """Run the whole loop on the bundled sample, in less than a minute.

    It makes a project of 400 rendered faces, trains a model, tracks a clip of somebody else,
    compares with the truth, and puts the poor frames into the review queue.

    Example: faceloop demo
    """
    from faceloop_workbench.services.demo import open_demo, run_demo

    start = time.perf_counter()
    with progress_monitor() as monitor, open_demo(folder, monitor) as project:
        result = run_demo(project, progress=monitor)
        queued = [entry_values(project, entry) for entry in result.queued]
    seconds = time.perf_counter() - start
    files = {"points": result.points, "overlay": result.overlay, "ced_plot": result.plot}
    if json:
        show_json(
            {
                "training": result.trained.to_dict(),
                "track": result.track.summary.to_dict(),
                "clip": result.clip.to_dict(),
                "queue": queued,
                "files": files,
                "seconds": seconds,
            }
        )
        return
    say("Training, measured on the people kept aside")
    show_trained(result.trained)
    say("\nTracking the clip of a person that is not among the stills")
    show_track(result.track.summary, result.trained.record.name)
    _show_clip(result)
    say("\nReview queue")
    show_entries(queued)
    say("\nFiles")
    show_values(files)
    say(f"\nDone in {seconds:.0f} s. Next: faceloop queue list --project {folder}")


def _show_clip(result: DemoResult) -> None:
    clip = result.clip.to_dict()
    show_values(
        {
            "error while the face is in view": f"NME median {clip['nme_median']:.4f}, "
            f"p95 {clip['nme_p95']:.4f}",
            "frames found while it is in view": f"{clip['found_in_view']:.1%}",
            "frames lost while it is gone": f"{clip['lost_while_gone']:.1%}",
        }
    )
