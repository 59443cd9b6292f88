"""Annotated frames of a video near one that is not annotated."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from faceloop_datasets import Annotation, Item, Project


class KeyFrames(NamedTuple):
    """The annotated frames next to one that is not, and how far between them it lies, 0 to 1."""

    before: Annotation
    after: Annotation
    share: float


def previous_annotated(project: Project, item: Item) -> Annotation | None:
    """Annotation of the nearest earlier annotated frame of the same video."""
    earlier = [other for other in _frames(project, item) if _frame(other) < _frame(item)]
    return _annotation(project, max(earlier, key=_frame)) if earlier else None


def surrounding(project: Project, item: Item) -> KeyFrames | None:
    """Nearest annotated frames of the same video, one before this frame and one after it."""
    frames = _frames(project, item)
    earlier = [other for other in frames if _frame(other) < _frame(item)]
    later = [other for other in frames if _frame(other) > _frame(item)]
    if not earlier or not later:
        return None
    before, after = max(earlier, key=_frame), min(later, key=_frame)
    share = (_frame(item) - _frame(before)) / (_frame(after) - _frame(before))
    return KeyFrames(_annotation(project, before), _annotation(project, after), share)


def _frames(project: Project, item: Item) -> list[Item]:
    """Annotated items of the same video; of the same subject, where several people are in it."""
    if item.frame is None or item.media_id is None:
        return []
    known = [other for other in project.items_of(item.media_id) if other.head is not None]
    return [other for other in known if other.subject == item.subject] or known


def _frame(item: Item) -> int:
    assert item.frame is not None  # noqa: S101 - `_frames` takes frames of videos only
    return item.frame


def _annotation(project: Project, item: Item) -> Annotation:
    revision = project.annotation(item.id)
    assert revision is not None  # noqa: S101 - `_frames` takes annotated items only
    return revision.annotation
