"""Faces of a project's pictures on the command line and as a service, on pictures of two people."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from PIL import Image

from faceloop_datasets import Annotation, Conversion, Monitor, Project, ProjectError
from faceloop_datasets.sample import sample_faces
from faceloop_runtime import FaceModel
from faceloop_workbench.services.add_files import add_files
from faceloop_workbench.services.face_finder import FaceFinder
from faceloop_workbench.services.finding_faces import (
    find_new_faces,
    fit_in_box,
    is_same_face,
    shown_faces,
    take_fit,
    take_fits,
    take_new_fits,
)
from faceloop_workbench.services.finding_in_project import find_in_project

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from conftest import Run
    from numpy.typing import NDArray

    from faceloop_datasets import Media


@pytest.fixture(scope="module")
def model() -> FaceModel:
    return FaceModel.starter()


@pytest.fixture(scope="module")
def pair() -> tuple[NDArray[np.uint8], list[NDArray[np.float64]]]:
    """A picture of two people, and where their points are."""
    chosen = [face for face in sample_faces() if face.name in {"s0000", "s0005"}]
    pictures = [np.asarray(Image.open(face.image.path).convert("RGB")) for face in chosen]
    beside = np.array([pictures[0].shape[1], 0])
    return np.hstack(pictures), [chosen[0].annotation.points, chosen[1].annotation.points + beside]


@pytest.fixture
def file(pair: tuple[NDArray[np.uint8], list[NDArray[np.float64]]], tmp_path: Path) -> Path:
    file = tmp_path / "two.png"
    Image.fromarray(pair[0]).save(file)
    return file


@pytest.fixture
def project(file: Path, tmp_path: Path) -> Iterator[Project]:
    """A project with that picture and one face in it that nobody has annotated."""
    with Project.create(tmp_path / "faces") as made:
        made.add_item(made.add_media(file))
        yield made


def media(project: Project) -> Media:
    return project.media()[0]


def error(points: NDArray[np.float64], truth: NDArray[np.float64]) -> float:
    return float(np.nanmean(np.linalg.norm(points - truth, axis=1)))


def test_the_starter_finds_faces_of_other_points_where_these_can_be_converted(pair, file, tmp_path):
    picture, truth = pair
    to_ibug = Conversion.load("face70", "ibug68")
    states = np.zeros(70)
    with Project.create(tmp_path / "ibug", "ibug68") as project:
        finder = FaceFinder.of(project)
        first, second = finder.find(picture, [])
        for fit, points in zip((first, second), truth, strict=True):
            wanted = to_ibug.apply(Annotation("face70", points, states)).points
            assert fit.points.shape == (68, 2)
            assert error(fit.points, wanted) < 8
            assert np.isfinite(fit.confidence).all()
        assert len(fit.confidence) == len(fit.visibility) == 68
        project.add_media(file)
        (found,) = find_in_project(project, finder)
        assert [project.queue.of_item(item.id).fit.scheme for item in found.items] == ["ibug68"] * 2
    with (
        Project.create(tmp_path / "imm", "imm58") as project,
        pytest.raises(ProjectError, match=r"those of imm58\. Train a model in this project"),
    ):
        FaceFinder.of(project)


def test_only_faces_that_are_not_known_are_found(model, pair):
    picture, truth = pair
    both = find_new_faces(model, picture, [])
    assert [error(fit.points, t) < 8 for fit, t in zip(both, truth, strict=True)] == [True, True]
    (right,) = find_new_faces(model, picture, [truth[0], None])
    assert error(right.points, truth[1]) < 8
    assert find_new_faces(model, picture, truth) == []
    assert len(find_new_faces(model, picture, [], most=1)) == 1


def test_a_box_says_which_face(model, pair):
    picture, truth = pair
    for points in truth:
        roughly = np.nanmin(points, axis=0) - 15, np.nanmax(points, axis=0) + 5
        assert error(fit_in_box(model, picture, roughly).points, points) < 8


def test_a_fit_goes_to_its_own_face_else_to_an_empty_one_else_to_a_new_one(model, pair, project):
    first = project.items()[0]
    left, right = find_new_faces(model, pair[0], [])
    assert take_fit(project, media(project), None, left, model="m", note="n").id == first.id
    assert project.queue.of_item(first.id).fit is not None
    new = take_fit(project, media(project), None, right, model="m", note="n")
    assert new.id != first.id
    again = take_fits(project, media(project), None, [right, left], model="m", note="n")
    assert [one.id for one in again] == [new.id, first.id]
    assert project.annotation(new.id) is None  # it is a start, and not what somebody said
    shown = shown_faces(project, media(project).id, None)
    assert is_same_face(shown[1].points, right.points)
    assert not is_same_face(shown[0].points, right.points)


def test_a_removed_face_is_not_taken_unless_asked_for(model, pair, project):
    left, right = find_new_faces(model, pair[0], [])
    items = take_fits(project, media(project), None, [left, right], model="m", note="n")
    project.remove([items[1].id])
    taken = take_new_fits(project, media(project), None, [left, right], model="m", note="n")
    assert [one.id for one in taken] == [items[0].id]
    assert project.item(items[1].id).removed
    take_fit(project, media(project), None, right, model="m", note="n")
    assert not project.item(items[1].id).removed


def test_found_listed_removed_and_brought_back_on_the_command_line(
    faceloop: Run, project: Project
) -> None:
    folder = project.path
    would = faceloop("faces", "find", folder, "--dry-run", "--json").json()
    assert (would["found"], would["pictures"][0]["items"]) == (2, [])
    assert len(project.items()) == 1
    assert "2 faces to add." in faceloop("faces", "find", folder, "--dry-run").out
    found = faceloop("faces", "find", folder, "--json").json()
    first, second = found["pictures"][0]["items"]
    assert [one.id for one in project.items()] == [first, second]
    assert project.queue.count() == 2
    assert "No other face was found." in faceloop("faces", "find", folder).out
    assert faceloop("faces", "find", folder, "--picture", "x*", "--json").json()["found"] == 0

    listed = faceloop("faces", "list", folder, "--several", "--json").json()["faces"]
    assert [(row["item"], row["name"]) for row in listed] == [
        (first, "two.png"),
        (second, "two.png (2)"),
    ]
    remove = ("faces", "remove", folder, "--item", second)
    assert "1 face would be removed." in faceloop(*remove, "--dry-run").out
    assert not project.item(second).removed
    assert faceloop(*remove, "--json").json()["changed"] == 1
    assert faceloop(*remove, "--json").json()["changed"] == 0
    assert project.item(second).removed
    assert faceloop("faces", "find", folder, "--json").json()["found"] == 0
    assert faceloop("faces", "list", folder, "--several", "--json").json()["faces"] == []
    assert "1 face that was removed" in faceloop("faces", "list", folder, "--removed").err
    gone = faceloop("faces", "list", folder, "--removed", "--json").json()["faces"]
    assert [row["item"] for row in gone] == [second]
    wrong = faceloop("faces", "restore", folder, "--matching", "two.png")
    assert wrong.code == 1
    assert "No face that was removed from this project has a name like 'two.png'" in wrong.err
    assert (
        "1 face is brought back."
        in faceloop("faces", "restore", folder, "--matching", "two*", "--author", "ann").out
    )
    assert [one.author for one in project.removals(second)][-1] == "ann"
    told = faceloop("history", second, "--project", folder, "--json").json()["removals"]
    assert (told[0]["removed"], told[0]["author"]) == (False, "ann")


def test_a_picture_that_is_gone_is_told_at_the_end(
    faceloop: Run, project: Project, file: Path
) -> None:
    file.unlink()
    done = faceloop("faces", "find", project.path)
    assert done.code == 1
    assert "two.png" in done.err


def test_a_picture_whose_faces_were_removed_does_not_come_again_by_itself(
    project: Project, file: Path
) -> None:
    project.remove([project.items()[0].id])
    added = add_files(project, [file], Monitor())
    assert (added.pictures, added.known) == (0, 1)
    assert project.items() == []
