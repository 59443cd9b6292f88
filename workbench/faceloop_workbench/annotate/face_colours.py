"""Colours that tell the faces of a picture apart. Without Qt."""

from __future__ import annotations

COLOURS = (
    (230, 159, 0),
    (86, 180, 233),
    (0, 158, 115),
    (240, 228, 66),
    (213, 94, 0),
    (204, 121, 167),
    (70, 130, 255),
    (190, 190, 190),
)
"""RGB of Okabe & Ito (2008), told apart by colour-blind people; their blue is too dark for pictures
and is lighter here, their black is a gray."""
PROPOSED = (255, 255, 255)
"""Of a face that was found and that nobody has kept yet."""


def face_colour(place: int) -> tuple[int, int, int]:
    """Colour of the face of a picture at a place, from 0; they begin again after eight."""
    return COLOURS[place % len(COLOURS)]
