from __future__ import annotations

import json
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from faceloop_datasets import ModelFileError
from faceloop_runtime.clmtrackr import (
    ClmtrackrModel,
    MossePatches,
    Scoring,
    SvmPatches,
    load,
    save,
)

MODES = 3


def made(mosse: bool = False) -> ClmtrackrModel:
    """A model of random numbers: right in every shape."""
    rng = np.random.default_rng(0)
    numbers = rng.normal(size=(71, 2, 16, 16))
    svm = {kind: rng.normal(size=(71, 5, 5)) for kind in ("raw", "sobel")}
    return ClmtrackrModel(
        mean=rng.uniform(20, 90, (71, 2)),
        modes=rng.normal(size=(142, MODES)),
        variances=np.array([9.0, 4.0, 1.0]),
        free=(0,),
        patches=MossePatches(numbers[:, 0] + 1j * numbers[:, 1])
        if mosse
        else SvmPatches(svm, {kind: rng.normal(size=71) for kind in svm}),
        canvas=(114, 102),
        scoring=Scoring(rng.normal(size=(22, 20)), -1.5),
        hints={
            "leftEye": np.array([40.0, 33.0]),
            "rightEye": np.array([70.0, 33.0]),
            "nose": np.array([55.0, 50.0]),
        },
        path={"normal": [[0, 1, 2], 27], "vertices": [[0, 1, 23, 0]]},
    )


@pytest.fixture(scope="module")
def body(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    file = tmp_path_factory.mktemp("clmtrackr") / "model.json"
    save(made(), file)
    content: dict[str, Any] = json.loads(file.read_text())
    return content


def written(folder: Path, text: str) -> Path:
    file = folder / "model.js"
    file.write_text(text)
    return file


def changed(body: dict[str, Any], path: str, value: Any) -> str:
    """The body with one value replaced; ``...`` removes it."""
    copy = json.loads(json.dumps(body))
    *parents, last = path.split(".")
    part = copy
    for name in parents:
        part = part[name]
    if value is ...:
        del part[last]
    else:
        part[last] = value
    return json.dumps(copy)


@pytest.mark.parametrize("name", ["model.js", "model.json"])
@pytest.mark.parametrize("mosse", [False, True])
def test_a_model_comes_back_as_it_was(tmp_path: Path, name: str, mosse: bool) -> None:
    model = made(mosse)
    save(model, tmp_path / name)
    back = load(tmp_path / name)
    assert np.allclose(back.mean, model.mean, rtol=1e-6)
    assert np.allclose(back.modes, model.modes, rtol=1e-6)
    assert np.allclose(back.variances, model.variances)
    assert (back.free, back.canvas, back.path) == (model.free, model.canvas, model.path)
    assert isinstance(back.scoring, Scoring)
    assert isinstance(model.scoring, Scoring)
    assert np.allclose(back.scoring.weights, model.scoring.weights, rtol=1e-6)
    assert np.allclose(back.hints["nose"], model.hints["nose"])
    if isinstance(model.patches, MossePatches):
        assert isinstance(back.patches, MossePatches)
        assert np.allclose(back.patches.transfer, model.patches.transfer, rtol=1e-5)
    else:
        assert isinstance(back.patches, SvmPatches)
        for kind, weights in model.patches.weights.items():
            assert np.allclose(back.patches.weights[kind], weights, rtol=1e-6)
            assert np.allclose(back.patches.bias[kind], model.patches.bias[kind], rtol=1e-6)


def test_the_parameters_are_clmtrackrs() -> None:
    model = made()
    b = np.array([1.0, -2.0, 0.5])
    a, s, tx, ty = 1.2, 0.3, 7.0, -4.0
    x, y = model.shape(b).T
    wanted = np.stack([a * x - s * y + tx, a * y + s * x + ty], axis=1)
    assert np.allclose(model.points(np.array([a - 1, s, tx, ty, *b])), wanted)


def test_comments_and_code_round_the_object_do_not_matter(
    tmp_path: Path, body: dict[str, Any]
) -> None:
    body = {"note": '// no comment, \\" /* nor this */', **body}
    text = json.dumps(body, indent=1).replace('"vertices": [', '"vertices": [ // jaw\n /* } */')
    for before, after in (
        ("", ""),
        ("(function(){var pModel = ", ";})();"),
        ("\ufeffmodule.exports=", ""),
        ("export default ", ";"),
    ):
        assert load(written(tmp_path, before + text + after)).path == made().path


@pytest.mark.parametrize(
    ("path", "value", "says"),
    [
        ("shapeModel", ..., "shapeModel: found nothing"),
        ("shapeModel.meanShape", ..., "shapeModel.meanShape"),
        ("shapeModel.meanShape", [[1, 2]] * 70, "expected 71 x 2"),
        ("shapeModel.meanShape", [[1, 2]] * 71, "points in one line"),
        ("shapeModel.meanShape", [["1", "2"]] * 71, "shapeModel.meanShape"),
        ("shapeModel.eigenVectors", [[1.0] * 2] * 142, "eigenVectors"),
        ("shapeModel.eigenVectors", [[1.0] * 3] * 141 + [[1.0]], "eigenVectors"),
        ("shapeModel.eigenValues", [1.0, 0.0, 1.0], "eigenValues"),
        ("shapeModel.eigenValues", [1.0], "eigenValues"),
        ("shapeModel.eigenValues", [1.0, 1e300, 1.0], "eigenValues"),
        ("shapeModel.numEvalues", 10**30, "numEvalues"),
        ("shapeModel.numEvalues", 2.5, "numEvalues"),
        ("shapeModel.numPtsPerSample", 68, "68 points"),
        ("shapeModel.nonRegularizedVectors", [-1], "nonRegularizedVectors"),
        ("patchModel.patchType", "CNN", "expected SVM or MOSSE"),
        ("patchModel.patchType", ["SVM"], "patchType"),
        ("patchModel.patchSize", [4, 4], "an odd square"),
        ("patchModel.patchSize", [5, 7], "5 x 7"),
        ("patchModel.patchSize", [10**9, 10**9], "patchSize"),
        ("patchModel.canvasSize", [10**6, 10], "canvasSize"),
        ("patchModel.weights", {"sobel": []}, "patchModel.weights.raw"),
        ("patchModel.weights.raw", [[0.1] * 24] * 71, "expected 71 x 25"),
        ("patchModel.bias.raw", None, "patchModel.bias.raw"),
        ("scoring.size", [0, 22], "scoring.size"),
        ("scoring.coef", [1.0], "scoring.coef"),
        ("scoring.bias", "low", "scoring.bias"),
        ("hints.nose", [1.0], "hints.nose"),
        ("path.normal", [[0, 71]], "path.normal.0"),
        ("path.normal", 3, "path.normal"),
    ],
)
def test_a_damaged_field_is_named(
    tmp_path: Path, body: dict[str, Any], path: str, value: Any, says: str
) -> None:
    file = written(tmp_path, changed(body, path, value))
    with pytest.raises(ModelFileError) as error:
        load(file)
    assert str(file) in str(error.value)
    assert says in str(error.value)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "alert(1)",
        "var pModel = alert(1)",
        "var pModel = {",
        "{}",
        "[" * 100_000,
        '{"shapeModel":' + "[" * 100_000,
        "var pModel = {'a': 1}",
        '{"shapeModel": NaN}',
        "pModel = {/*" + "/*" * 50_000,
        'pModel = {"' + '\\"' * 50_000,
    ],
)
def test_what_is_no_model_is_refused(tmp_path: Path, text: str) -> None:
    with pytest.raises(ModelFileError, match="cannot be used"):
        load(written(tmp_path, text))


def test_missing_binary_and_huge_files_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelFileError, match="no such file"):
        load(tmp_path / "nowhere.js")
    binary = tmp_path / "binary.js"
    binary.write_bytes(b"\x80\xff\x00" * 10)
    with pytest.raises(ModelFileError, match="UTF-8"):
        load(binary)
    with binary.open("r+b") as file:
        file.truncate(33 * 2**20)
    with pytest.raises(ModelFileError, match="at most"):
        load(binary)


def test_a_file_of_another_ending_is_not_written(tmp_path: Path) -> None:
    with pytest.raises(ModelFileError, match="expected \\.js or \\.json"):
        save(made(), tmp_path / "model.txt")
    assert not list(tmp_path.iterdir())


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_damage_anywhere_is_an_error_or_still_a_model(
    tmp_path: Path, body: dict[str, Any], data: st.DataObject
) -> None:
    text = f"var pModel = {json.dumps(body)};"
    at = data.draw(st.integers(0, len(text) - 1))
    length = data.draw(st.integers(0, 40))
    junk = data.draw(st.text(alphabet='{}[]",:0123456789.-e/*\\ \x00é', max_size=8))
    file = tmp_path / "model.js"
    file.write_text(text[:at] + junk + text[at + length :], encoding="utf-8")
    with suppress(ModelFileError):
        model = load(file)
        assert np.isfinite(model.points(np.zeros(4 + len(model.variances)))).all()
