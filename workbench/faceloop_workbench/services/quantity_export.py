"""Quantities of a track as a table, and drawn for a paper."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from faceloop_datasets import InputError
from faceloop_datasets.files import as_file_name, atomic_path, escape_formula
from faceloop_datasets.outputs import refuse_in_project, refuse_to_replace, require_ending

from .points_table import TIME_DIGITS

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from matplotlib.figure import Figure
    from numpy.typing import NDArray

    from faceloop_datasets.tracks.face_track import FaceTrack
    from faceloop_datasets.tracks.track import Track

    from .quantities import Quantity

ENDINGS = (".png", ".svg", ".pdf", ".csv")
"""What `save_quantities` can write."""
_WIDTH, _HEIGHT = 9.0, 1.7  # of a plot, inches
_LEGEND = 0.4
_MOST_IN_NAME = 3
_DIGITS = 6


@dataclass(frozen=True)
class Selection:
    """What of a track is wanted.

    Parameters
    ----------
    quantities : sequence of Quantity
        In this order.
    faces : sequence of int, optional
        Ids; all faces of the track by default.
    first, last : int, optional
        First and last frame; all of the video by default.
    """

    quantities: Sequence[Quantity]
    faces: Sequence[int] | None = None
    first: int | None = None
    last: int | None = None

    def frames(self, track: Track) -> NDArray[np.intp]:
        """Return the frames.

        Raises
        ------
        InputError
            If there are none.
        """
        last = track.frames - 1 if self.last is None else min(self.last, track.frames - 1)
        frames = np.arange(max(self.first or 0, 0), last + 1)
        if not len(frames):
            raise InputError(
                f"Expected a range of the {track.frames} frames of the video but got "
                f"{self.first} to {self.last}."
            )
        return frames

    def faces_of(self, track: Track) -> list[FaceTrack]:
        """Return the faces.

        Raises
        ------
        InputError
            If one of them is not in the track.
        """
        return list(track.faces) if self.faces is None else [track.face(k) for k in self.faces]


def quantity_table(track: Track, selection: Selection) -> pd.DataFrame:
    """Make a table of quantities.

    Parameters
    ----------
    track : Track
        Of a video.
    selection : Selection
        What of it.

    Returns
    -------
    DataFrame
        ``frame``, ``time`` in seconds, ``face``, and a column for each quantity by its name; one
        row for each frame and face, by frame. NaN where the face is lost or was rejected.

    Raises
    ------
    InputError
        If there is no such face or range.
    """
    frames, faces = selection.frames(track), selection.faces_of(track)
    parts = [
        pd.DataFrame(
            {
                "frame": frames,
                "time": track.times[frames].round(TIME_DIGITS),
                "face": face.id,
                **{one.name: one.of(face, track)[frames] for one in selection.quantities},
            }
        )
        for face in faces
    ]
    if not parts:
        return pd.DataFrame(columns=["frame", "time", "face", *_names(selection)])
    return pd.concat(parts).sort_values(["frame", "face"], kind="stable", ignore_index=True)


def quantity_figure(track: Track, selection: Selection) -> Figure:
    """Draw quantities over time, one below the other, a line for each face.

    Parameters
    ----------
    track : Track
        Of a video.
    selection : Selection
        What of it.

    Raises
    ------
    InputError
        If there is no such face or range, or no quantity.
    """
    # matplotlib takes half a second, and few plot.
    from faceloop_trainer.evaluation.plots import label, tidy  # noqa: PLC0415

    frames, faces = selection.frames(track), selection.faces_of(track)
    figure, rows = _empty_figure(len(selection.quantities))
    for axes, one in zip(rows, selection.quantities, strict=True):
        tidy(axes)
        for face in faces:
            named = label(face.name or f"face {face.id}")
            axes.plot(track.times[frames], one.of(face, track)[frames], label=named, linewidth=1.2)
        axes.set_ylabel(label(one.title) + (f"\n({one.unit})" if one.unit else ""), fontsize=9)
        axes.margins(x=0)
    rows[-1].set_xlabel("seconds")
    if len(faces) > 1:
        handles, names = rows[0].get_legend_handles_labels()
        figure.legend(handles, names, frameon=False, loc="outside upper right", ncols=6, fontsize=9)
    return figure


def save_quantities(
    path: Path, track: Track, selection: Selection, keep: Iterable[Path] = ()
) -> None:
    """Write quantities as a picture (``.png``, ``.svg``, ``.pdf``) or as a table (``.csv``).

    Parameters
    ----------
    path : Path
        The file to make.
    track : Track
        Of a video.
    selection : Selection
        What of it.
    keep : iterable of Path
        Files that are never replaced: the video, those of the project.

    Raises
    ------
    InputError
        If the name ends in something else, or the file cannot be written, or is in a project's
        folder.
    """
    require_ending(path, ENDINGS, "plots and their tables")
    refuse_to_replace([path], keep)
    refuse_in_project([path])
    if path.suffix.lower() == ".csv":
        table = quantity_table(track, selection).round(dict.fromkeys(_names(selection), _DIGITS))
        table.columns = pd.Index([escape_formula(str(name)) for name in table.columns])
        with atomic_path(path) as part:
            table.to_csv(part, index=False)
    else:
        from faceloop_trainer.evaluation.plots import save_figure  # noqa: PLC0415 - as above

        save_figure(quantity_figure(track, selection), path, path.suffix.lower()[1:])


def suggested_name(video: str, selection: Selection, ending: str = ".png") -> str:
    """Return a name for the file: that of the video, the quantities, and the range."""
    wanted = _names(selection)
    said = "_".join(wanted[:_MOST_IN_NAME]) if len(wanted) <= _MOST_IN_NAME else "quantities"
    stem = video.rpartition(".")[0] or video
    where = "" if selection.first is None else f"_{selection.first}-{selection.last}"
    return as_file_name(f"{stem}_{said.replace(':', '-').replace(' ', '-')}{where}{ending}")


def _names(selection: Selection) -> list[str]:
    return [one.name for one in selection.quantities]


def _empty_figure(plots: int) -> tuple[Figure, list[Any]]:
    from matplotlib.backends.backend_agg import FigureCanvasAgg  # noqa: PLC0415 - as above
    from matplotlib.figure import Figure as NewFigure  # noqa: PLC0415

    if not plots:
        raise InputError("There is nothing to plot. Choose at least one quantity.")
    figure = NewFigure(figsize=(_WIDTH, _LEGEND + _HEIGHT * plots), layout="constrained")
    FigureCanvasAgg(figure)
    return figure, list(figure.subplots(plots, 1, sharex=True, squeeze=False)[:, 0])
