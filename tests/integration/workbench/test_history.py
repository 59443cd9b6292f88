"""What was done to a face, told on the command line."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING

from faceloop_datasets import Annotation, PointState, Project
from faceloop_datasets.sample import sample_faces

if TYPE_CHECKING:
    from pathlib import Path

    from .conftest import Run


def test_history_on_the_command_line(faceloop: Run, tmp_path: Path) -> None:
    folder = tmp_path / "faces"
    with Project.create(folder) as project:
        project.import_entries("sample", islice(sample_faces(), 1), scheme="face70")
        head = project.annotation(1)
        assert head is not None
        points, states = head.annotation.points.copy(), head.annotation.states.copy()
        for number, action in ((43, "Move mouth left corner"), (45, "Move 1 point")):
            points[number] += 3
            states[number] = PointState.VISIBLE
            fresh = Annotation("face70", points, states)
            head = project.save(1, fresh, head.id, "ann", action=action)
    told = faceloop("history", 1, "--project", folder)
    assert told.code == 0
    assert "moved mouth, 2 times" in told.out
    assert "imported from sample" in told.out
    assert told.out.index("moved mouth") < told.out.index("imported")
    revisions = faceloop("history", 1, "--project", folder, "--json").json()["revisions"]
    assert [(r["words"], r["author"], r["source"], r["points_changed"]) for r in revisions[:2]] == [
        ("moved 1 point", "ann", "manual", 1),
        ("moved mouth left corner", "ann", "manual", 1),
    ]
    assert [r["counts"] for r in revisions] == [True, False, False]
    assert [r["based_on"] for r in revisions] == [revisions[1]["revision"], 1, None]
    absent = faceloop("history", 7, "--project", folder)
    assert (absent.code, absent.err.strip()) == (1, "Error: There is no item 7 in this project.")
