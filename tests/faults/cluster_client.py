"""The client that test_cluster kills: python cluster_client.py PROJECT SCHEDULER."""

from __future__ import annotations

import sys
from pathlib import Path

from faceloop_datasets import FaceloopError, Project, use_scheduler
from faceloop_trainer import TrainingConfig
from faceloop_trainer.experts import moment_cache
from faceloop_workbench.services.training import train_into


def main(folder: str, scheduler: str) -> int:
    moment_cache._CHUNK = 3  # else there is one sum
    config = TrainingConfig(channels=("lbp",), components=6, prior="none")
    sys.stdout.write("begun\n")
    sys.stdout.flush()
    try:
        with Project.open(Path(folder)) as project, use_scheduler(scheduler or None):
            train_into(project, config)
    except FaceloopError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
