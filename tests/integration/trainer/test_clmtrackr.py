from __future__ import annotations

from dataclasses import replace
from itertools import islice
from pathlib import Path

import numpy as np
import pytest

from faceloop_datasets import (
    Cancelled,
    Conversion,
    Monitor,
    Project,
    Scheme,
    SchemeError,
    TrainingError,
)
from faceloop_datasets.sample import sample_faces
from faceloop_runtime import FaceModel
from faceloop_runtime.clmtrackr import ClmtrackrFitter, ClmtrackrModel, load, save
from faceloop_runtime.geometry import Similarity
from faceloop_trainer.clmtrackr import to_clmtrackr

FACES = 40


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """The first ten people of the sample, and one more who trains nothing."""
    project = Project.create(tmp_path_factory.mktemp("export") / "faces")
    project.import_entries("sample", islice(sample_faces(), FACES + 4), scheme="face70")
    return project


@pytest.fixture(scope="module")
def exported(project: Project, tmp_path_factory: pytest.TempPathFactory) -> ClmtrackrModel:
    made = to_clmtrackr(FaceModel.starter(), project.faces()[:FACES])
    file = tmp_path_factory.mktemp("js") / "faces.js"
    save(made, file)
    return load(file)


def test_an_exported_model_fits_a_face_it_has_not_seen(
    project: Project, exported: ClmtrackrModel
) -> None:
    weights = Conversion.load("face70", "clmtrackr71").weights
    fitter, before, after = ClmtrackrFitter(exported), [], []
    for face in project.faces()[FACES:]:
        true = weights @ face.annotation.points
        iod = np.linalg.norm(true[28] - true[23])
        pose = Similarity.between(fitter.centred_mean(), true)
        start = pose.after(Similarity.from_polar(1.05, 0.05, 0.04, -0.04))
        before.append(
            np.linalg.norm(start.apply(fitter.centred_mean()) - true, axis=1).mean() / iod
        )
        fit = fitter.fit_pose(face.read_gray(), start)
        after.append(np.linalg.norm(fit.points - true, axis=1).mean() / iod)
    assert np.median(after) < 0.06
    assert np.median(after) < 0.6 * np.median(before)


def test_its_shapes_are_the_models_with_the_bridge_of_the_nose_between(
    exported: ClmtrackrModel,
) -> None:
    pdm = FaceModel.starter().pdm
    b = np.zeros(len(exported.variances))
    b[1] = 0.1
    ours = pdm.shape(b)
    theirs = exported.shape(b)
    pose = Similarity.between(ours, np.delete(theirs, 41, axis=0))
    size = np.linalg.norm(exported.mean[28] - exported.mean[23])
    assert np.allclose(
        Similarity.between(pdm.mean, np.delete(exported.mean, 41, axis=0)).apply(pdm.mean),
        np.delete(exported.mean, 41, axis=0),
        atol=1e-3,
    )
    assert pose.scale == pytest.approx(size, rel=0.1)  # the mode turns the head
    assert np.allclose(theirs[41], (theirs[33] + theirs[62]) / 2, atol=1e-3)


def test_the_score_tells_a_face_from_stripes(project: Project, exported: ClmtrackrModel) -> None:
    fitter = ClmtrackrFitter(exported)
    face = project.faces()[-1]
    true = Conversion.load("face70", "clmtrackr71").weights @ face.annotation.points
    assert fitter.fit(face.read_gray(), true).score > 0.5
    flat = np.full_like(face.read_gray(), 90)
    flat[::7] = 110
    assert fitter.fit(flat, true).score < 0.5


def test_what_cannot_be_exported_is_refused(project: Project) -> None:
    starter = FaceModel.starter()
    with pytest.raises(SchemeError, match="imm58"):
        to_clmtrackr(replace(starter, scheme=Scheme.load("imm58")), project.faces())
    with pytest.raises(TrainingError, match="3 faces have pictures"):
        to_clmtrackr(starter, project.faces()[:3])
    with pytest.raises(Cancelled):
        to_clmtrackr(starter, project.faces(), progress=Monitor(cancel=lambda: True))
    assert not list(Path(project.path).glob("*.js"))
