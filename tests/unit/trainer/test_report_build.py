"""What a report takes from the project, and from a model file that is not trusted."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest

from faceloop_datasets import Monitor, Project, TrainingError
from faceloop_datasets.face import snapshot_hash
from faceloop_datasets.sample import sample_faces
from faceloop_runtime import FaceModel
from faceloop_trainer.report import ReportOptions, make_report
from faceloop_trainer.report.build import _ReportBuilder

STARTER = FaceModel.starter()


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Project]:
    """Six faces of three people."""
    with Project.create(tmp_path_factory.mktemp("report") / "project") as made:
        made.import_entries("sample", list(sample_faces())[:6], scheme="face70", copy=True)
        yield made


def test_without_models_a_report_describes_the_data_only(project: Project) -> None:
    report = make_report(project, [], ReportOptions(seed=3))
    faces = project.faces()
    assert (report.project, report.scheme, report.seed) == (project.name, project.scheme, 3)
    assert (report.faces, report.people) == (6, len({face.subject for face in faces}))
    assert report.snapshot == snapshot_hash(faces)
    left, right = report.shape[list(project.scheme.iod)]
    assert np.linalg.norm(right - left) == pytest.approx(1.0)
    assert (report.model, report.validation, report.curve) == (None, None, ())


def test_a_cross_validation_trains_as_the_model_was_trained(project: Project) -> None:
    config = {"channels": ["raw"], "scales": [16.0, 24.0, 40.0], "components": 7, "unknown": 1}
    model = replace(STARTER, provenance={"config": config})
    found = _ReportBuilder(project, [("m", model)], ReportOptions(seed=5), Monitor())._settings()
    assert (found.channels, found.scales, found.components) == (("raw",), (16.0, 24.0, 40.0), 7)
    assert found.seed == 5


@pytest.mark.parametrize("config", [{"channels": 5}, {"scales": ["x"]}, {"components": -1}])
def test_settings_that_cannot_be_used_are_an_error_that_names_the_model(
    project: Project, config: dict[str, object]
) -> None:
    model = replace(STARTER, provenance={"config": config})
    builder = _ReportBuilder(project, [("mine", model)], ReportOptions(), Monitor())
    with pytest.raises(TrainingError, match="model mine does not say in a usable way"):
        builder._settings()
