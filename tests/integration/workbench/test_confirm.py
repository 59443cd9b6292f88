"""`confirm` on the command line."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from PIL import Image

from faceloop_datasets import Annotation, PointState, Project
from faceloop_datasets.formats import FaceRecord

if TYPE_CHECKING:
    from .conftest import Run

BRIDGE = 33


def records() -> list[FaceRecord]:
    """Six faces in MUCT's scheme, which does not mark the nose bridge."""
    random = np.random.default_rng(0)
    return [
        FaceRecord(
            name=f"face {n}", subject=f"person {n}", image=None, image_name=f"{n}.jpg",
            annotation=Annotation("muct76", random.uniform(0, 400, (76, 2)), np.zeros(76)),
            origin=f"faces.csv:{n + 2}", frame=None,
        )
        for n in range(6)
    ]  # fmt: skip


@pytest.fixture
def imported(tmp_path: Path) -> Path:
    with Project.create(tmp_path / "faces") as project:
        assert project.import_entries("muct", records(), scheme="muct76").points_estimated == 6
    return tmp_path / "faces"


def states(folder: Path, point: int = BRIDGE) -> list[int]:
    with Project.open(folder) as project:
        heads = [project.annotation(item.id) for item in project.items()]
    return [int(head.annotation.states[point]) for head in heads if head is not None]


def test_what_is_estimated_is_listed_and_nothing_is_done(faceloop: Run, imported: Path) -> None:
    listed = faceloop("confirm", "--project", imported)
    assert "nose bridge" in listed.out
    assert "6 faces" in listed.out
    assert 'faceloop confirm --point "nose bridge"' in listed.err
    found = faceloop("confirm", "--project", imported, "--json").json()
    assert found == {"estimated": [{"point": BRIDGE, "name": "nose bridge", "faces": 6}]}
    assert states(imported) == [PointState.ESTIMATED] * 6


@pytest.mark.parametrize(
    "which", [["--point", "nose bridge"], ["--point", "33"], ["--all-estimated"]]
)
def test_a_point_is_confirmed_in_all_faces_and_stays_so(
    faceloop: Run, imported: Path, which: list[str]
) -> None:
    done = faceloop("confirm", "--project", imported, *which)
    assert (done.code, done.out) == (0, "Confirmed nose bridge in 6 faces.\n")
    assert states(imported) == [PointState.VISIBLE] * 6
    again = faceloop("confirm", "--project", imported, *which, "--json").json()
    assert again["faces"] == 0
    # Importing the same again changes nothing and puts nothing into the queue.
    with Project.open(imported) as project:
        report = project.import_entries("muct", records(), scheme="muct76")
        assert (report.unchanged, report.updated, report.kept_aside) == (6, 0, 0)
        assert project.queue.list(None) == []
        assert [row.estimated for row in project.overview()] == [0] * 6
    assert "No point is estimated" in faceloop("confirm", "--project", imported).out


def test_points_outside_their_picture_become_occluded(faceloop: Run, tmp_path: Path) -> None:
    Image.new("RGB", (200, 200), "gray").save(tmp_path / "0.png")
    with Project.create(tmp_path / "faces") as project:
        media = project.add_media(tmp_path / "0.png")
        for x in (-3.0, 100.0):
            points = np.full((70, 2), [x, 100.0])
            guessed = np.full(70, PointState.ESTIMATED)
            annotation = Annotation("face70", points, guessed, "import:muct")
            project.save(project.add_item(media).id, annotation, None)
    done = faceloop("confirm", "--project", tmp_path / "faces", "--point", "33", "--point", "34")
    assert "in 2 faces. 2 points lie outside the picture: marked occluded" in done.out
    assert states(tmp_path / "faces", 34) == [PointState.OCCLUDED, PointState.VISIBLE]


def test_it_is_taken_back_and_imports_count_again(faceloop: Run, imported: Path) -> None:
    faceloop("confirm", "--project", imported, "--point", "nose bridge", "--author", "ann")
    with Project.open(imported) as project:
        head = project.annotation(1)
        assert head is not None
        assert head.author == "ann"
        project.save(1, head.annotation, head.id)  # a person goes on with the first
    back = faceloop("confirm", "--project", imported, "--undo")
    assert "Taken back: Confirm nose bridge. 5 faces are as they were before." in back.out
    assert "1 was changed since and stays as it is." in back.out
    assert states(imported) == [PointState.VISIBLE] + [PointState.ESTIMATED] * 5
    with Project.open(imported) as project:
        changed = [
            FaceRecord(**{**vars(r), "annotation": Annotation(
                "muct76", r.annotation.points + 1, r.annotation.states)})
            for r in records()
        ]  # fmt: skip
        report = project.import_entries("muct", changed, scheme="muct76")
        assert (report.updated, report.kept_aside) == (5, 1)
    nothing = faceloop("confirm", "--project", imported, "--undo")
    assert (nothing.code, nothing.err.count("could be taken back")) == (1, 1)


def test_wrong_usage(faceloop: Run, imported: Path) -> None:
    missed = faceloop("confirm", "--project", imported, "--point", "nose brigde")
    assert missed.code == 1
    assert "face70 has no landmark 'nose brigde'" in missed.err
    assert "Did you mean 'nose bridge'" in missed.err
    assert faceloop("confirm", "--project", imported, "--undo", "--all-estimated").code == 2
    assert states(imported) == [PointState.ESTIMATED] * 6
