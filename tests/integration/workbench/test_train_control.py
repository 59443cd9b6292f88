"""The tab Train without a window: what would train, models, trainings, on real projects."""

from __future__ import annotations

import shutil
import time
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from psygnal import emit_queued

from faceloop_datasets import Annotation, FaceloopError, PointState, Project, ProjectError
from faceloop_datasets.sample import sample_faces
from faceloop_runtime import FaceModel
from faceloop_runtime.pdm3d.rotation import rotations
from faceloop_trainer import TrainingConfig
from faceloop_trainer.evaluation.weak_spots import WeakSpot
from faceloop_workbench.services.messages import Outcome
from faceloop_workbench.services.more_faces import known_curve, measure_curve
from faceloop_workbench.services.next_faces import NextFaces, next_faces, put_into_queue
from faceloop_workbench.services.training import train_into
from faceloop_workbench.session import Session
from faceloop_workbench.train.control import TrainControl
from faceloop_workbench.train.model_list import deletable, learning_curve, list_models
from faceloop_workbench.train.readiness import Readiness, training_readiness

from .conftest import add_sample_faces

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

QUICK = {"channels": ("raw",), "mirror": False, "components": 8}
CONFIG = TrainingConfig()


def until(condition: Callable[[], object], seconds: float = 240.0) -> None:
    """Deliver signals, as the dock's timer does, until something is true."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not come true"
        emit_queued()
        time.sleep(0.01)


@pytest.fixture(scope="module")
def faces(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a project of 48 faces of 12 people, 4 of them of one who is held out."""
    return add_sample_faces(tmp_path_factory.mktemp("control") / "faces", 48)


@pytest.fixture(scope="module")
def fewer(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a project of 32 faces of 8 people to train on, 4 of them of the one held out."""
    return add_sample_faces(tmp_path_factory.mktemp("fewer") / "faces", 32, after=8)


@pytest.fixture
def control(fewer: Path) -> Iterator[TrainControl]:
    """Return the control of a session with the 32 faces, which has looked at them."""
    session = Session()
    made = TrainControl(session)
    session.open(Project.open(fewer))
    until(lambda: made.readiness.faces)
    yield made
    made.close_down()
    session.close()


class TestReadiness:
    def test_counts_who_trains_and_who_measures(self, faces: Path) -> None:
        with Project.open(faces) as project:
            found = training_readiness(project, CONFIG)
        assert (found.faces, found.people) == (40, 10)
        assert (found.held_out, found.held_out_people) == (8, 2)
        assert found.blocked == ""
        assert found.text == (
            "40 faces of 10 people will train, 8 faces of 2 people held out to measure the model."
        )
        rough, labels = found.warnings
        assert rough == "Only 2 people held out: the measured error will be rough."
        assert labels.startswith("Expressions are learned from 5 faces of 2 people at least")

    def test_the_limit_and_the_share_held_out_count(self, faces: Path) -> None:
        with Project.open(faces) as project:
            all_train = training_readiness(project, replace(CONFIG, holdout=0.0))
            few = training_readiness(project, replace(CONFIG, limit=20))
        assert (all_train.faces, all_train.held_out) == (48, 0)
        assert "neither measured nor compared" in all_train.warnings[0]
        assert few.faces == 20
        assert any("only 5 people" in warning for warning in few.warnings)

    def test_an_empty_project_says_what_to_do_first(self, empty_project: Path) -> None:
        with Project.open(empty_project) as project:
            found = training_readiness(project, CONFIG)
        assert found.text == "No face is annotated yet. Import faces, or annotate some, first."

    def test_too_few_faces_say_how_many_are_needed(self, small_project: Path) -> None:
        with Project.open(small_project) as project:
            found = training_readiness(project, CONFIG)
        assert found.blocked.startswith(
            "There are 8 usable faces of 2 people to train on; at least"
        )
        assert found.warnings == ()

    def test_faces_of_one_person_cannot_train(self, tmp_path: Path) -> None:
        with Project.create(tmp_path / "one") as project:
            records = [replace(r, subject="me") for r in islice(sample_faces(), 12)]
            project.import_entries("sample", records, scheme="face70", copy=True)
            found = training_readiness(project, CONFIG)
        assert "12 usable faces of 1 person" in found.blocked

    def test_half_corrected_faces_and_mere_guesses_are_told(self, small_project: Path) -> None:
        with Project.open(small_project) as project:
            items = project.items()
            for item, confirmed in ((items[0], 3), (items[1], 0)):
                head = project.annotation(item.id)
                assert head is not None
                states = np.full(70, PointState.ESTIMATED)
                states[:confirmed] = PointState.VISIBLE
                fit = Annotation("face70", head.annotation.points, states, "fit:starter")
                project.save(item.id, fit, head.id)
            found = training_readiness(project, CONFIG)
        assert [h.name for h in found.half_corrected] == [items[0].name, items[1].name]
        assert "2 faces are half-corrected" in found.warnings[0]
        assert found.only_fitted == 1
        assert found.warnings[1].startswith("1 face cannot be trained on. ")
        assert "confirm left eye outer and right eye outer first." in found.warnings[1]
        assert "1 face has only a model's guesses" in found.warnings[2]
        assert "6 usable faces" in found.blocked  # of three points beside the eyes no size is known

    def test_a_claimed_face_that_was_edited_is_half_corrected(self, small_project: Path) -> None:
        with Project.open(small_project) as project:
            item = project.items()[3]
            head = project.annotation(item.id)
            assert head is not None
            points = head.annotation.points + 1.0
            manual = Annotation("face70", points, head.annotation.states, "manual")
            project.save(item.id, manual, head.id)
            assert training_readiness(project, CONFIG).half_corrected == ()
            project.queue.add(item.id, "manual")
            assert training_readiness(project, CONFIG).half_corrected == ()
            project.queue.next("me")
            assert [h.item_id for h in training_readiness(project, CONFIG).half_corrected] == [
                item.id
            ]


class TestModels:
    def test_the_starter_is_listed_and_in_use_at_first(self, small_project: Path) -> None:
        with Project.open(small_project) as project:
            (starter,) = list_models(project)
        assert (starter.name, starter.in_use, starter.faces) == ("starter", True, 1900)
        assert starter.nme is None

    def test_a_project_of_other_points_has_no_starter(self, tmp_path: Path) -> None:
        with Project.create(tmp_path / "other", "ibug68") as project:
            assert list_models(project) == []

    def test_use_note_and_export(self, small_project: Path, tmp_path: Path) -> None:
        session = Session()
        control = TrainControl(session)
        heard: list[None] = []
        session.models_changed.connect(lambda: heard.append(None))
        session.open(Project.open(small_project))
        file = tmp_path / "mine.safetensors"
        FaceModel.starter().save(file)
        for error in (0.04, 0.03):
            metrics = {"nme_mean": error, "faces": 4, "subjects": 1, "trained_faces": 9}
            session.need_project().add_model(file, metrics)
        session.models_changed.emit()
        newest, oldest, starter = control.models
        assert (newest.name, oldest.name, starter.in_use) == ("mine-2", "mine", True)
        control.use(oldest)
        assert [m.in_use for m in control.models] == [False, True, False]
        control.use(starter)
        assert [m.in_use for m in control.models] == [False, False, True]
        before = len(heard)
        control.note(newest, "sharp eyes")
        control.note(starter, "not kept")
        assert control.models[0].note == "sharp eyes"
        assert len(heard) == before + 1
        assert learning_curve(control.models)[1] == [0.04, 0.03]
        for model in (newest, starter):
            copy = tmp_path / f"{model.name} copy.safetensors"
            model.export(copy)
            assert copy.read_bytes() == file.read_bytes()
        assert newest.file is not None
        newest.file.write_bytes(b"damaged")
        with pytest.raises(ProjectError, match="missing or has changed"):
            control.use(newest)
        session.close()
        assert control.models == []
        control.close_down()

    def test_pinned_ones_are_first_and_others_can_be_deleted(
        self, small_project: Path, tmp_path: Path
    ) -> None:
        session = Session()
        control = TrainControl(session)
        session.open(Project.open(small_project))
        for k in range(4):
            file = tmp_path / f"m{k}.safetensors"
            file.write_bytes(bytes(1000 * (k + 1)))
            session.need_project().add_model(file, {"nme_mean": 0.04, "faces": 4, "subjects": 1})
        session.models_changed.emit()
        told: list[str] = []
        session.told.connect(lambda message: told.append(message.text))
        control.use(control.models[0])
        control.pin(control.models[3])
        assert [m.name for m in control.models] == ["m0", "m3", "m2", "m1", "starter"]
        assert [m.name for m in learning_curve(control.models)[0]] == ["m0", "m1", "m2", "m3"]
        assert [m.why_kept[:9] for m in control.models] == [
            "It is pin", "It is in ", "", "", "The start"
        ]  # fmt: skip
        control.delete(deletable(control.models))
        assert [m.name for m in control.models] == ["m0", "m3", "starter"]
        assert told == ["Deleted 2 models: 0.0 MB are free now."]
        with pytest.raises(ProjectError, match="is in use"):
            control.delete(control.models[1:2])
        control.pin(control.models[0])
        assert not control.models[0].pinned
        session.close()
        control.close_down()


class TestNextFaces:
    """Which faces would help most: a project of 8 faces of 2 people, one turned aside."""

    def test_faces_that_train_nothing_come_first(self, small_project: Path) -> None:
        spots = [WeakSpot("pose", "turned to the left", 0.06, 0.03, 4, 1)]
        starter = FaceModel.starter()
        assert starter.shape3d is not None
        aside = rotations(np.array([-40.0, 0.0, 0.0]))
        with Project.open(small_project) as project:
            assert next_faces(project, project.faces(), (), spots, starter) == NextFaces()
            first, *_, last = project.items()
            media = project.media()[0]
            for turn, error in ((np.eye(3), 0.2), (aside, 0.1)):
                item = project.add_item(media, name="new", subject="new")
                points = 100.0 * (starter.shape3d.mean @ turn.T)[:, :2] + 200.0
                project.queue.add(item.id, "poor-fit", predicted_error=error, fit=points)
            ahead, turned = (item.id for item in project.items()[-2:])
            # One that is held out helps to measure, not to train.
            project.add_item(media, name="tester", subject="tester")
            found = next_faces(project, project.faces(), {"tester"}, spots, starter)
            assert found.items == (turned, ahead)
            assert found.text == (
                "2 faces have no confirmed point and taught the model nothing yet, 1 of them "
                "turned to the left: correct them first."
            )
            assert next_faces(project, project.faces(), {"tester"}, [], starter).items == (
                ahead,
                turned,
            )
            assert put_into_queue(project, found) == 2
            entry = project.queue.list(reason="manual")[0]
            assert "would help the model" in {r.note[:20] for r in entry.reasons}
            assert first.id != last.id

    def test_else_those_with_estimated_points_where_it_errs(self, small_project: Path) -> None:
        spots = [WeakSpot("points", "nose", 0.06, 0.03, 4)]
        with Project.open(small_project) as project:
            for item, count in zip(project.items()[:2], (2, 5), strict=True):
                head = project.annotation(item.id)
                assert head is not None
                states = head.annotation.states.copy()
                states[list(project.scheme.groups["nose"])[:count]] = PointState.ESTIMATED
                kept = Annotation("face70", head.annotation.points, states, "manual")
                project.save(item.id, kept, head.id)
            found = next_faces(project, project.faces(), (), spots, None)
            two, five = (item.id for item in project.items()[:2])
        assert found.items == (five, two)
        assert found.text == (
            "2 faces have only estimated points there (nose): correct or confirm those."
        )

    def test_they_go_into_the_queue_by_one_button(self, faces: Path, tmp_path: Path) -> None:
        folder = shutil.copytree(faces, tmp_path / "faces")
        file = tmp_path / "m.safetensors"
        FaceModel.starter().save(file)
        session = Session()
        control = TrainControl(session)
        session.open(Project.open(folder))
        project = session.need_project()
        project.add_model(file, {"weak_spots": []})
        item = project.add_item(project.media()[0], name="new", subject="new")
        until(lambda: control.readiness.faces)
        control.update_readiness()
        until(lambda: control.readiness.next_faces.items)
        wanted: list[str] = []
        session.tab_wanted.connect(wanted.append)
        control.queue_next()
        until(lambda: wanted)
        assert wanted == ["queue"]
        assert [entry.item_id for entry in project.queue.list(reason="manual")] == [item.id]
        control.close_down()
        session.close()


class TestMoreFaces:
    def test_a_curve_is_measured_once_and_found_again(self, fewer: Path) -> None:
        config = TrainingConfig(**QUICK)
        with Project.open(fewer) as project:
            assert known_curve(project, config) is None
            curve = measure_curve(project, config)
            assert curve.faces == (12, 28)  # a quarter is too few to train on
            assert all(0 < error < 0.2 for error in curve.errors)
            assert known_curve(project, config) == curve
            assert known_curve(project, CONFIG) is None
            assert project.models() == []
            assert training_readiness(project, config).curve == curve


class TestTraining:
    def test_without_a_project_there_is_none(self) -> None:
        control = TrainControl(Session())
        assert control.why_not == "Open a project first."
        with pytest.raises(FaceloopError, match="No project is open"):
            control.start()

    def test_from_start_to_the_model_in_use(self, control: TrainControl) -> None:
        begun: list[tuple[str, int]] = []
        ends: list[Outcome] = []
        control.begun.connect(lambda name, stages: begun.append((name, len(stages[0]))))
        control.ended.connect(ends.append)
        control.settings = dict(QUICK)
        control.start()
        assert control.running
        assert control.why_not == "Training of faces is under way."
        with pytest.raises(FaceloopError, match="is under way"):
            control.start()
        until(lambda: ends)
        assert begun[0][0] == "Training of faces"
        assert begun[0][1] > 4
        assert (ends[0].kind, control.running, control.why_not) == ("done", False, "")
        made = control.models[0]
        assert (made.id, made.in_use, made.faces) == (ends[0].model, True, 28)
        assert made.measured_on == "Measured on 4 faces of 1 person."
        # Once more there is nothing to do, and no model is made.
        control.start()
        until(lambda: len(ends) == 2)
        assert ends[1].unchanged
        assert ends[1].text == "Nothing that trains has changed since face70-ridge; no model made."
        assert [m.name for m in control.models] == ["face70-ridge", "starter"]
        # The settings are found again with the project.
        project = control._session.need_project()
        again = TrainControl(control._session)
        again._opened(project)
        assert again.settings == {**again.settings, **QUICK}
        until(lambda: again.readiness.faces)

    def test_the_first_model_is_compared_with_the_starter(self, tmp_path: Path) -> None:
        """Of people whom the starter has not seen, it may know more than so few faces teach."""
        with Project.create(tmp_path / "strangers") as project:
            records = [
                replace(r, subject=f"stranger {r.subject}") for r in islice(sample_faces(), 24)
            ]
            project.import_entries("strangers", records, scheme="face70")
            trained = train_into(project, TrainingConfig(**QUICK, holdout=0.5))
            active = project.active_model
        found = trained.comparison
        assert found.old_name == "starter"
        assert found.new is not None
        assert found.old is not None
        assert len(found.new.errors) == len(found.old.errors) > 4
        # The starter was trained on these very pictures.
        assert found.old.errors.mean() < found.new.errors.mean()
        assert (found.use, active) == (False, None)
        assert "of starter, on the same faces" in trained.because

    def test_another_project_may_be_opened_meanwhile(
        self, control: TrainControl, small_project: Path, fewer: Path
    ) -> None:
        ends: list[Outcome] = []
        control.ended.connect(ends.append)
        control.settings = {**QUICK, "seed": 1}  # another model than the one that is there
        control.start()
        with Project.open(fewer) as project:
            before = len(project.models())
        control._session.open(Project.open(small_project))
        until(lambda: ends)
        assert (ends[0].kind, ends[0].model) == ("done", None)
        assert [m.name for m in control.models] == ["starter"]
        with Project.open(fewer) as project:
            assert len(project.models()) == before + 1
        until(lambda: "8 usable" in control.readiness.blocked)

    def test_closing_ends_the_process(self, control: TrainControl) -> None:
        said: list[object] = []
        control.received.connect(said.append)
        control.start()
        until(lambda: said)
        assert control._job is not None
        process = control._job._process
        control.close_down()
        assert process is not None
        assert process.returncode is not None

    def test_looking_is_of_the_newest_project(self, faces: Path, small_project: Path) -> None:
        session = Session()
        control = TrainControl(session)
        heard: list[Readiness] = []
        control.readiness_changed.connect(heard.append)
        session.open(Project.open(faces))
        session.open(Project.open(small_project))
        until(lambda: "8 usable" in control.readiness.blocked)
        assert all(r.faces != 44 for r in heard)
        session.close()
        assert control.readiness == Readiness()
        control.close_down()
