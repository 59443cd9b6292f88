"""Blind rounds: from the faces chosen to a page and a consensus, on a small real project."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

from faceloop_datasets import Annotation, InputError, PointState, Project, ProjectError
from faceloop_datasets.care import erase, find_erasure_target, plan_erasure
from faceloop_datasets.face import snapshot_hash
from faceloop_runtime import FaceModel
from faceloop_workbench.services.blind_rounds import (
    choose_faces,
    compare,
    done_by,
    make_round,
    why_no_undo,
)
from faceloop_workbench.services.model_choice import ChosenModel

if TYPE_CHECKING:
    from .conftest import Run


def annotate(project: Project, name: str, author: str, shift: float, *items: int) -> None:
    """Annotate faces of a round: as they are annotated already, moved to the right by IODs."""
    round_ = project.rounds.get(name)
    for item in items or round_.items:
        head = project.annotation(item)
        assert head is not None
        iod = project.scheme.inter_ocular_distance(head.annotation.points)
        points = head.annotation.points + np.array([shift * iod, 0.0])
        own = Annotation("face70", points, np.zeros(70), "manual")
        project.rounds.save(round_, item, author, own)


def test_a_round_from_new_to_consensus(faceloop: Run, small_project: Path, tmp_path: Path) -> None:
    at = ("--project", small_project)
    made = faceloop(
        "agreement", "new", "pilot", "--annotator", "ann", "--annotator", "ben",
        "--faces", 6, "--from-mean", *at,
    )  # fmt: skip
    assert made.code == 0
    assert made.out == "Made the round pilot: 6 faces for ann, ben.\n"
    with Project.open(small_project) as project:
        before = snapshot_hash(project.faces())
        (round_,) = project.rounds.all()
        people = Counter(project.item(item).subject for item in round_.items)
        assert sorted(people.values()) == [3, 3]  # of both people alike
        annotate(project, "pilot", "ann", 0.0)
        annotate(project, "pilot", "ben", 0.08, *round_.items[:4])
        annotate(project, "pilot", "ben", 0.02, *round_.items[:1])  # once more
        assert done_by(project, round_) == {"ann": 6, "ben": 4}
        assert snapshot_hash(project.faces()) == before  # theirs is apart from the faces' own
    status = faceloop("agreement", "status", *at, "--json").json()["rounds"]
    assert status[0]["done"] == {"ann": 6, "ben": 4}
    assert status[0]["start"] == "the mean shape of starter"

    written = faceloop("agreement", "report", "pilot", *at, "--out", tmp_path / "page")
    assert written.code == 0
    page = (tmp_path / "page" / "report.html").read_text()
    assert "the mean shape of starter" in page
    assert "Bland and Altman 1986" in page
    assert (tmp_path / "page" / "bland-altman-1.png").stat().st_size > 5000
    found = faceloop("agreement", "report", "1", *at, "--json").json()
    (pair,) = found["pairs"]
    # Three faces apart by .08, the one that was done again by .02.
    assert pair["distance"] == pytest.approx((3 * 0.08 + 0.02) / 4, rel=0.02)
    ben = found["annotators"][1]
    assert (ben["repeated"], ben["own_distance"]) == (1, pytest.approx(0.06, rel=0.02))
    assert Path(found["files"][0]).parent == small_project / "reports" / "agreement pilot"

    saved = faceloop("agreement", "consensus", "pilot", "--limit", 0.03, *at, "--json").json()
    assert saved["faces"] == 4  # two were annotated by one person only
    assert [len(points) for points in saved["doubtful"].values()] == [70] * 3
    with Project.open(small_project) as project:
        head = project.annotation(round_.items[0])
        assert head is not None
        assert head.annotation.source == "consensus:pilot"
        assert head.action == "Consensus of the round pilot"
        assert set(head.annotation.states) == {PointState.VISIBLE}
        entry = project.queue.list(reason="disagreement")[0]
        assert str(entry.item_id) in saved["doubtful"]
        assert not why_no_undo(project, round_)
        other = replace(round_, name="other")
        assert "and that is: Consensus of the round pilot" in why_no_undo(project, other)
    undone = faceloop("agreement", "consensus", "pilot", "--undo", *at)
    assert undone.out == "4 faces are as they were before.\n"
    with Project.open(small_project) as project:
        head = project.annotation(round_.items[0])
        assert head is not None
        assert head.annotation.source != "consensus:pilot"


def test_annotations_of_elsewhere_are_added(
    faceloop: Run, small_project: Path, tmp_path: Path
) -> None:
    """What is exported and comes back as another person's is found again by its pictures."""
    at = ("--project", small_project)
    with Project.open(small_project) as project:
        starter = ChosenModel("starter", FaceModel.starter())
        items = choose_faces(project, 5, seed=3)
        round_ = make_round(project, "r", ["ann"], items, starter, author="me")
        starts = project.rounds.starts(round_)
        assert list(starts) == items
        for item, start in starts.items():  # a fit is near the face, and it is not the annotation
            head = project.annotation(item)
            assert head is not None
            iod = project.scheme.inter_ocular_distance(head.annotation.points)
            apart = np.linalg.norm(start.points - head.annotation.points, axis=1).mean() / iod
            assert 0.001 < apart < 0.1
            assert set(start.states) == {PointState.ESTIMATED}
        annotate(project, "r", "ann", 0.01)
    out = tmp_path / "ben.csv"
    assert faceloop("export", "clmtools", out, *at).code == 0
    added = faceloop("agreement", "add", "r", out, "--author", "ben", *at)
    assert added.out == "Added 5 faces by ben to r; 3 are not in the round.\n"
    with Project.open(small_project) as project:
        (pair,) = compare(project, project.rounds.get("r")).pairs
    assert pair.faces == 5
    np.testing.assert_allclose(pair.bias[:, 0], -0.01, atol=0.002)


def test_what_cannot_be_is_one_clear_error(faceloop: Run, small_project: Path) -> None:
    at = ("--project", small_project)
    twice = faceloop("agreement", "new", "x", "--annotator", "a", "--annotator", "a", *at)
    assert "different annotators" in twice.err
    for seed in (-1, 2**32):  # what random generators take
        odd = faceloop("agreement", "new", "x", "--annotator", "a", f"--seed={seed}", *at)
        assert odd.code == 2
        assert "--seed" in odd.err
    assert "There is no round 'x' in this project." in faceloop("agreement", "report", "x", *at).err
    assert faceloop("agreement", "new", "x", "--annotator", "a", "--faces", 2, *at).code == 0
    again = faceloop("agreement", "new", "x", "--annotator", "a", "--faces", 2, *at)
    assert "There is a round 'x' already." in again.err
    assert "by two people" in faceloop("agreement", "report", "x", *at).err
    assert "no consensus" in faceloop("agreement", "consensus", "x", "--undo", *at).err
    with Project.open(small_project) as project:
        round_ = project.rounds.get("x")
        other = next(item.id for item in project.items() if item.id not in round_.items)
        own = Annotation("face70", np.zeros((70, 2)), np.zeros(70))
        with pytest.raises(ProjectError, match="not among the faces"):
            project.rounds.save(round_, other, "a", own)
        with pytest.raises(InputError, match="name of an annotator"):
            project.rounds.save(round_, round_.items[0], " ", own)
        short = Annotation("face70", np.zeros((3, 2)), np.zeros(3))
        with pytest.raises(ProjectError, match="Expected an annotation of face70"):
            project.rounds.save(round_, round_.items[0], "a", short)


def test_an_erased_face_is_in_no_round(small_project: Path) -> None:
    with Project.open(small_project) as project:
        starter = ChosenModel("starter", FaceModel.starter())
        items = choose_faces(project, 4)
        make_round(project, "r", ["a", "b"], items, starter, from_mean=True, author="me")
        for author in "ab":
            annotate(project, "r", author, 0.0)
    target = find_erasure_target(small_project, item=items[0], subject="")
    done = erase(small_project, plan_erasure(small_project, target))
    assert done.left == ()
    with Project.open(small_project) as project:
        round_ = project.rounds.get("r")
        assert round_.items == tuple(items[1:])
        assert {one.item_id for one in project.rounds.annotations(round_)} == set(items[1:])
        assert compare(project, round_).faces == 3


def test_untouched_points_count_for_nobody(small_project: Path) -> None:
    """A fit that somebody left as it was is nobody's annotation."""
    with Project.open(small_project) as project:
        starter = ChosenModel("starter", FaceModel.starter())
        items = choose_faces(project, 4)
        round_ = make_round(project, "r", ["a", "b"], items, starter, author="me")
        annotate(project, "r", "a", 0.0)
        for item, start in project.rounds.starts(round_).items():
            states = start.states.copy()
            states[:7] = PointState.VISIBLE
            project.rounds.save(round_, item, "b", replace(start, states=states))
        (pair,) = compare(project, round_).pairs
    assert np.isfinite(pair.distance).tolist() == [True] * 7 + [False] * 63


def test_removed_faces_are_in_no_agreement(faceloop: Run, small_project: Path) -> None:
    at = ("--project", small_project)
    with Project.open(small_project) as project:
        starter = ChosenModel("starter", FaceModel.starter())
        items = choose_faces(project, 4)
        make_round(project, "r", ["a", "b"], items, starter, from_mean=True, author="me")
        annotate(project, "r", "a", 0.0)
        annotate(project, "r", "b", 0.3)
        project.remove(items[:1])
        with pytest.raises(InputError, match="was removed from the project"):
            make_round(project, "s", ["a"], items, starter, from_mean=True, author="me")
        round_ = project.rounds.get("r")
        assert compare(project, round_).faces == 3
        assert done_by(project, round_) == {"a": 3, "b": 3}
    said = "r: 1 face left out that was removed from the project."
    assert said in faceloop("agreement", "status", *at).err
    report = faceloop("agreement", "report", "r", *at)
    assert said in report.err
    page = (small_project / "reports" / "agreement r" / "report.html").read_text()
    assert "1 face left out" in page
    saved = faceloop("agreement", "consensus", "r", *at, "--json").json()
    assert (saved["faces"], saved["removed"]) == (3, 1)
    assert set(saved["doubtful"]) == {str(item) for item in items[1:]}


def test_a_consensus_is_taken_back_by_the_round_s_own_name(
    faceloop: Run, small_project: Path
) -> None:
    at = ("--project", small_project)
    with Project.open(small_project) as project:
        starter = ChosenModel("starter", FaceModel.starter())
        for name in ("first", "1", "2024"):
            items = choose_faces(project, 2)
            make_round(project, name, ["a", "b"], items, starter, from_mean=True, author="me")
            for author in "ab":
                annotate(project, name, author, 0.0)
        assert [project.rounds.get(key).id for key in ("1", 1, "2", "2024")] == [2, 1, 2, 3]
    for command in ("consensus", "report"):
        assert "There is no round '²'" in faceloop("agreement", command, "²", *at).err
    for name in ("first", "2024"):
        assert faceloop("agreement", "consensus", name, *at).code == 0
    unknown = faceloop("agreement", "consensus", "nobody", "--undo", *at)
    assert "There is no round 'nobody'" in unknown.err
    other = faceloop("agreement", "consensus", "first", "--undo", *at)
    assert other.code != 0
    assert "Consensus of the round 2024" in other.err
    assert faceloop("agreement", "consensus", "2024", "--undo", *at).code == 0
