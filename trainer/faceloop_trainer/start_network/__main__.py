"""Trains the start network that ships with faceloop, on rendered faces.

Run ``python -m faceloop_trainer.start_network FOLDER`` (``--help`` says the rest).
"""

from __future__ import annotations

import argparse
import hashlib
import importlib.util
import json
import sys
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

import faceloop_runtime
from faceloop_datasets import FaceloopError
from faceloop_datasets.errors import TrainingError
from faceloop_datasets.files import atomic_path
from faceloop_datasets.media.images import read_image
from faceloop_datasets.opencv import opencv_version
from faceloop_datasets.sample import sample_negatives

from .augmentation import Augmentation
from .batches import BatchSize
from .judging import error_by_yaw
from .rendered import RenderedFaces

if TYPE_CHECKING:
    from collections.abc import Sequence

_TARGET = Path(faceloop_runtime.__file__).parent / "start_network" / "start_network.onnx"
_MADE_WITH = ("torch", "onnx", "numpy")


def main(arguments: Sequence[str] | None = None) -> None:
    """Train, export, judge, and write what the network was made of."""
    try:
        _train(_parser().parse_args(arguments))
    except FaceloopError as error:
        sys.exit(str(error))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m faceloop_trainer.start_network",
        description="Train the start network on rendered faces.",
    )
    parser.add_argument("folder", type=Path, help="annotations.csv and the pictures it names")
    parser.add_argument("--steps", type=_count, default=24000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--threads", type=_count, default=1, help="of PyTorch")
    parser.add_argument("--workers", type=int, default=2, help="processes that make crops")
    parser.add_argument("--to", type=Path, default=_TARGET, help="file of the network")
    parser.add_argument("--resume", action="store_true", help="go on from the last checkpoint")
    return parser


def _count(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"{number} is less than 1")
    return number


def _train(options: argparse.Namespace) -> None:
    _require("torch", "onnx")
    from .export import export  # noqa: PLC0415 - PyTorch is here only where the group is installed
    from .training import Settings, Training  # noqa: PLC0415

    faces = RenderedFaces.read(options.folder)
    rows, aside = np.flatnonzero(~faces.aside), np.flatnonzero(faces.aside)
    if not len(rows):
        raise TrainingError(f"{options.folder} has only people kept aside. Render more people.")
    augmentation = Augmentation(faces, [read_image(path, "gray") for path in sample_negatives()])
    settings = Settings(options.steps, options.seed, options.threads, options.workers)
    checkpoint = options.to.with_suffix(".checkpoint")
    training = Training(augmentation, rows, settings, checkpoint, _tell)
    network, means, seconds = training.run(resume=options.resume)
    export(network, options.to)
    about = _about(options, faces, means, seconds)
    about["error_aside"] = error_by_yaw(options.to, augmentation, aside, options.seed)
    with atomic_path(options.to.with_suffix(".json")) as part:
        part.write_text(json.dumps(about, indent=2) + "\n", encoding="utf-8")
    checkpoint.unlink(missing_ok=True)


def _about(
    options: argparse.Namespace, faces: RenderedFaces, means: dict[str, float], seconds: float
) -> dict[str, Any]:
    size = BatchSize()
    return {
        "sha256": hashlib.sha256(options.to.read_bytes()).hexdigest(),
        "annotations": faces.digest,
        "pictures": len(faces.people),
        "people": len(set(faces.people)),
        "steps": options.steps,
        "seed": options.seed,
        "batch": {"faces": size.faces, "none": size.none},
        "versions": {name: version(name) for name in _MADE_WITH}
        | {"opencv-python": opencv_version()},
        "minutes": round(seconds / 60, 1),
        "losses": {name: round(value, 5) for name, value in means.items()},
    }


def _require(*packages: str) -> None:
    for package in packages:
        if importlib.util.find_spec(package) is None:
            raise TrainingError(
                f"Training the start network needs {package}, which is not installed. Run: pip "
                "install --group network --extra-index-url https://download.pytorch.org/whl/cpu"
            )


def _tell(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
