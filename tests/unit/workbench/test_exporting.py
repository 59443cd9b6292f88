"""Annotated faces as files, and what is said of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pytest

from faceloop_datasets import InputError, Project
from faceloop_datasets.formats import Written
from faceloop_datasets.sample import sample_faces
from faceloop_trainer.labelcheck import CheckedLabel
from faceloop_workbench.services.exporting import export_faces, notes
from faceloop_workbench.services.mending import kinds_text, mendable
from faceloop_workbench.services.sample_project import open_sample_project

if TYPE_CHECKING:
    from pathlib import Path


def test_all_annotated_faces_are_written(tmp_path: Path) -> None:
    with Project.create(tmp_path / "project") as project:
        project.import_entries("sample", list(sample_faces())[:3], scheme="face70")
        project.add_item(None, name="bare")
        made = export_faces(project, "csv", tmp_path / "faces.csv")
        assert (made.faces, notes(made)) == (3, [])
        table = pd.read_csv(tmp_path / "faces.csv")
        assert len(table) == 3 * 70
        points = project.faces()[0].annotation.points
        assert np.allclose(table[["x", "y"]].to_numpy()[:70], points, atol=1e-6)
        with pytest.raises(InputError):
            export_faces(project, "csv", tmp_path / "project" / "project.db")


def test_longer_names_are_told_three_at_most() -> None:
    names = tuple(f"{folder}/a.jpg" for folder in "wxyz")
    (few,) = notes(Written(9, names[:3]))
    assert few.endswith("by the folder too: w/a.jpg, x/a.jpg, y/a.jpg.")
    many, lost = notes(Written(9, names, ("2 expressions are not written.",)))
    assert many.startswith("4 pictures have the file name of another")
    assert many.endswith("y/a.jpg, ….")
    assert lost == "2 expressions are not written."


def test_kinds_of_mistakes_are_counted_the_commonest_first() -> None:
    kinds = ["mirrored", "turned", "mirrored", "exchanged"]
    doubts = [CheckedLabel(n, "a", 2.0, "", kind, ()) for n, kind in enumerate(kinds)]
    assert kinds_text(doubts) == "2 mirrored, 1 turned, 1 with left and right exchanged"
    assert mendable(doubts) == []


def test_the_sample_project_is_made_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        "faceloop_workbench.services.sample_project.user_data_dir", lambda *_, **__: str(tmp_path)
    )
    with open_sample_project() as project:
        project.add_item(None, name="mine")
        count = len(project.items())
    assert count == 401
    with open_sample_project() as again:
        assert len(again.items()) == count
        assert again.path == tmp_path / "sample project"
