"""Who works on the faces makes no difference to the model, and what they lose is made again."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING

import pytest

from faceloop_datasets import Project, use_scheduler
from faceloop_datasets.sample import sample_faces
from faceloop_trainer import TrainingConfig, train
from faceloop_trainer.experts import moment_cache

if TYPE_CHECKING:
    from pathlib import Path

pytest.importorskip("distributed")

CONFIG = TrainingConfig(channels=("lbp",), components=6, prior="none", holdout=0.2)


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    made = Project.create(tmp_path_factory.mktemp("workers") / "project", scheme="face70")
    made.import_entries("sample", islice(sample_faces(), 14), scheme="face70")
    return made


def test_the_model_file_is_the_same_whoever_worked(
    project: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from distributed import LocalCluster

    monkeypatch.setattr(moment_cache, "_CHUNK", 3)
    files = {}
    with LocalCluster(
        n_workers=1, threads_per_worker=2, dashboard_address=":0", silence_logs=50
    ) as cluster:
        for name, scheduler in {
            "threads": None, "processes": "local:2", "dask": cluster.scheduler_address
        }.items():  # fmt: skip
            for kept in (project.path / "cache").glob("*/*"):
                kept.unlink()
            with use_scheduler(scheduler):
                model = train(project, CONFIG).model
            files[name] = tmp_path / name
            model.save(files[name])
    same = {name: file.read_bytes() for name, file in files.items()}
    assert same["processes"] == same["threads"]
    assert same["dask"] == same["threads"]
