"""What can be drawn over faces: what a person may choose, and what it is called.

It imports nothing heavy: the command line shows it in its help.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

MODES = {
    "mesh": "the triangles between the points",
    "mask": "another face, that of a picture or the average one, moving as this one does",
    "caricature": "what is particular of the face's shape made more of",
    "anonymise": "nobody to be known: every face covered by the average one or by pixels",
}
"""What can be drawn, and what to know about it."""
COVERS = {
    "face": "the average face, moving as the one below; pixels where the fit is not sure",
    "pixels": "pixels everywhere",
}
"""What covers the faces of an anonymised picture."""


@dataclass(frozen=True)
class Rendering:
    """What is to be drawn over faces.

    Parameters
    ----------
    mode : str
        One of `MODES`.
    face : Path, optional
        Picture of the face that is a mask; by default the average face.
    strength : float
        Of a caricature: factor of the shape's parameters.
    cover : str
        One of `COVERS`.

    Raises
    ------
    InputError
        If there is no such mode or cover, or the strength is no number from 0 to 5.
    """

    mode: str
    face: Path | None = None
    strength: float = 1.8
    cover: str = "face"

    def __post_init__(self) -> None:
        from faceloop_datasets import InputError  # noqa: PLC0415 - slow

        for what, name, known in (("mode", self.mode, MODES), ("cover", self.cover, COVERS)):
            if name not in known:
                raise InputError(f"There is no {what} {name!r}; expected {', '.join(known)}.")
        if not 0 <= self.strength <= 5:
            raise InputError(
                f"A caricature cannot have the strength {self.strength:g}; expected 0 to 5, such "
                "as 1.8. 1 changes nothing."
            )

    @property
    def hides(self) -> bool:
        """Whether it is to hide who the faces are."""
        return self.mode == "anonymise"

    @property
    def draws_over(self) -> bool:
        """Whether faces that are hidden are drawn over."""
        return self.cover == "face"
