"""What is shown of a model's inside, on the starter model."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from faceloop_runtime import FaceModel
from faceloop_runtime.pdm3d import ShapeModel3D
from faceloop_workbench.services.comparison import Comparison, ModelErrors
from faceloop_workbench.train import model_contents
from faceloop_workbench.train.model_list import ListedModel, error_text


@pytest.fixture(scope="module")
def model() -> FaceModel:
    return FaceModel.starter()


def test_components_explain_everything_that_is_kept(model: FaceModel) -> None:
    shares = model_contents.explained_variance(model.pdm)
    assert shares.sum() == pytest.approx(1.0)
    assert (np.diff(shares) <= 0).all()


def test_a_slider_moves_by_standard_deviations(model: FaceModel) -> None:
    sigmas = np.zeros(len(model.pdm.variances))
    np.testing.assert_array_equal(model_contents.shape_at(model.pdm, sigmas), model.pdm.mean)
    sigmas[2] = -2.0
    moved = model_contents.shape_at(model.pdm, sigmas) - model.pdm.mean
    # The components are orthonormal, so the length of the move is that of the parameter.
    assert np.linalg.norm(moved) == pytest.approx(2.0 * np.sqrt(model.pdm.variances[2]))


def test_a_shape_in_space_is_drawn_as_it_looks_turned() -> None:
    rng = np.random.default_rng(0)
    modes = np.linalg.qr(rng.normal(size=(18, 2)))[0].T
    shape = ShapeModel3D(rng.normal(size=(6, 3)), modes, np.array([0.04, 0.01]), np.ones(6))
    ahead = model_contents.space_shape_at(shape, np.zeros(2), 0.0, 0.0)
    np.testing.assert_allclose(ahead, shape.mean[:, :2])
    side = model_contents.space_shape_at(shape, np.zeros(2), 90.0, 0.0)
    np.testing.assert_allclose(side[:, 0], shape.mean[:, 2], atol=1e-12)
    varied = model_contents.space_shape_at(shape, np.array([0.0, 3.0]), 0.0, 0.0)
    np.testing.assert_allclose(varied - ahead, 0.3 * modes[1].reshape(6, 3)[:, :2])


def test_every_channel_has_a_name(model: FaceModel) -> None:
    names = model_contents.channel_names(model)
    assert len(names) == len(set(names)) == model.experts[0].weights.shape[1]
    assert names[1] == "gradient 60°"


def test_filters_are_orange_where_they_speak_for_and_blue_against() -> None:
    picture = model_contents.coloured(np.array([[1.0, -1.0, 0.0]], np.float32), 1.0)
    (up, down, nothing), *_ = picture.astype(int)
    assert up[0] > up[2]
    assert down[2] > down[0]
    assert nothing.max() - nothing.min() < 5


def test_a_landmark_has_a_picture_a_channel(model: FaceModel) -> None:
    pictures = model_contents.patch_pictures(model.experts[2], 27)
    assert len(pictures) == len(model_contents.channel_names(model))
    assert {p.shape for p in pictures} == {(11, 11, 3)}
    assert all(p.std() > 3 for p in pictures)


def test_the_mosaic_has_each_filter_at_its_place(model: FaceModel) -> None:
    experts = model.experts[2]
    picture, centres = model_contents.mosaic(model, experts, 0, 330)
    assert picture.shape == (330, 330, 3)
    half = experts.patch // 2
    assert (centres >= half).all()
    assert (centres < 330 - half).all()
    left_eye, right_eye = centres[27], centres[32]
    assert left_eye[0] < right_eye[0]
    assert centres[7][1] > left_eye[1]  # the chin is below
    x, y = centres[7]
    most = np.percentile(np.abs(experts.weights[:, 0]), 99.5)
    expected = model_contents.coloured(experts.weights[7, 0], float(most))
    np.testing.assert_array_equal(
        picture[y - half : y + half + 1, x - half : x + half + 1], expected
    )


def test_a_landmark_without_patches_is_named(model: FaceModel) -> None:
    reliability = model.experts[0].reliability.copy()
    reliability[7] = 0.0
    experts = replace(model.experts[0], reliability=reliability)
    assert model_contents.point_weights(experts)[7] == 0.0
    assert "only the shape places them: chin." in model_contents.gain_text(experts, model.scheme)
    assert "Never" not in model_contents.gain_text(model.experts[0], model.scheme)


def test_equal_models_have_no_changes(model: FaceModel) -> None:
    assert model_contents.differences(model, model) == []
    assert model_contents.mean_shape_distance(model, model).max() == 0.0


def test_a_setting_of_before_is_no_change(model: FaceModel) -> None:
    """Varimax components were called natural."""
    config = model.provenance["config"]
    old, new = (
        replace(model, provenance={**model.provenance, "config": {**config, "modes": modes}})
        for modes in ("natural", "varimax")
    )
    assert model_contents.differences(new, old) == []


def test_changes_are_told_in_words(model: FaceModel) -> None:
    made = model.provenance
    config = {**made["config"], "experts": "mosse", "holdout": 0.2}
    other = replace(model, provenance={**made, "faces": 40, "config": config, "versions": {}})
    told = {c.what: (c.old, c.new) for c in model_contents.differences(other, model)}
    assert told["faces"] == ("1900", "40")
    assert told["setting: experts"] == ("ridge", "mosse")
    assert told["setting: holdout"] == ("0", "0.2")
    assert told["version: numpy"][1] == "-"
    assert "setting: channels" not in told


def test_a_start_map_and_a_detector_of_its_own_are_changes(model: FaceModel) -> None:
    old = replace(model, start=None, detector=None)
    told = {c.what: (c.old, c.new) for c in model_contents.differences(model, old)}
    assert told["start map"] == ("none", "for this start network")
    before, now = told["usual error of the start"]
    assert before == "-"
    assert 0 < float(now) < 0.1
    assert told["templates of its own detector"][0] == "-"


def test_the_shift_names_the_point_that_moved_most(model: FaceModel) -> None:
    mean = model.pdm.mean.copy()
    mean[7] += (0.0, 0.05)
    moved = replace(model, pdm=replace(model.pdm, mean=mean))
    shift = model_contents.mean_shape_distance(moved, model)
    assert shift[7] == pytest.approx(0.05)
    assert "most at chin (0.0500)" in model_contents.mean_shape_text(shift, model.scheme)


def listed(name: str, number: int, comparison: Comparison | None) -> ListedModel:
    metrics = {} if comparison is None else {"comparison": comparison.to_dict()}
    return ListedModel(number, name, None, None, "", False, metrics)


def measured(error: float) -> ModelErrors:
    return ModelErrors(np.array([error]), np.full(70, error), {})


def test_errors_of_points_are_from_the_same_faces_where_they_can_be() -> None:
    first = listed("first", 1, Comparison(measured(0.03), None, "", 1, True, ""))
    second = listed("second", 2, Comparison(measured(0.02), measured(0.04), "first", 1, True, ""))
    third = listed("third", 3, Comparison(None, None, "second", 0, False, ""))
    same = model_contents.point_errors(second, first)
    assert same is not None
    assert (same.same_faces, same.old[0]) == (True, 0.04)
    apart = model_contents.point_errors(first, second)
    assert apart is not None
    assert (apart.same_faces, apart.old[0]) == (False, 0.02)
    assert model_contents.point_errors(third, first) is None
    assert model_contents.point_errors(first, listed("starter", 4, None)) is None


def test_errors_on_different_faces_say_on_how_many() -> None:
    one, two, none = ({"nme_mean": 0.0269, "faces": 76}, {"nme_mean": 0.0284, "faces": 300}, {})
    models = [ListedModel(k, "m", None, None, "", False, m) for k, m in enumerate((one, two, none))]
    assert [error_text(model, models) for model in models] == ["0.0269 on 76", "0.0284 on 300", ""]
    assert error_text(models[0], [models[0], models[2]]) == "0.0269"
