from __future__ import annotations

import json
import math
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from safetensors.numpy import load as read_arrays
from safetensors.numpy import save as to_bytes

import faceloop_runtime
from faceloop_datasets import InputError, ModelFileError
from faceloop_runtime import FaceModel, Fitter
from faceloop_runtime.fit.schedule import Pass
from faceloop_runtime.geometry import Similarity
from faceloop_runtime.model.layout import VERSION
from faceloop_runtime.pdm3d import PoseCorrection, ShapeModel3D, head_pose
from faceloop_runtime.pdm3d.head_pose import TURNS
from faceloop_runtime.start.finding import find_learned
from faceloop_runtime.start_network import StartMap
from faceloop_runtime.start_network.network import FEATURES


@pytest.fixture(scope="module")
def data(small_model: FaceModel, tmp_path_factory: pytest.TempPathFactory) -> bytes:
    path = tmp_path_factory.mktemp("model") / "small.safetensors"
    small_model.save(path)
    return path.read_bytes()


def parts(data: bytes) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    length = int.from_bytes(data[:8], "little")
    about = json.loads(data[8 : 8 + length])["__metadata__"]["faceloop"]
    return read_arrays(data), json.loads(about)


def refused(path: Path, arrays: dict[str, np.ndarray], about: Any) -> str:
    path.write_bytes(to_bytes(arrays, {"faceloop": json.dumps(about)}))
    with pytest.raises(ModelFileError) as caught:
        FaceModel.load(path)
    message = str(caught.value)
    assert str(path) in message
    assert "found" in message
    assert "expected" in message
    return message


def test_a_model_comes_back_as_it_was(small_model: FaceModel, tmp_path: Path) -> None:
    path = tmp_path / "a.safetensors"
    small_model.save(path)
    again = FaceModel.load(path)
    assert again.scheme == small_model.scheme
    assert again.channels == small_model.channels
    assert again.provenance == small_model.provenance
    assert again.validator.bias == small_model.validator.bias
    assert [e.scale for e in again.experts] == [18.0, 27.0]
    for part in (
        "pdm",
        "regressor",
        "validator",
        "error_predictor",
        "point_predictor",
        "error_calibration",
        "initialiser",
        "detector",
    ):
        for name, value in vars(getattr(small_model, part)).items():
            if isinstance(value, np.ndarray):
                np.testing.assert_array_equal(getattr(getattr(again, part), name), value)
    for network in ("error", "visible"):
        for name, value in vars(getattr(small_model.point_predictor, network)).items():
            found = getattr(getattr(again.point_predictor, network), name)
            np.testing.assert_array_equal(found, value)
    np.testing.assert_array_equal(again.experts[1].weights, small_model.experts[1].weights)


def test_a_file_of_version_1_has_no_bound_and_no_visibility(
    small_model: FaceModel, data: bytes, tmp_path: Path
) -> None:
    arrays, about = parts(data)
    later = ("point_judges", "error_levels", "detector")
    old = {k: v for k, v in arrays.items() if not k.startswith(later)}
    path = tmp_path / "old.safetensors"
    path.write_bytes(to_bytes(old, {"faceloop": json.dumps(about | {"version": 1})}))
    model = FaceModel.load(path)
    assert model.point_predictor is None
    assert model.error_calibration is None
    gray = np.random.default_rng(0).integers(0, 255, (90, 90)).astype(np.uint8)
    pose, passes = Similarity(30.0, 0.0, 45.0, 45.0), (Pass(0, (5.0,)), Pass(1, (5.0,)))
    fit = Fitter(model, "cpu").fit_pose(gray, pose, passes=passes)
    assert math.isfinite(fit.predicted_error)
    assert math.isnan(fit.error_bound)
    assert np.isnan(fit.visibility).all()
    now = Fitter(small_model, "cpu").fit_pose(gray, pose, passes=passes)
    assert now.error_bound > now.predicted_error
    assert ((now.visibility >= 0) & (now.visibility <= 1)).all()
    model.save(tmp_path / "again.safetensors")
    assert FaceModel.load(tmp_path / "again.safetensors").point_predictor is None
    # a file that calls itself newer than it is, and one that calls itself older
    assert "error_levels.bound: found no such array" in refused(path, old, about | {"version": 2})
    assert "no array of this name" in refused(path, arrays, about | {"version": 1})


def test_parts_that_a_file_may_have_are_all_there_or_not_at_all(
    small_model: FaceModel, tmp_path: Path
) -> None:
    modes, points = len(small_model.pdm.variances), len(small_model.pdm)
    numbers = np.random.default_rng(1).normal(size=(FEATURES, 4 + modes + points))
    start = StartMap(
        weights=numbers.astype(np.float32),
        offset=numbers[0].astype(np.float32),
        spread=np.ones(modes, np.float32),
        place=np.ones(4, np.float32),
        error=np.ones(1, np.float32),
    )
    path = tmp_path / "with.safetensors"
    replace(small_model, start=start, pdm=replace(small_model.pdm, context=0.5)).save(path)
    again = FaceModel.load(path)
    assert again.start is not None
    assert again.pdm.context == 0.5
    np.testing.assert_array_equal(again.start.weights, start.weights)
    arrays, about = parts(path.read_bytes())
    assert about["version"] == 3
    assert "no array of this name" in refused(path, arrays, about | {"version": 2})
    assert "metadata.parts" in refused(path, arrays, about | {"parts": ["teeth"]})
    context = refused(path, arrays, about | {"pdm.context": -1.0})
    assert "pdm.context: found -1.0" in context
    flat = arrays | {"start.place": np.zeros(4, np.float32)}
    assert "start.place: found a pose of size 0" in refused(path, flat, about)
    del arrays["start.offset"]
    assert "start.offset: found no such array" in refused(path, arrays, about)


def in_space(model: FaceModel) -> dict[str, Any]:
    """Make a shape model in space and a correction of poses, of random numbers."""
    rng, points, modes = np.random.default_rng(2), len(model.pdm), 5
    rows, _ = np.linalg.qr(rng.normal(size=(3 * points, modes)))
    shape = ShapeModel3D(
        mean=rng.normal(size=(points, 3)),
        components=rows.T.copy(),
        variances=np.linspace(0.1, 0.01, modes),
        noise=np.full(points, 1e-3),
    )
    correction = PoseCorrection(
        weights=rng.normal(0, 0.01, (TURNS + 2 * modes, 3)).astype(np.float32),
        offset=np.array([0.1, 0.0, 0.0], np.float32),
        reach=np.array([40.0, 20.0], np.float32),
        error=np.array([4.0, 6.0], np.float32),
    )
    return {"shape3d": shape, "pose_correction": correction}


def test_what_a_model_knows_of_space_comes_back(small_model: FaceModel, tmp_path: Path) -> None:
    path, made = tmp_path / "m.safetensors", in_space(small_model)
    replace(small_model, **made).save(path)
    again = FaceModel.load(path)
    for part, value in made.items():
        for name, array in vars(value).items():
            np.testing.assert_array_equal(getattr(getattr(again, part), name), array)
    assert again.summary()["shape3d"] == 5
    assert small_model.summary()["shape3d"] is None
    arrays, about = parts(path.read_bytes())
    assert about["parts"] == ["detector", "shape3d", "pose_correction"]
    short = arrays | {"pose_correction.weights": arrays["pose_correction.weights"][1:]}
    assert f"({TURNS + 10}, 3) (pose features x 3)" in refused(path, short, about)
    line = arrays | {
        "shape3d.mean": np.outer(np.linspace(0, 1, len(small_model.pdm)), [1.0, 2.0, 3.0])
    }
    assert "shape3d.mean: found points on one line" in refused(path, line, about)
    alone = {k: v for k, v in arrays.items() if not k.startswith("shape3d")}
    without = about | {"parts": ["detector", "pose_correction"]}
    assert "pose_correction without shape3d" in refused(path, alone, without)
    replace(small_model, shape3d=made["shape3d"]).save(path)
    assert FaceModel.load(path).pose_correction is None


def test_a_fit_tells_how_the_head_is_turned(small_model: FaceModel) -> None:
    gray = np.random.default_rng(0).integers(0, 255, (90, 90)).astype(np.uint8)
    pose, passes = Similarity(30.0, 0.0, 45.0, 45.0), (Pass(0, (5.0,)), Pass(1, (5.0,)))
    made = in_space(small_model)
    fit = Fitter(replace(small_model, **made), "cpu").fit_pose(gray, pose, passes=passes)
    expected = head_pose(made["shape3d"], made["pose_correction"], fit.points, fit.predicted_error)
    assert fit.head_pose == expected
    assert Fitter(small_model, "cpu").fit_pose(gray, pose, passes=passes).head_pose is None


def test_correlations_and_factors_of_the_modes_come_back(
    small_model: FaceModel, data: bytes, tmp_path: Path
) -> None:
    assert not {"pdm.correlation", "pdm.regularisation"} & set(parts(data)[0])
    correlation = np.array([[1, 0.5, 0], [0.5, 1, -0.2], [0, -0.2, 1]])
    factors = np.array([0.0, 1.0, 7.5])
    path = tmp_path / "sparse.safetensors"
    pdm = replace(small_model.pdm, correlation=correlation, regularisation=factors)
    made = replace(small_model, pdm=pdm)
    made.save(path)
    again = FaceModel.load(path).pdm
    np.testing.assert_array_equal(again.correlation, correlation)
    np.testing.assert_array_equal(again.regularisation, factors)
    arrays, about = parts(path.read_bytes())
    assert about["parts"] == ["pdm.correlation", "pdm.regularisation", "detector"]
    for broken in (
        correlation + np.eye(3, k=1) / 10,  # not symmetric
        correlation * 0.5,  # no ones
        np.ones((3, 3)),  # all parameters are one
    ):
        said = refused(path, arrays | {"pdm.correlation": broken}, about)
        assert "pdm.correlation: found" in said
    said = refused(path, arrays | {"pdm.regularisation": factors - 1}, about)
    assert "pdm.regularisation: found values from -1" in said
    with pytest.raises(ModelFileError, match="Train the model again"):
        replace(made, point_predictor=None).save(path)


def test_a_file_of_version_2_has_no_detector(data: bytes, tmp_path: Path) -> None:
    arrays, about = parts(data)
    new = ("detector", "start")
    old = {k: v for k, v in arrays.items() if not k.startswith(new)}
    about = {k: v for k, v in about.items() if k != "parts"}
    path = tmp_path / "old.safetensors"
    path.write_bytes(to_bytes(old, {"faceloop": json.dumps(about | {"version": 2})}))
    model = FaceModel.load(path)
    assert model.point_predictor is not None
    assert model.detector is None
    assert find_learned(model, np.zeros((90, 90), np.uint8)) == []
    model.save(tmp_path / "again.safetensors")
    assert parts((tmp_path / "again.safetensors").read_bytes())[1]["version"] == 2
    assert "no array of this name" in refused(path, arrays, about | {"version": 2})


def test_levels_that_fall_are_refused(data: bytes, tmp_path: Path) -> None:
    arrays, about = parts(data)
    falling = arrays | {"error_levels.bound": arrays["error_levels.bound"][::-1].copy()}
    assert "error_levels.bound: found values that fall" in refused(
        tmp_path / "m.safetensors", falling, about
    )


def test_the_same_model_gives_the_same_bytes(
    small_model: FaceModel, data: bytes, tmp_path: Path
) -> None:
    small_model.save(tmp_path / "a.safetensors")
    FaceModel.load(tmp_path / "a.safetensors").save(tmp_path / "b.safetensors")
    assert (tmp_path / "a.safetensors").read_bytes() == data
    assert (tmp_path / "b.safetensors").read_bytes() == data


def test_a_loaded_model_cannot_be_written_to(data: bytes, tmp_path: Path) -> None:
    path = tmp_path / "m.safetensors"
    path.write_bytes(data)
    with pytest.raises(ValueError, match="read-only"):
        FaceModel.load(path).pdm.mean[0] = 0.0


def test_a_model_that_holds_nan_is_not_saved_and_the_old_file_stays(
    small_model: FaceModel, data: bytes, tmp_path: Path
) -> None:
    path = tmp_path / "m.safetensors"
    path.write_bytes(data)
    weights = small_model.validator.weights.copy()
    weights[3] = np.nan
    bad = replace(small_model, validator=replace(small_model.validator, weights=weights))
    with pytest.raises(ModelFileError, match=r"validator\.weights: found 1 values that are NaN"):
        bad.save(path)
    assert path.read_bytes() == data
    assert list(tmp_path.iterdir()) == [path]


def test_a_folder_that_is_none_is_said(small_model: FaceModel, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="cannot be written"):
        small_model.save(tmp_path / "file" / "m.safetensors")


def test_missing_file_and_folder(tmp_path: Path) -> None:
    for path in (tmp_path / "none.safetensors", tmp_path):
        with pytest.raises(ModelFileError, match="no such file"):
            FaceModel.load(path)


@pytest.mark.parametrize(
    "content", [b"", b"\x00", b"PK\x03\x04" * 50, b"\xff" * 200, b"\x89PNG\r\n\x1a\n" + bytes(99)]
)
def test_another_format(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "m.safetensors"
    path.write_bytes(content)
    with pytest.raises(ModelFileError, match="another format"):
        FaceModel.load(path)


def test_someone_elses_safetensors_file(tmp_path: Path) -> None:
    path = tmp_path / "m.safetensors"
    path.write_bytes(to_bytes({"x": np.zeros(3)}))
    with pytest.raises(ModelFileError, match="no entry 'faceloop'"):
        FaceModel.load(path)


@pytest.mark.parametrize("share", [0.01, 0.5, 0.999])
def test_truncated(data: bytes, share: float, tmp_path: Path) -> None:
    path = tmp_path / "m.safetensors"
    path.write_bytes(data[: int(share * len(data))])
    with pytest.raises(ModelFileError, match=r"truncated|damaged"):
        FaceModel.load(path)


def test_a_header_of_impossible_length_is_not_read(data: bytes, tmp_path: Path) -> None:
    path = tmp_path / "m.safetensors"
    path.write_bytes((1 << 60).to_bytes(8, "little") + data[8:])
    with pytest.raises(ModelFileError, match="truncated or in another format"):
        FaceModel.load(path)


def test_a_huge_file_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "m.safetensors"
    with path.open("wb") as file:
        file.truncate(2**31)  # sparse: takes no room
    with pytest.raises(ModelFileError, match="expected at most"):
        FaceModel.load(path)


def test_a_newer_version_asks_for_an_update(data: bytes, tmp_path: Path) -> None:
    arrays, about = parts(data)
    about["version"] = VERSION + 1
    assert "Update faceloop" in refused(tmp_path / "m.safetensors", arrays, about)


def test_another_scheme_does_not_fit_the_arrays(data: bytes, tmp_path: Path) -> None:
    from faceloop_datasets import Scheme

    arrays, about = parts(data)
    about["scheme"] = Scheme.load("ibug68").to_toml()
    message = refused(tmp_path / "m.safetensors", arrays, about)
    assert "pdm.mean: found shape (58, 2), expected (68, 2)" in message


@pytest.mark.parametrize(
    ("key", "value", "said"),
    [
        ("version", "1", "metadata.version"),
        ("version", True, "metadata.version"),
        ("format", "x", "metadata.format"),
        ("scheme", 3, "metadata.scheme"),
        ("scheme", "name = 1", "metadata.scheme"),
        ("scheme", "x = " + "[" * 20000, "metadata.scheme"),
        ("channels", [], "metadata.channels"),
        ("channels", ["raw", "colour"], "metadata.channels"),
        ("channels", ["raw", "raw"], "metadata.channels"),
        ("channels", ["raw"], "experts.0.weights"),
        ("scales", [24.0] * 9, "metadata.scales"),
        ("scales", [18.0], "experts.1.bias"),
        ("scales", [18.0, math.nan], "metadata.scales"),
        ("scales", [18.0, 1e6], "metadata.scales"),
        ("pdm.noise", 0, "metadata.pdm.noise"),
        ("validator.bias", None, "metadata.validator.bias"),
        ("validator.bias", math.inf, "metadata.validator.bias"),
        ("provenance", [], "metadata.provenance"),
    ],
)
def test_wrong_metadata(data: bytes, key: str, value: Any, said: str, tmp_path: Path) -> None:
    arrays, about = parts(data)
    assert said in refused(tmp_path / "m.safetensors", arrays, about | {key: value})


def test_metadata_that_is_no_object(data: bytes, tmp_path: Path) -> None:
    arrays, _ = parts(data)
    refused(tmp_path / "m.safetensors", arrays, [1])


@pytest.mark.parametrize("name", sorted(["pdm.mean", "experts.0.gain", "error_predictor.out"]))
def test_arrays_missing_unknown_or_of_another_kind(data: bytes, name: str, tmp_path: Path) -> None:
    path = tmp_path / "m.safetensors"
    arrays, about = parts(data)
    whole = arrays[name]
    rest = {k: v for k, v in arrays.items() if k != name}
    assert f"{name}: found no such array" in refused(path, rest, about)
    assert "'extra'" in refused(path, arrays | {"extra": np.zeros(3)}, about)
    assert f"{name}: found numbers of type" in refused(
        path, arrays | {name: whole.astype(np.float16)}, about
    )
    assert f"{name}: found shape" in refused(path, arrays | {name: whole[:-1]}, about)
    assert f"{name}: found shape" in refused(path, arrays | {name: whole[None]}, about)


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("experts.1.weights", np.nan, "NaN"),
        ("regressor.weights", np.inf, "NaN or infinite"),
        ("pdm.variances", 0.0, "values from 0 to"),
        ("pdm.variances", -1.0, "values from -1 to"),
        ("pdm.mean", 1e7, "values from"),
        ("error_predictor.spread", 0.0, "values from 0"),
        ("experts.0.reliability", 1.5, "expected values from 0 to 1"),
        ("validator.weights", 1e30, "values from"),
        ("point_judges.spread", 0.0, "values from 0"),
        ("point_judges.error.hidden", np.nan, "NaN"),
        ("error_levels.median", np.nan, "NaN"),
        ("detector.cell", 0.0, "values from 0"),
        ("detector.gain", -1.0, "values from -1"),
        ("detector.shift", np.inf, "NaN or infinite"),
    ],
)
def test_values_that_would_break_a_fit(
    data: bytes, name: str, value: float, said: str, tmp_path: Path
) -> None:
    arrays, about = parts(data)
    changed = arrays[name].copy()
    changed.flat[0] = value
    message = refused(tmp_path / "m.safetensors", arrays | {name: changed}, about)
    assert name in message
    assert said in message


def test_an_even_or_huge_patch(data: bytes, tmp_path: Path) -> None:
    arrays, about = parts(data)
    for width in (4, 43):
        weights = np.zeros((3, 5, width, width), np.float32)
        message = refused(
            tmp_path / "m.safetensors", arrays | {"initialiser.weights": weights}, about
        )
        assert f"initialiser patch = {width}" in message


@settings(
    max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.data())
def test_damage_is_refused_or_harmless(data: bytes, tmp_path: Path, draw: st.DataObject) -> None:
    """Flips anywhere, most of them in the header; truncation; never another exception."""
    header = 8 + int.from_bytes(data[:8], "little")
    place = st.one_of(st.integers(0, header - 1), st.integers(0, len(data) - 1))
    damaged = bytearray(data)
    for at, byte in draw.draw(st.lists(st.tuples(place, st.integers(0, 255)), max_size=4)):
        damaged[at] = byte
    end = draw.draw(st.one_of(st.just(len(data)), st.integers(0, len(data))))
    path = tmp_path / "m.safetensors"
    path.write_bytes(damaged[:end])
    with suppress(ModelFileError):  # any other exception fails the test
        assert np.isfinite(FaceModel.load(path).pdm.mean).all()


def test_the_starter_saved_again_is_the_same_file(tmp_path: Path) -> None:
    path = tmp_path / "again.safetensors"
    FaceModel.starter().save(path)
    package = Path(faceloop_runtime.__file__).parent
    assert path.read_bytes() == (package / "starter" / "face70.safetensors").read_bytes()
