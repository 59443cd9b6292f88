"""What a person should know of a project's faces before believing what is learnt from them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .copies import picture_copies

if TYPE_CHECKING:
    from collections.abc import Sequence

    from faceloop_datasets.face import Face


def cautions(faces: Sequence[Face]) -> tuple[str, ...]:
    """Say what is wrong with faces that can be trained on all the same.

    Said by a training, by the window before one, and by the report: one sentence each.

    Parameters
    ----------
    faces : sequence of Face
        All annotated faces of a project.
    """
    return tuple(filter(None, (_same_pictures(faces),)))


def _same_pictures(faces: Sequence[Face]) -> str:
    groups = picture_copies(faces)
    if not groups:
        return ""
    copies = sum(map(len, groups))
    pictured = sum(face.has_image for face in faces)
    return (
        f"{copies} of {pictured} pictures are copies of one another ({len(groups)} "
        f"different {'one' if len(groups) == 1 else 'ones'}); copies count as one person for the "
        "split."
    )
