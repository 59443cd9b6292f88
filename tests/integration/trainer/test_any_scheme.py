"""Any set of points trains: parts of the sample's points, points between them, hardly a word."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from faceloop_datasets import Annotation, Cancelled, Monitor, Project, Scheme, TrainingError
from faceloop_datasets.sample import sample_faces
from faceloop_runtime import FaceModel, Fitter
from faceloop_runtime.model.arrays import to_arrays
from faceloop_runtime.model.parts import ARRAY_PARTS
from faceloop_trainer import train
from faceloop_trainer.crossfit.training_set import TrainingSet
from faceloop_trainer.data.annotated_shapes import applicable
from faceloop_trainer.evaluation.measure import measure
from faceloop_trainer.evaluation.protocol import EvaluationProtocol
from faceloop_trainer.pdm.scheme_completion import completed_scheme
from faceloop_trainer.train import train_faces

from .conftest import QUICK

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from faceloop_trainer.data.faces import TrainingFace

_FACE70 = Scheme.load("face70")


def named(count: int, more: str = "") -> Scheme:
    """A scheme that says nothing but the names of its points, and ``more``."""
    names = [f"point {k}" for k in range(count)]
    text = f'name = "own"\ntitle = "My own"\nnames = {names}\n{more}'.replace("'", '"')
    return Scheme.parse(text, "own.toml")


def taken(face: TrainingFace, weights: np.ndarray) -> TrainingFace:
    """The same face with other points, weighted sums of those of face70."""
    visible = np.array([face.trains_patches[row > 0].all() for row in weights])
    return replace(
        face, points=weights @ face.points, trains_patches=visible, measured=visible | True
    )


@st.composite
def point_sets(draw: st.DrawFn) -> np.ndarray:
    """Weights (N, 70) of points of the sample, and of points between two of them."""
    point = st.integers(0, 69)
    chosen = draw(st.lists(point, min_size=3, max_size=12, unique=True))
    between = draw(st.lists(st.tuples(point, point, st.floats(0.1, 0.9)), max_size=12))
    weights = np.eye(70)[chosen]
    for a, b, share in between:
        weights = np.vstack([weights, (1 - share) * np.eye(70)[a] + share * np.eye(70)[b]])
    return weights


def all_numbers(model: FaceModel) -> np.ndarray:
    arrays = to_arrays({name: getattr(model, name) for name in ARRAY_PARTS})
    return np.concatenate([np.ravel(array) for array in arrays.values()])


@settings(
    max_examples=4,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(weights=point_sets())
def test_any_points_train_and_are_found(
    weights: np.ndarray,
    few_faces: list[TrainingFace],
    unseen_faces: list[TrainingFace],
    tmp_path: Path,
) -> None:
    model = train_faces(named(len(weights)), [taken(f, weights) for f in few_faces], QUICK)
    assert np.isfinite(all_numbers(model)).all()
    assert np.abs(model.regressor.weights).max() < 10
    model.save(tmp_path / "own.safetensors")
    loaded = FaceModel.load(tmp_path / "own.safetensors")
    np.testing.assert_array_equal(all_numbers(loaded), all_numbers(model))
    unseen = [taken(f, weights) for f in unseen_faces[:8]]
    found = measure(loaded, unseen, len(unseen), EvaluationProtocol(start="jitter"))
    # Four people teach little. Points may lie close to each other: the face's own IOD compares.
    own = [loaded.scheme.inter_ocular_distance(face.points) for face in unseen]
    iod = [_FACE70.inter_ocular_distance(face.points) for face in unseen_faces[:8]]
    assert np.median(found.errors * np.array(own) / np.array(iod)) < 0.12


def project_of(folder: Path, scheme: Scheme, chosen: Sequence[int]) -> Project:
    project = Project.create(folder, scheme=scheme)
    records = []
    for record in list(sample_faces())[0:96:4]:
        known = record.annotation
        own = Annotation(scheme.name, known.points[chosen], known.states[chosen], "")
        records.append(replace(record, annotation=own))
    project.import_entries("sample", records, scheme=scheme.name)
    return project


def test_a_scheme_of_names_alone_says_so_in_the_warnings(tmp_path: Path) -> None:
    chosen = [27, 32, 61, 43, 49]
    with project_of(tmp_path / "p", named(5), chosen) as project:
        result = train(project, replace(QUICK, mirror=True))
    assert any("does not say which points mirror each other" in said for said in result.warnings)
    scheme = result.model.scheme
    assert {*scheme.initialisation["left_eye"], *scheme.initialisation["right_eye"]} <= {*range(5)}
    assert scheme.size_in_iod == pytest.approx(1.17, abs=0.02)  # all points are its measure
    assert result.model.provenance["config"]["mirror"] is False
    assert result.evaluation is not None
    assert result.evaluation.metrics()["nme_median"] < 0.1


def test_a_wrong_mirror_map_is_refused_and_names_the_points(tmp_path: Path) -> None:
    chosen = [23, 28, 61, 43, 49, 7]
    wrong = "mirror = [[0, 4], [3, 1]]\niod = [0, 1]\n"
    with project_of(tmp_path / "p", named(6, wrong), chosen) as project:
        with pytest.raises(TrainingError, match=r"mirror map of the scheme own") as caught:
            train(project, replace(QUICK, mirror=True))
        assert "point 0 (point 0) stands with 4 (point 4)" in str(caught.value)
        assert "its place is that of 1 (point 1)" in str(caught.value)
        # Without mirrored faces the map does no harm: the training begins.
        with pytest.raises(Cancelled, match="training patch experts"):
            train(project, QUICK, progress=_until_experts())


def _until_experts() -> Monitor:
    """Stop a training as soon as it has begun to learn."""
    seen: list[str] = []
    return Monitor(lambda step: seen.append(step.what), lambda: "training patch experts" in seen)


def test_points_without_a_partner_are_not_trained_mirrored(tmp_path: Path) -> None:
    chosen = [23, 28, 61, 7, 43]
    lone = "mirror = [[0, 1]]\niod = [0, 1]\n"
    with project_of(tmp_path / "p", named(5, lone), chosen) as project:
        result = train(project, replace(QUICK, mirror=True))
    assert any("Point 4 (point 4) is off the middle" in said for said in result.warnings)
    assert result.evaluation is not None
    assert result.evaluation.metrics()["nme_median"] < 0.1


def prepared(scheme: Scheme, faces: list[TrainingFace]) -> TrainingSet:
    """What `train_faces` begins with."""
    shapes = np.array([face.points for face in faces])
    scheme = completed_scheme(scheme, shapes, mirror=QUICK.mirror)
    return TrainingSet.of(scheme, faces, applicable(QUICK, scheme, shapes))


def test_crops_show_as_much_of_a_face_whatever_measures_it(few_faces: list[TrainingFace]) -> None:
    """Corners of one eye measure faces too: experts look at crops of the usual size."""
    weights = np.eye(70)[[23, 25, 28, 30, 61, 43, 49, 7, 0, 14, 15, 19]]
    faces = [taken(f, weights) for f in few_faces]
    usual = prepared(named(12, "iod = [0, 2]\n"), faces)
    eye = prepared(named(12, "iod = [0, 1]\n"), faces)
    extent = np.ptp(usual.pdm.mean[:, 0]), np.ptp(eye.pdm.mean[:, 0])
    assert usual.scheme.size_in_iod is None
    assert extent[1] == pytest.approx(extent[0], rel=0.3)
    assert eye.pdm.extent == pytest.approx(usual.pdm.extent, rel=0.3)


def test_a_fit_of_few_points_starts_with_the_whole_face(few_faces: list[TrainingFace]) -> None:
    weights = np.eye(70)[[27, 32, 61]]
    faces = [taken(f, weights) for f in few_faces]
    model = train_faces(named(3), faces, QUICK)
    assert model.start is not None
    assert model.extent >= 1.1
    face = faces[0]
    size = model.scheme.inter_ocular_distance(face.points)
    start = face.points + 0.1 * size
    fit = Fitter(model, "cpu").fit(face.picture, start)
    assert np.linalg.norm(fit.points - face.points, axis=1).mean() < 0.1 * size


def test_dense_schemes_are_trained_as_before(quick_model: FaceModel) -> None:
    assert quick_model.pdm.context == 0.0
    assert quick_model.scheme == _FACE70
