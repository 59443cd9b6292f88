"""Doubts that a person has settled: neither label check nor queue raises them again."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from faceloop_datasets import Annotation, Project
from faceloop_datasets.sample import sample_faces

if TYPE_CHECKING:
    from pathlib import Path

    from .conftest import Run

FACES = 12
MIRRORED, MOVED, TIP = 1, 5, 61  # numbers of two faces, and of the point that is off in the second


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Twelve people: one mirrored, one whose nose tip is beside the nose."""
    with Project.create(tmp_path / "faces") as project:
        records = list(sample_faces())[: 4 * FACES : 4]
        project.import_entries("sample", records, scheme="face70")
        for item, change in ((MIRRORED, _mirrored), (MOVED, _tip_moved)):
            head = project.annotation(item)
            assert head is not None
            old = head.annotation
            project.save(item, Annotation("face70", change(old.points), old.states), head.id)
    return tmp_path / "faces"


def _mirrored(points):
    return points * (-1, 1) + (383, 0)


def _tip_moved(points):
    changed = points.copy()
    changed[TIP, 0] += 40
    return changed


def test_what_is_said_to_be_right_never_comes_back_until_it_moves(
    faceloop: Run, folder: Path
) -> None:
    def doubted(*options: str) -> dict[int, list[int]]:
        found = faceloop("check-labels", "--project", folder, "--json", *options).json()
        return {one["item_id"]: one["points"] for one in found["doubtful"]}

    def waiting() -> set[int]:
        with Project.open(folder) as project:
            return {entry.item_id for entry in project.queue.list("open")}

    assert doubted("--queue") == {MIRRORED: [], MOVED: [TIP]}
    said = faceloop("approve", MOVED, "--point", "nose tip", "--project", folder)
    assert said.out == "Right: nose tip (1 point).\n"
    assert faceloop("approve", MIRRORED, "--all", "-p", folder, "--json").json() == {
        "approved": list(Project.open(folder).scheme.names)
    }
    assert waiting() == set()
    assert doubted("--again") == {MIRRORED: [], MOVED: [TIP]}
    assert faceloop("check-labels", "-p", folder, "--again", "--queue").code == 2
    listed = faceloop("approve", MOVED, "--project", folder)
    assert "nose tip" in listed.out
    assert "1 point is right where it is now" in listed.err

    # It is put elsewhere: what was said is of another place. The other face stays right.
    _move_tip(folder, 1)
    told = faceloop("check-labels", "--queue", "--project", folder)
    assert "1 of 12 faces is doubtful, 1 queued" in told.err
    assert "70 points of 1 face were said to be right: --again shows" in told.err
    assert waiting() == {MOVED}

    # What was said is taken back; and what was put right waits no longer.
    back = faceloop("approve", MIRRORED, "--undo", "--project", folder)
    assert back.out.startswith("Taken back: contour left temple")
    nothing = faceloop("approve", MIRRORED, "--undo", "--project", folder)
    assert (nothing.code, "Nobody has said of these points" in nothing.err) == (1, True)
    _move_tip(folder, -41)
    assert doubted("--queue") == {MIRRORED: []}
    assert waiting() == {MIRRORED}


def _move_tip(folder: Path, right: float) -> None:
    with Project.open(folder) as project:
        head = project.annotation(MOVED)
        assert head is not None
        points = head.annotation.points.copy()
        points[TIP, 0] += right
        project.save(MOVED, Annotation("face70", points, head.annotation.states), head.id)
