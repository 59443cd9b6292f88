"""The training process: real ones, stopped, killed, dying, left alone."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from faceloop_datasets import FaceloopError, Project
from faceloop_runtime import FaceModel
from faceloop_trainer.report import ReportOptions
from faceloop_workbench.services import child
from faceloop_workbench.services.child import ChildJob
from faceloop_workbench.services.comparison import Comparison
from faceloop_workbench.services.messages import (
    ImportModel,
    Log,
    Outcome,
    Request,
    Step,
    Train,
    WriteReport,
    from_line,
    to_line,
)
from faceloop_workbench.services.reporting import report_on
from faceloop_workbench.services.training import import_model

from .conftest import add_sample_faces

if TYPE_CHECKING:
    from collections.abc import Callable

QUICK = {"channels": ["raw"], "mirror": False, "components": 8}
WORKER = [sys.executable, "-P", "-m", "faceloop_workbench.services.worker"]
SECONDS = 240.0  # machines are busy


class Followed:
    """A job, and all it said."""

    def __init__(self, request: Request[Outcome], command: list[str] | None = None) -> None:
        self.job = ChildJob(request, "Training", command)
        self.steps: list[Step] = []
        self.log: list[str] = []
        self.ends: list[object] = []
        self.on_step: Callable[[Step], None] = lambda _: None
        self.job.received.connect(self._hear)
        self.job.done.connect(self.ends.append)
        self.job.failed.connect(self.ends.append)
        self.job.cancelled.connect(self._cancelled)

    def run(self) -> object:
        """Return how it ended: an outcome, an error, or "cancelled"."""
        self.job.start()
        assert self.job.wait(SECONDS)
        (end,) = self.ends
        return end

    def _hear(self, said: Step | Log) -> None:
        if isinstance(said, Log):
            self.log.append(said.text)
        else:
            self.steps.append(said)
            self.on_step(said)

    def _cancelled(self) -> None:
        self.ends.append("cancelled")

    @property
    def process(self) -> subprocess.Popen[str]:
        assert self.job._process is not None
        return self.job._process


@pytest.fixture(scope="module")
def faces(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a project of 6 people, one of whom is held out."""
    return add_sample_faces(tmp_path_factory.mktemp("child") / "faces", 24, after=16)


@pytest.fixture(scope="module")
def trained(faces: Path) -> tuple[Followed, object]:
    """Return a training that came to its end, in the project of all these tests."""
    followed = Followed(Train(str(faces), QUICK))
    return followed, followed.run()


def untouched(folder: Path) -> bool:
    """Whether the project opens, and holds faces and no model."""
    with Project.open(folder) as project:
        return len(project.faces()) > 0 and project.models() == []


def test_a_training_tells_steps_errors_and_how_long_each_stage_took(
    trained: tuple[Followed, object], faces: Path
) -> None:
    followed, end = trained
    assert isinstance(end, Outcome)
    assert (end.kind, end.model) == ("done", 1)
    assert "it is the first" in end.text
    stages = list(dict.fromkeys(step.progress.what for step in followed.steps))
    assert stages[:2] == ["looking for what changed", "reading faces"]
    assert stages[2:4] == ["training patch experts", "learning corrections"]
    errors = [e for step in followed.steps for e in step.errors]
    assert len(errors) > 20
    assert 0 < min(errors) < 0.1
    # Told when it begins, at most ten times a second, and when it ends.
    assert len(followed.steps) < 1000
    assert any(line.startswith("training patch experts: ") for line in followed.log)
    with Project.open(faces) as project:
        (record,) = project.models()
    assert record.metrics["trained_faces"] == 20
    assert record.metrics["settings"]["channels"] == ["raw"]
    assert sum(stage["seconds"] for stage in record.metrics["stages"]) > 1
    kept = Comparison.from_dict(record.metrics["comparison"])
    assert (kept.use, kept.old, kept.people) == (True, None, 1)
    assert kept.new is not None
    assert len(kept.new.errors) == 4
    assert kept.new.figures["nme_mean"] == pytest.approx(kept.new.errors.mean(), abs=1e-5)


@pytest.mark.usefixtures("trained")
def test_a_report_is_written_into_the_project(faces: Path) -> None:
    end = Followed(WriteReport(str(faces), ("face70-ridge", "1"))).run()
    assert isinstance(end, Outcome)
    assert end.kind == "done"
    assert "are equally good" in end.text
    page = faces / "reports" / "face70-ridge" / "report.html"
    assert Path(end.page) == page
    assert page.with_name("difference.png").is_file()
    with (
        Project.open(faces) as project,
        pytest.raises(FaceloopError, match="trained on every person"),
    ):
        report_on(project, "starter", None, ReportOptions())


@pytest.mark.usefixtures("trained")
def test_a_model_from_elsewhere_is_measured_but_not_used(faces: Path, tmp_path: Path) -> None:
    file = tmp_path / "theirs.safetensors"
    with Project.open(faces) as project:
        file.write_bytes(project.models()[0].file.read_bytes())
    end = Followed(ImportModel(str(faces), str(file))).run()
    assert isinstance(end, Outcome)
    with Project.open(faces) as project:
        record, active = project.model("theirs"), project.active_model
    assert (end.model, record.note) == (record.id, "imported from theirs.safetensors")
    assert active is not None
    assert active.name == "face70-ridge"
    kept = Comparison.from_dict(record.metrics["comparison"])
    assert kept.new is not None
    assert kept.old is not None
    # It is the same model, so on the same faces from the same starts it errs the same.
    assert kept.new.errors.tolist() == kept.old.errors.tolist()
    assert "of face70-ridge, on the same faces" in kept.because


def test_what_is_no_model_is_refused(small_project: Path, tmp_path: Path) -> None:
    file = tmp_path / "text.safetensors"
    file.write_text("not a model")
    with (
        Project.open(small_project) as project,
        pytest.raises(FaceloopError, match=r"text\.safetensors"),
    ):
        import_model(project, file)
    assert untouched(small_project)


def test_a_model_of_other_points_is_refused(small_project: Path, tmp_path: Path) -> None:
    file = tmp_path / "starter.safetensors"
    FaceModel.starter().save(file)
    said = "has the points of face70, the project other has those of ibug68"
    with (
        Project.create(tmp_path / "other", "ibug68") as project,
        pytest.raises(FaceloopError, match=said),
    ):
        import_model(project, file)


def test_too_few_faces_are_one_clear_error(small_project: Path) -> None:
    end = Followed(Train(str(small_project))).run()
    assert isinstance(end, FaceloopError)
    assert str(end).startswith("There are 8 usable faces of 2 people")


def test_cancel_stops_at_the_next_step(tmp_path: Path) -> None:
    folder = add_sample_faces(tmp_path / "faces", 16)
    followed = Followed(Train(str(folder)))

    def stop(step: Step) -> None:
        if step.progress.what == "training patch experts":
            followed.job.cancel()

    followed.on_step = stop
    assert followed.run() == "cancelled"
    assert followed.process.returncode is not None
    assert untouched(folder)
    assert list((folder / "models").iterdir()) == []


def test_one_that_does_not_listen_is_killed(
    monkeypatch: pytest.MonkeyPatch, small_project: Path
) -> None:
    monkeypatch.setattr(child, "PATIENCE", 0.3)
    deaf = [sys.executable, "-c", "import time; print('deaf', flush=True); time.sleep(600)"]
    followed = Followed(Train(str(small_project)), deaf)
    followed.job.start()
    while not followed.log:
        time.sleep(0.01)
    followed.job.cancel()
    assert followed.job.wait(30)
    assert followed.ends == ["cancelled"]
    assert followed.process.returncode not in (None, 0)


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGKILL")
def test_one_that_is_killed_leaves_the_project_whole(tmp_path: Path) -> None:
    folder = add_sample_faces(tmp_path / "faces", 16)
    followed = Followed(Train(str(folder)))

    def kill(step: Step) -> None:
        if step.progress.what == "training patch experts":
            os.kill(followed.process.pid, signal.SIGKILL)

    followed.on_step = kill
    end = followed.run()
    assert isinstance(end, FaceloopError)
    for said in ("by signal 9", "out of memory", "The project is as it was", "reading faces: "):
        assert said in str(end)
    assert untouched(folder)


def test_one_that_dies_shows_the_end_of_its_log(small_project: Path) -> None:
    lines = (
        "import sys; print('not JSON'); sys.stderr.write('a warning\\n'); raise OSError('broken')"
    )
    followed = Followed(Train(str(small_project)), [sys.executable, "-c", lines])
    end = followed.run()
    assert "with exit code 1" in str(end)
    assert str(end).endswith("OSError: broken")
    assert {"not JSON", "a warning"} <= set(followed.log)


def test_one_that_cannot_be_started_is_an_error(small_project: Path) -> None:
    end = Followed(Train(str(small_project)), ["/nowhere/python"]).run()
    assert "/nowhere/python cannot be started" in str(end)


def test_the_process_ends_when_the_window_is_gone(tmp_path: Path) -> None:
    folder = add_sample_faces(tmp_path / "faces", 16)
    process = subprocess.Popen(WORKER, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write(to_line(Train(str(folder))) + "\n")
    process.stdin.flush()
    last = from_line("")
    for line in process.stdout:
        last = from_line(line)
        if isinstance(last, Step) and last.progress.what == "training patch experts":
            process.stdin.close()
    assert process.wait(60) == 0
    process.stdout.close()
    assert isinstance(last, Outcome)
    assert last.kind == "cancelled"
    assert untouched(folder)


@pytest.mark.skipif(not hasattr(os, "nice"), reason="Windows sets the priority otherwise")
def test_the_window_comes_first(tmp_path: Path) -> None:
    folder = add_sample_faces(tmp_path / "faces", 16)
    followed = Followed(Train(str(folder)))
    niceness: list[int] = []

    def look(step: Step) -> None:
        niceness.append(os.getpriority(os.PRIO_PROCESS, followed.process.pid))
        followed.job.kill()

    followed.on_step = look
    assert followed.run() == "cancelled"
    assert niceness[0] >= min(os.nice(0) + 10, 19)
