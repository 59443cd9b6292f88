from __future__ import annotations

import tempfile
from dataclasses import replace
from itertools import islice
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from faceloop_datasets import (
    Annotation,
    Conversion,
    InputError,
    PointState,
    Project,
    Scheme,
    SchemeError,
)
from faceloop_datasets.formats import FaceRecord, read_faces, write_faces
from faceloop_datasets.formats.tidy import COLUMNS
from faceloop_datasets.sample import sample_faces


def record(scheme: str, name: str = "a.jpg", **changes: object) -> FaceRecord:
    size = len(Scheme.load(scheme))
    points = np.random.default_rng(0).uniform(50, 300, (size, 2))
    face = Annotation(scheme, points, np.zeros(size, dtype=int))
    values = {
        "name": name, "subject": "s", "image": None, "image_name": name,
        "annotation": face, "origin": "here",
    }  # fmt: skip
    return FaceRecord(**(values | changes))  # type: ignore[arg-type]


def with_states(face: FaceRecord, *states: PointState) -> FaceRecord:
    code = face.annotation.states.copy()
    code[: len(states)] = states
    old = face.annotation
    return replace(face, annotation=Annotation(old.scheme, old.points, code, old.source))


# On a ring and mostly present, so that no point counts as a typing error
@st.composite
def faces(draw: st.DrawFn, scheme: str, states: list[PointState]) -> FaceRecord:
    size = len(Scheme.load(scheme))
    angle = np.linspace(0.1, 2 * np.pi, size)
    ring = 1500 * np.column_stack([np.cos(angle), np.sin(angle)])
    points = ring + draw(arrays(float, (size, 2), elements=st.floats(-500, 1500)))
    code = np.zeros(size, dtype=int)
    code[: size // 4] = draw(arrays(int, size // 4, elements=st.sampled_from(states)))
    face = Annotation(scheme, points, code, f"import:{scheme}")
    return record(scheme, annotation=face)


@settings(max_examples=30, deadline=None)
@given(faces("clmtrackr71", [PointState.VISIBLE, PointState.OCCLUDED, PointState.MISSING]))
def test_clmtools_comes_back_to_the_last_bit(face: FaceRecord) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "annotations.csv"
        write_faces("clmtools", [face], path, scheme=Scheme.load("clmtrackr71"))
        (back,) = read_faces("clmtools", [path])
    assert isinstance(back, FaceRecord)
    assert back.image_name == face.image_name
    np.testing.assert_array_equal(back.annotation.points, face.annotation.points)
    np.testing.assert_array_equal(back.annotation.states, face.annotation.states)


@settings(max_examples=30, deadline=None)
@given(faces("ibug68", [PointState.VISIBLE, PointState.MISSING]))
def test_ibug_comes_back_to_the_last_bit(face: FaceRecord) -> None:
    with tempfile.TemporaryDirectory() as folder:
        write_faces("ibug", [face], folder, scheme=Scheme.load("ibug68"))
        (back,) = read_faces("ibug", [Path(folder)])
    assert isinstance(back, FaceRecord)
    np.testing.assert_array_equal(back.annotation.points, face.annotation.points)
    np.testing.assert_array_equal(back.annotation.states, face.annotation.states)


def test_ibug_takes_face70_and_its_reader_takes_it_back(tmp_path: Path) -> None:
    write_faces("ibug", [record("face70")], tmp_path, scheme=Scheme.load("face70"))
    (back,) = read_faces("ibug", [tmp_path])
    assert len(back.annotation) == 68
    with pytest.raises(SchemeError):
        write_faces("ibug", [record("imm58")], tmp_path, scheme=Scheme.load("imm58"))


def test_clmtools_takes_face70_and_knows_two_flags(tmp_path: Path) -> None:
    face = with_states(record("face70"), *PointState)
    path = tmp_path / "out" / "annotations.csv"
    assert write_faces("clmtools", [face], path, scheme=Scheme.load("face70")).faces == 1
    (back,) = read_faces("clmtools", [path])
    assert isinstance(back, FaceRecord)
    states = [PointState.VISIBLE, PointState.OCCLUDED, PointState.OCCLUDED, PointState.MISSING]
    assert back.annotation.states[:4].tolist() == states
    expected = Conversion.load("face70", "clmtrackr71").apply(face.annotation)
    np.testing.assert_array_equal(back.annotation.points, expected.points)


def test_clmtools_needs_a_conversion_and_a_plain_name(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    with pytest.raises(SchemeError, match="no conversion from imm58"):
        write_faces("clmtools", [record("imm58")], path, scheme=Scheme.load("imm58"))
    odd = [record("face70"), record("face70", "a;b.jpg")]
    with pytest.raises(InputError, match=r"a;b\.jpg"):
        write_faces("clmtools", odd, path, scheme=Scheme.load("face70"))
    assert list(tmp_path.iterdir()) == []


def test_ibug_file_names(tmp_path: Path) -> None:
    names = ["a.jpg", "deep/a.png", "A.jpg"]
    faces = [record("ibug68", name) for name in names] + [record("ibug68", "v.mp4", frame=7)]
    assert write_faces("ibug", faces, tmp_path, scheme=Scheme.load("ibug68")).faces == 4
    assert sorted(p.name for p in tmp_path.iterdir()) == [
        "A_3.pts", "a.pts", "a_2.pts", "v_000007.pts",
    ]  # fmt: skip


@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_tidy_tables(kind: str, tmp_path: Path) -> None:
    faces = [with_states(record("face70"), *PointState), record("face70", "v.mp4", frame=3)]
    path = tmp_path / f"points.{kind}"
    assert write_faces(kind, faces, path, scheme=Scheme.load("face70")).faces == 2
    table = pd.read_csv(path) if kind == "csv" else pd.read_parquet(path)
    assert len(table) == 140
    assert table["name"][:70].tolist() == list(Scheme.load("face70").names)
    assert table["point"].tolist() == [*range(70)] * 2
    assert table["state"][:5].tolist() == ["visible", "occluded", "estimated", "missing", "visible"]
    points = faces[0].annotation.points  # which pandas 2 reads to the last bit but one
    np.testing.assert_allclose(table[["x", "y"]][:70], points, rtol=3e-16, atol=0)
    assert table["frame"].isna()[:70].all()
    assert (table["frame"][70:] == 3).all()


@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_no_faces_give_an_empty_table(kind: str, tmp_path: Path) -> None:
    path = tmp_path / "empty"
    assert write_faces(kind, [], path, scheme=Scheme.load("face70")).faces == 0
    table = pd.read_csv(path) if kind == "csv" else pd.read_parquet(path)
    assert len(table) == 0
    assert "x" in table


@pytest.mark.parametrize("kind", ["labelme", "deeplabcut", "ibug", "coco", "labelstudio"])
def test_without_faces_nothing_else_is_written(kind: str, tmp_path: Path) -> None:
    dest, scheme = tmp_path / "out", Scheme.load("face70")
    with pytest.raises(InputError, match=r"nothing to write to .*out\. There is no annotated face"):
        write_faces(kind, [], dest, scheme=scheme)
    if kind == "labelstudio":
        lost = [record("face70", "gone.jpg")]
        with pytest.raises(InputError, match=r"nothing to write to .*1 face is left out"):
            write_faces(kind, lost, dest, scheme=scheme)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("name", ["=1+1", "+a", "-a", "@a", "\ta"])
def test_csv_disarms_formulas(name: str, tmp_path: Path) -> None:
    face = record("face70", name)
    write_faces("csv", [face], tmp_path / "a.csv", scheme=Scheme.load("face70"))
    table = pd.read_csv(tmp_path / "a.csv")
    assert set(table["image"]) == {f"'{name}"}
    assert set(table["subject"]) == {"s"}
    write_faces("parquet", [face], tmp_path / "a.parquet", scheme=Scheme.load("face70"))
    assert set(pd.read_parquet(tmp_path / "a.parquet")["image"]) == {name}


def test_a_failed_export_leaves_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("old")

    def interrupted() -> object:
        yield record("face70")
        raise KeyboardInterrupt

    for kind in ("clmtools", "csv", "parquet"):
        with pytest.raises(KeyboardInterrupt):
            write_faces(kind, interrupted(), path, scheme=Scheme.load("face70"))  # type: ignore[arg-type]
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_unknown_format_and_unwritable_place(tmp_path: Path) -> None:
    scheme = Scheme.load("face70")
    with pytest.raises(InputError, match="Cannot write 'xls'"):
        write_faces("xls", [], tmp_path / "a", scheme=scheme)
    (tmp_path / "file").write_text("")
    for kind in ("clmtools", "csv", "parquet", "ibug"):
        with pytest.raises(InputError, match="cannot be written"):
            write_faces(kind, [record("face70")], tmp_path / "file" / "a", scheme=scheme)


def test_a_project_is_a_table(tmp_path: Path) -> None:
    with Project.create(tmp_path / "p", scheme="face70") as project:
        project.import_entries("sample", islice(sample_faces(), 3), scheme="face70")
        table = project.to_pandas()
        write_faces("csv", project.records(), tmp_path / "t.csv", scheme=project.scheme)
    assert list(table.columns) == list(COLUMNS)
    assert len(table) == 3 * 70
    written = pd.read_csv(tmp_path / "t.csv")
    assert np.array_equal(table[["x", "y"]], written[["x", "y"]])
    assert table["image"].tolist() == written["image"].tolist()
