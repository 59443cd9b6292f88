"""Makes the starter model that ships with faceloop.

Run ``python -m faceloop_trainer.starter [FILE]`` to train it again on the bundled sample.
"""

from __future__ import annotations

import sys
from pathlib import Path
from tempfile import TemporaryDirectory

import faceloop_runtime
from faceloop_datasets import Project
from faceloop_runtime.model import FaceModel

from .config import TrainingConfig
from .train import train


def make_starter() -> FaceModel:
    """Train on all 400 faces of the bundled sample, with default settings."""
    with TemporaryDirectory() as folder:
        project = Project.create(Path(folder) / "sample", sample=True)
        try:
            return train(project, TrainingConfig(holdout=0.0)).model
        finally:
            project.close()


def main() -> None:
    """Write the starter model to the file named, or to its place in the package."""
    package = Path(faceloop_runtime.__file__).parent
    target = Path(sys.argv[1]) if len(sys.argv) > 1 else package / "starter" / "face70.safetensors"
    target.parent.mkdir(exist_ok=True)
    make_starter().save(target)


if __name__ == "__main__":
    main()
