"""A conversion between own schemes: learned on faces that both have, then used."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING

import numpy as np
import pytest

from faceloop_datasets import (
    Annotation,
    Conversion,
    Monitor,
    PointState,
    Project,
    Scheme,
    SchemeError,
)
from faceloop_datasets.formats import FaceRecord, Skip
from faceloop_datasets.importing.from_project import project_entries
from faceloop_datasets.sample import sample_faces
from faceloop_workbench.services.other_project import check_source, import_project, plan_import

if TYPE_CHECKING:
    from pathlib import Path

    from .conftest import Run

OWN = """\
name = "own"
names = ["left pupil", "right pupil", "tip", "between the brows", "somewhere"]
mirror = [[0, 1]]
iod = [0, 1]
"""
_BOTH, _ALL = 40, 60


def own_face(record: FaceRecord, number: int) -> FaceRecord:
    """The same face in the own scheme; its last point is a whim of who annotates."""
    points = record.annotation.points
    whim = points[61] + np.random.default_rng(number).normal(0, 12, 2)
    own = np.array([points[27], points[32], points[61], points[[18, 22]].mean(axis=0), whim])
    annotation = Annotation("own", own, [PointState.VISIBLE] * 5)
    return FaceRecord(
        record.name, record.subject, record.image, record.image_name, annotation, record.origin
    )


@pytest.fixture(scope="module")
def projects(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A project in face70, and one in an own scheme with two thirds of the same pictures."""
    folder = tmp_path_factory.mktemp("both")
    records = list(islice(sample_faces(), _ALL))
    (folder / "own.toml").write_text(OWN)
    with Project.create(folder / "old") as old:
        old.import_entries("sample", records, scheme="face70")
    with Project.create(folder / "new", folder / "own.toml") as new:
        mine = [own_face(record, k) for k, record in enumerate(records[:_BOTH])]
        new.import_entries("mine", mine, scheme="own")
    return folder / "old", folder / "new"


def test_a_conversion_is_learned_kept_and_used(
    faceloop: Run, projects: tuple[Path, Path], tmp_path: Path
) -> None:
    old, new = projects
    with Project.open(new) as project, pytest.raises(SchemeError, match="face70 to own"):
        project.conversion_from("face70")
    refused = faceloop("scheme", "convert", old, "--project", new)
    assert refused.code == 1
    assert "faceloop scheme learn-conversion" in refused.err
    done = faceloop(
        "scheme", "learn-conversion", old, "--project", new, "--out", tmp_path / "c.toml"
    )
    assert done.code == 0
    assert "face70 becomes own: 4 of 5 points are the same marks; 1 estimated (somewhere)" in (
        done.out
    )
    learned = Conversion.read(tmp_path / "c.toml")
    assert learned.expected[4] > 0.05
    assert learned.expected[:4].max() < 0.01

    done = faceloop("scheme", "convert", old, "--project", new)
    assert done.code == 0, done.err
    assert f"{_BOTH} rows left out: the face is here already" in done.out
    with Project.open(new) as project:
        faces = project.faces()
        assert len(faces) == _ALL
        brought = [face for face in faces if face.annotation.source == "import:project"]
        truth = {r.name: r.annotation for r in islice(sample_faces(), _BOTH, _ALL)}
        assert len({face.name for face in brought}) == _ALL - _BOTH
        for face in brought:
            assert face.media is not None
            assert face.subject.startswith("sample-id")
            assert face.annotation.states[4] == PointState.ESTIMATED
            assert face.annotation.states[2] == truth[face.name].states[61]
            off = face.annotation.points[2] - truth[face.name].points[61]
            assert np.linalg.norm(off) < 1
    again = faceloop("scheme", "convert", old, "--project", new, "--json").json()
    assert (again["new"], again["unchanged"]) == (0, _ALL - _BOTH)


def test_a_face_of_which_one_has_only_an_eye_is_the_same(
    projects: tuple[Path, Path], tmp_path: Path
) -> None:
    file = tmp_path / "eye.toml"
    file.write_text('name = "eye"\nnames = ["outer corner", "inner corner"]\n')
    with Project.open(projects[0]) as whole, Project.create(tmp_path / "eye", file) as eye:
        faces = whole.faces()[:20]
        for face in faces:
            assert face.media is not None
            item = eye.add_item(eye.add_media(face.media), subject=face.subject)
            corners = face.annotation.points[[23, 25]]
            eye.save(item.id, Annotation("eye", corners, [PointState.VISIBLE] * 2), None)
        assert eye.learn_conversion(whole).faces == len(faces)
        here = list(project_entries(eye.faces(), eye.path, whole.faces()))
        assert all(isinstance(entry, Skip) for entry in here)


def test_a_conversion_of_a_file_is_taken_only_if_it_leads_here(
    faceloop: Run, projects: tuple[Path, Path], tmp_path: Path
) -> None:
    _, new = projects
    (tmp_path / "c.toml").write_text(Conversion.load("ibug68", "face70").to_toml())
    done = faceloop("scheme", "convert", new, "--project", new, "--conversion", tmp_path / "c.toml")
    assert done.code == 1
    assert "leads to face70 with 70 points; expected one to the scheme of new, own" in done.err


def test_a_new_project_takes_what_lies_beside_its_scheme(
    projects: tuple[Path, Path], tmp_path: Path
) -> None:
    old, _ = projects
    own = tmp_path / "own.toml"
    own.write_text(OWN)
    with pytest.raises(SchemeError, match="face70 to own"):
        check_source(old, own)
    weights = np.zeros((5, 70))
    weights[range(5), [27, 32, 61, 33, 7]] = 1.0
    made = Conversion("face70", "own", weights, np.ones(5, dtype=bool))
    (tmp_path / "face70-to-own.toml").write_text(made.to_toml())
    check_source(old, own)
    with Project.create(tmp_path / "p", own) as project:
        report = import_project(project, old, Monitor())
        assert (report.new, report.points_estimated) == (_ALL, 0)
    (tmp_path / "ibug68-to-own.toml").write_text("nothing")
    with pytest.raises(SchemeError, match=r"ibug68-to-own\.toml"):
        Project.create(tmp_path / "q", own)
    assert not (tmp_path / "q").exists()


def test_what_would_come_in_is_said_before(projects: tuple[Path, Path], tmp_path: Path) -> None:
    old, new = projects
    with Project.open(new) as project:
        with Project.open(old) as other:
            project.keep_conversion(project.learn_conversion(other))
            project.import_project(other)
        plan = plan_import(project, old, Monitor())
        assert plan.learned_from == 0
        assert plan.report.new == 0
        text = plan.text(project.scheme)
        assert text.startswith(f"0 faces of old would come in; {_ALL} are here already.")
        assert "face70 becomes own: 4 of 5" in text
    with Project.create(tmp_path / "third", Scheme.parse(OWN, "own")) as third:
        with Project.open(new) as source:
            mine = [face for face in source.faces() if face.annotation.source == "import:mine"]
            third.import_entries("mine", list(project_entries(mine, new, [])), scheme="own")
        plan = plan_import(third, old, Monitor())
        assert plan.learned_from == _BOTH
        assert plan.report.new == _ALL - _BOTH
        assert len(third.items()) == _BOTH
        assert f"learned from {_BOTH} faces that both" in plan.text(third.scheme)
        assert third.conversion_from("face70").faces == _BOTH


@pytest.mark.parametrize("names", ['["b", "a"]', '["a", "b", "c"]'])
def test_schemes_of_one_name_and_other_points_are_not_taken_for_each_other(
    names: str, faceloop: Run, tmp_path: Path
) -> None:
    for folder, points in (("here", '["a", "b"]'), ("there", names)):
        file = tmp_path / f"{folder}.toml"
        file.write_text(f'name = "own"\nnames = {points}\n')
        Project.create(tmp_path / folder, file).close()
    for command in ("convert", "learn-conversion"):
        done = faceloop("scheme", command, tmp_path / "there", "--project", tmp_path / "here")
        assert done.code == 1
        assert "Two schemes are called 'own', but point" in done.err
    with pytest.raises(SchemeError, match="of another name"):
        check_source(tmp_path / "there", tmp_path / "here.toml")


def test_too_few_faces_in_both_are_refused(faceloop: Run, tmp_path: Path) -> None:
    Project.create(tmp_path / "a").close()
    (tmp_path / "own.toml").write_text(Scheme.parse(OWN, "own").to_toml())
    Project.create(tmp_path / "b", tmp_path / "own.toml").close()
    done = faceloop("scheme", "learn-conversion", tmp_path / "a", "--project", tmp_path / "b")
    assert done.code == 1
    assert "0 faces of 0 subjects are annotated in both face70 and own" in done.err
