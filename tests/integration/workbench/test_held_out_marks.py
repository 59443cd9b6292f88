"""Who is held out, for the lists: found out in the background, and again when faces change."""

from __future__ import annotations

import time
from itertools import islice
from typing import TYPE_CHECKING

from psygnal import emit_queued

from faceloop_datasets import Project
from faceloop_datasets.sample import sample_faces
from faceloop_workbench.annotate.held_out_marks import HeldOutMarks
from faceloop_workbench.session import Session

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


def until(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < end
        emit_queued()
        time.sleep(0.005)


def test_of_many_changes_the_last_counts(tmp_path: Path) -> None:
    with Project.create(tmp_path / "faces") as project:
        project.import_entries("sample", islice(sample_faces(), 40), scheme="face70")
    session = Session()
    marks = HeldOutMarks(session)
    project = Project.open(tmp_path / "faces")
    session.open(project)
    until(lambda: bool(marks.items))
    before = marks.items
    first = next(item.id for item in project.items() if item.id not in before)
    for number in range(5):
        project.choose_side([first], None if number % 2 else "held out")
        session.items_changed.emit()
    until(lambda: first in marks.items)
    assert before < marks.items
    session.close()
    assert marks.items == frozenset()
    marks.close_down()
