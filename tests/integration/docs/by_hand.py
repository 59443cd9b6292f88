"""What the reader of a tutorial does by mouse and keys in the window.

Here it is done through what the window saves by, as if the hand had put each point where it
belongs: `tests/gui` shows that mouse and keys do. Each function is given the reader's folder.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from faceloop_datasets import Annotation, Project
from faceloop_datasets.sample import sample_clip_truth

from .material import FIRST_PHOTO, TWELVE, people

if TYPE_CHECKING:
    from pathlib import Path


def correct_and_accept(home: Path, first: str, last: str) -> None:
    """Correct the photos from one place in the list to another, and accept each."""
    truth = [face.annotation for face in people(int(last))]
    with Project.open(home / "faces") as project:
        for face in project.overview():
            number = int((face.media_path or "")[-8:-4]) - FIRST_PHOTO
            if int(first) - 1 <= number < int(last):
                right = truth[number]
                _save(project, face.item_id, right.points, right.states)
        done = [entry for entry in project.queue.list() if _is_manual(project, entry.item_id)]
        for entry in done:
            project.queue.done(entry.id)


def place_points(home: Path, first: str, last: str) -> None:
    """Place the twelve points of the drawings from one place in the list to another."""
    truth = [face.annotation for face in people(int(last))]
    with Project.open(home / "cartoons") as project:
        for number, face in enumerate(project.overview()):
            if int(first) - 1 <= number < int(last):
                points = truth[number].points[list(TWELVE.values())]
                _save(project, face.item_id, points, np.zeros(len(points)))


def annotate_blind(home: Path, name: str, author: str) -> None:
    """Annotate the faces of a blind round, each point some pixels from where it stands."""
    scatter = np.random.default_rng(list(author.encode()))
    with Project.open(home / "faces") as project:
        blind = project.rounds.get(name)
        for item in blind.items:
            face = project.annotation(item)
            assert face is not None
            points = face.annotation.points + scatter.normal(0, 1.5, (70, 2))
            own = Annotation(project.scheme.name, points, np.zeros(70), "manual")
            project.rounds.save(blind, item, author, own)


def correct_frame(home: Path, frame: str) -> None:
    """Open a frame of the clip, drag its points right, and accept it."""
    number = int(frame)
    with Project.open(home / "faces") as project:
        (video,) = [one for one in project.media() if one.kind == "video"]
        known = [one for one in project.items() if one.frame == number]
        item = known[0] if known else project.add_item(video, number)
        truth = sample_clip_truth()
        states = np.where(truth.visible[number], 0, 1)
        _save(project, item.id, truth.points[number], states)


def _save(project: Project, item: int, points: np.ndarray, states: np.ndarray) -> None:
    before = project.annotation(item)
    right = Annotation(project.scheme.name, points, states, "manual")
    project.save(item, right, None if before is None else before.id, action="Accept")


def _is_manual(project: Project, item: int) -> bool:
    revision = project.annotation(item)
    return revision is not None and revision.annotation.source == "manual"
