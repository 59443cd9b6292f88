"""Models that know too little of a face for the average one to be drawn over it."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import numpy as np
import pytest

from faceloop_datasets import Annotation, Project, Scheme
from faceloop_datasets.media.images import read_image
from faceloop_datasets.sample import sample_faces
from faceloop_runtime import FaceModel
from faceloop_runtime.render.cover.trust import can_draw_average
from faceloop_trainer import TrainingConfig, train
from faceloop_workbench.services.render_choice import Rendering
from faceloop_workbench.services.rendering import render

if TYPE_CHECKING:
    from pathlib import Path

FEW = [23, 28, 43]
_GROUPS = Scheme.load("face70").groups
UPPER = [k for name in ("right_brow", "left_brow", "right_eye", "left_eye") for k in _GROUPS[name]]


def model_of(folder: Path, chosen) -> FaceModel:
    """Train on some of the sample's points."""
    names = str([f"point {k}" for k in range(len(chosen))]).replace("'", '"')
    scheme = Scheme.parse(f'name = "own"\ntitle = "Own"\nnames = {names}\n', "own.toml")
    records = []
    for record in list(sample_faces())[0:48:4]:
        known = record.annotation
        own = Annotation("own", known.points[chosen], known.states[chosen], "")
        records.append(dataclasses.replace(record, annotation=own))
    config = TrainingConfig(channels=("raw",), mirror=False, components=8, holdout=0.0)
    with Project.create(folder, scheme=scheme) as project:
        project.import_entries("sample", records, scheme="own")
        return train(project, config).model


@pytest.mark.parametrize("chosen", [FEW, UPPER], ids=["few", "upper"])
def test_where_the_face_ends_is_unknown_pixels_cover_it(tmp_path: Path, chosen) -> None:
    model = model_of(tmp_path / "p", chosen)
    assert not can_draw_average(model)
    record = next(iter(sample_faces()))
    outs = [tmp_path / f"{cover}.png" for cover in ("face", "pixels")]
    said = [
        render(model, record.image.path, out, Rendering("anonymise", cover=out.stem)).advice
        for out in outs
    ]
    assert "covered by pixels" in str(said[0])
    assert "covered by pixels" not in str(said[1])
    drawn = [read_image(out, "rgb") for out in outs]
    assert np.array_equal(*drawn)
    x, y = np.rint(record.annotation.points).astype(int).T
    original = read_image(record.image.path, "rgb")
    assert (np.abs(drawn[0].astype(int) - original)[y, x].max(axis=1) > 0).mean() > 0.9


def test_a_model_of_a_whole_face_draws_it() -> None:
    starter = FaceModel.starter()
    other = dataclasses.replace(starter.scheme, name="renamed")
    assert can_draw_average(starter)
    assert can_draw_average(dataclasses.replace(starter, scheme=other))
