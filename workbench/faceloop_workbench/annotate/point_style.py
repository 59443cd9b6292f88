"""How a face is drawn: a colour for each group, a symbol for each state, lines. Without Qt."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import cycle
from typing import TYPE_CHECKING

import numpy as np

from faceloop_datasets import PointState
from faceloop_workbench.services.contour_lines import contour_lines

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.typing import NDArray

    from faceloop_datasets import Scheme

    from .face_state import FaceState

    Colours = NDArray[np.float64]

# Told apart by colour-blind people, and on skin: the colours of Okabe & Ito (2008), lighter.
GROUP_COLOURS = (
    (0.34, 0.76, 1.00),
    (1.00, 0.70, 0.10),
    (0.97, 0.92, 0.30),
    (0.20, 0.90, 0.65),
    (0.62, 0.96, 0.42),
    (0.96, 0.60, 0.84),
    (1.00, 0.45, 0.25),
    (0.72, 0.66, 1.00),
)
SYMBOLS = {
    PointState.VISIBLE: "disc",
    PointState.OCCLUDED: "x",
    PointState.ESTIMATED: "diamond",
    PointState.MISSING: "disc",
}
_EDGE = (0.05, 0.05, 0.05, 0.9)
_HOLLOW = 0.0
_LINE_ALPHA = 0.55
_LETTER = (9.0, 16.0)  # room of a letter of a label on the screen


@dataclass(frozen=True, eq=False)
class PointAppearance:
    """What to draw of a face's points.

    Parameters
    ----------
    faces, edges : ndarray, shape (N, 4)
        RGBA inside each mark and round it.
    symbols : tuple of str
        napari's names.
    """

    faces: Colours
    edges: Colours
    symbols: tuple[str, ...]


class PointStyle:
    """Colours and lines of a landmark scheme.

    Parameters
    ----------
    scheme : Scheme
        The points.

    Attributes
    ----------
    groups : dict of str to (float, float, float)
        RGB of each group.
    colours : ndarray, shape (N, 3)
        RGB of each point.
    segments : ndarray of int, shape (M, 2)
        Points that lines join.
    """

    def __init__(self, scheme: Scheme) -> None:
        self.groups = dict(zip(scheme.groups, cycle(GROUP_COLOURS), strict=False))
        self.colours = np.ones((len(scheme), 3))
        for name, members in scheme.groups.items():
            self.colours[list(members)] = self.groups[name]
        self.segments = np.array(contour_lines(scheme), dtype=int).reshape(-1, 2)

    @property
    def line_colours(self) -> Colours:
        """RGBA of each line, (M, 4): that of the point it begins at."""
        colours = self.colours[self.segments[:, 0]]
        return np.hstack([colours, np.full((len(colours), 1), _LINE_ALPHA)])

    def marks(self, face: FaceState) -> PointAppearance:
        """Return what the points of a face look like.

        A filled disc is a point somebody vouches for, a hollow diamond one that only a program
        does, a cross one that is hidden.
        """
        estimated = face.states == PointState.ESTIMATED
        coloured = np.hstack([self.colours, np.ones((len(self.colours), 1))])
        faces = coloured.copy()
        faces[estimated, 3] = _HOLLOW
        edges = np.where(estimated[:, None], coloured, np.array(_EDGE))
        # napari goes on drawing points that are not `shown`, so missing ones have no colour.
        faces[~face.present, 3] = edges[~face.present, 3] = 0.0
        return PointAppearance(faces, edges, tuple(SYMBOLS[PointState(s)] for s in face.states))

    def lines(self, points: NDArray[np.float64]) -> NDArray[np.float64]:
        """Lines between points (N, 2), as start and extent (M, 2, 2), in the same coordinates.

        A line with an end missing has no length.
        """
        start, end = points[self.segments[:, 0]], points[self.segments[:, 1]]
        gone = np.isnan(start + end).any(axis=1)
        start = np.where(gone[:, None], 0.0, start)
        return np.stack([start, np.where(gone[:, None], 0.0, end - start)], axis=1)


def mark_size(points: NDArray[np.float64]) -> float:
    """Diameter of a mark that suits a face, in pixels of the picture."""
    known = points[~np.isnan(points).any(axis=1)]
    if len(known) < 2:
        return 6.0
    return max(float(np.ptp(known, axis=0).max()) / 45, 0.5)


def place_labels(
    points: NDArray[np.float64], names: Sequence[str], wanted: Iterable[int], pixel: float
) -> dict[int, str]:
    """Choose texts beside points so that none lies on another.

    Numbers first, then names too where there is room.

    Parameters
    ----------
    points : ndarray, shape (N, 2)
        In pixels of the picture.
    names : sequence of str
        One a point.
    wanted : iterable of int
        Points to label, the most important first.
    pixel : float
        Size of a pixel of the screen in those of the picture.

    Returns
    -------
    dict of int to str
    """
    order = list(wanted)
    lefts, tops = points.T / pixel
    lengths = np.zeros(len(points))  # of the texts chosen so far, on the screen
    texts: dict[int, str] = {}
    for choice in ({k: str(k) for k in order}, {k: f"{k} {names[k]}" for k in order}):
        for k in order:
            length = _LETTER[0] * len(choice[k])
            beside = (lefts > lefts[k] + length) | (lefts + lengths < lefts[k])
            free = beside | (np.abs(tops - tops[k]) > _LETTER[1]) | (lengths == 0)
            free[k] = True
            if free.all():
                texts[k], lengths[k] = choice[k], length
    return texts


def title(group: str) -> str:
    """Name of a group for people."""
    return group.replace("_", " ")
