"""A fit of an evaluation is made once, and again when anything changes that it depends on."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest

from faceloop_runtime.fit.fitter import Fitter
from faceloop_trainer.cache import Cache
from faceloop_trainer.data.perturbation import Jitter
from faceloop_trainer.evaluation.measure import measure
from faceloop_trainer.evaluation.protocol import EvaluationProtocol

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from faceloop_runtime import FaceModel
    from faceloop_trainer import Evaluation
    from faceloop_trainer.data.faces import TrainingFace

FACES = 3


class Measuring:
    """Measures with a cache, and counts the fits that are made."""

    def __init__(self, cache: Cache, patch: pytest.MonkeyPatch) -> None:
        self.cache, self._made = cache, list[object]()
        fit_near = Fitter.fit_near

        def counting(fitter: Fitter, *rest: object) -> object:
            self._made.append(rest)  # in one of several threads
            return fit_near(fitter, *rest)  # type: ignore[arg-type]

        patch.setattr(Fitter, "fit_near", counting)

    @property
    def made(self) -> int:
        """How many fits the last measurement made."""
        return len(self._made)

    def __call__(
        self,
        model: FaceModel,
        faces: Sequence[TrainingFace],
        protocol: EvaluationProtocol | None = None,
    ) -> Evaluation:
        self._made.clear()
        return measure(model, faces, len(faces), protocol, cache=self.cache)


@pytest.fixture
def measuring(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Measuring:
    return Measuring(Cache(tmp_path / "cache"), monkeypatch)


@pytest.fixture
def faces(unseen_faces: list[TrainingFace]) -> list[TrainingFace]:
    return unseen_faces[:FACES]


def test_what_was_fitted_is_not_fitted_again(
    measuring: Measuring, quick_model: FaceModel, faces: list[TrainingFace]
) -> None:
    first = measuring(quick_model, faces[:2])
    assert measuring.made == 2
    for some, new in ((faces, 1), (faces[::-1], 0), (faces, 0)):
        found = measuring(quick_model, some)
        assert measuring.made == new
    for name in ("errors", "point_errors", "predicted", "fitted"):
        np.testing.assert_array_equal(getattr(found, name)[:2], getattr(first, name))
    alone = measure(quick_model, faces, FACES)
    np.testing.assert_array_equal(found.fitted, alone.fitted)
    np.testing.assert_array_equal(found.predicted, alone.predicted)


def test_picture_points_and_name_of_a_face_count(
    measuring: Measuring, quick_model: FaceModel, faces: list[TrainingFace]
) -> None:
    measuring(quick_model, faces)
    one = faces[1]
    assert one.picture is not None
    darker, points = one.picture.copy(), one.points.copy()
    darker[0, 0] ^= 1
    points[3, 0] += 0.01
    for other in (
        replace(one, picture=darker),
        replace(one, points=points),
        replace(one, name="another"),  # its start is moved otherwise
    ):
        some = [faces[0], other, faces[2]]
        found = measuring(quick_model, some)
        assert measuring.made == 1
        np.testing.assert_array_equal(found.fitted, measure(quick_model, some, FACES).fitted)


def test_which_points_are_measured_changes_errors_alone(
    measuring: Measuring, quick_model: FaceModel, faces: list[TrainingFace]
) -> None:
    before = measuring(quick_model, faces)
    measured = faces[0].measured.copy()
    measured[:10] = False
    found = measuring(quick_model, [replace(faces[0], measured=measured), *faces[1:]])
    assert measuring.made == 0
    assert np.isnan(found.point_errors[0, :10]).all()
    assert found.errors[0] == pytest.approx(before.point_errors[0, 10:].mean())


def test_model_and_protocol_count(
    measuring: Measuring, quick_model: FaceModel, faces: list[TrainingFace]
) -> None:
    measuring(quick_model, faces)
    same = replace(quick_model, provenance={**quick_model.provenance, "metrics": {"faces": 3}})
    measuring(same, faces)
    assert measuring.made == 0
    regressor = quick_model.regressor
    other = replace(quick_model, regressor=replace(regressor, weights=0.9 * regressor.weights))
    found = measuring(other, faces)
    assert measuring.made == FACES
    np.testing.assert_array_equal(found.fitted, measure(other, faces, FACES).fitted)
    for protocol in (
        EvaluationProtocol(seed=1),
        EvaluationProtocol(jitter=Jitter().times(0.5)),
        EvaluationProtocol(fit_start="box"),
    ):
        measuring(quick_model, faces, protocol)
        assert measuring.made == FACES


def test_the_start_of_a_fit_is_the_face_s_own(
    quick_model: FaceModel, faces: list[TrainingFace]
) -> None:
    """A pair of evaluations differs only on faces that differ, whoever comes or goes."""
    every, some = measure(quick_model, faces, FACES), measure(quick_model, faces[1:], FACES - 1)
    np.testing.assert_array_equal(every.fitted[1:], some.fitted)


def test_what_is_damaged_is_made_again(
    measuring: Measuring, quick_model: FaceModel, faces: list[TrainingFace]
) -> None:
    before = measuring(quick_model, faces)
    assert measuring.cache.folder is not None
    (file,) = (measuring.cache.folder / "measured").iterdir()
    content = bytearray(file.read_bytes())
    content[-40] ^= 1
    file.write_bytes(content)
    found = measuring(quick_model, faces)
    assert measuring.made == FACES
    np.testing.assert_array_equal(found.fitted, before.fitted)
