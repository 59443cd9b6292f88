"""What came of a change of points or of many faces, in words."""

from __future__ import annotations

from typing import TYPE_CHECKING

from faceloop_datasets.wording import counted

if TYPE_CHECKING:
    from faceloop_datasets import Batch, SubjectChange


def outside_text(count: int) -> str:
    """Say that so many confirmed points are occluded, as they lie outside; empty if none does."""
    lie = counted(count, "point lies", "points lie")
    return f"{lie} outside the picture: marked occluded, not visible." if count else ""


def taken_back_text(batch: Batch, faces: int) -> str:
    """Say what was taken back of a batch, in so many faces, and how many stay as they are."""
    are = counted(faces, "face is as it was", "faces are as they were")
    return f"Taken back: {batch.action}. {are} before.{_left(batch.faces - faces)}"


def subjects_back_text(done: SubjectChange, changed: int) -> str:
    """Say what was taken back of a change of the subjects of so many faces."""
    faces = counted(len(done.before), "face shows whom it", "faces show whom they")
    return f"Taken back: {done.action}. {faces} did before.{_left(changed - len(done.before))}"


def _left(count: int) -> str:
    if count == 1:
        return " 1 was changed since and stays as it is."
    return f" {count} were changed since and stay as they are." if count else ""
