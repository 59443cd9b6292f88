"""Any set of points: own models of 3 to 300 points of the sample, beside the same points in face70.

    python tests/benchmarks/schemes.py
    python tests/benchmarks/schemes.py --faces 100 --test 80 --points 3 5 8 12

People of the bundled sample, disjoint between training and test. The schemes say nothing but the
names of their points, which of them mirror each other, and which measure a face; points beyond 70
lie between two of face70. A test face is fitted from a start jittered as in the evaluation
protocol, by each model from a start of its own. Errors are in IOD of face70. The last column is the
error in the own model over that of the same points in the model of face70 of the same faces.
"""

from __future__ import annotations

import argparse
import json
import zlib
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import numpy as np
from common import CONSOLE, Clock, Report, add_common

from faceloop_datasets import Project, Scheme
from faceloop_trainer import TrainingConfig
from faceloop_trainer.data.faces import load_faces
from faceloop_trainer.evaluation.measure import measure
from faceloop_trainer.evaluation.protocol import EvaluationProtocol
from faceloop_trainer.train import train_faces

if TYPE_CHECKING:
    from faceloop_runtime.model import FaceModel
    from faceloop_trainer.data.faces import TrainingFace

_FACE70 = Scheme.load("face70")
_THREE = (27, 32, 61)
_FIVE = (*_THREE, 43, 49)
_EIGHT = (23, 25, 28, 30, 61, 43, 49, 7)
_TWELVE = (*_EIGHT, 35, 39, 46, 52)
_TWENTY = (*_TWELVE, 27, 32, 0, 14, 3, 11, 15, 19)
_TWENTY_NINE = (*_TWENTY, 24, 26, 29, 31, 33, 37, 56, 59, 18)
_CHOSEN = {len(p): p for p in (_THREE, _FIVE, _EIGHT, _TWELVE, _TWENTY, _TWENTY_NINE)}
_CHOSEN[68] = tuple(range(68))
_COUNTS = (*_CHOSEN, 98, 300)


def point_weights(count: int) -> np.ndarray:
    """Weights (N, 70) of the points of face70 in those of a scheme."""
    whole = np.eye(70)
    if count in _CHOSEN:
        return whole[list(_CHOSEN[count])]
    between = []
    lines = [
        (c.points[i], c.points[i + 1]) for c in _FACE70.contours for i in range(len(c.points) - 1)
    ]
    for k in range(count - 70):
        a, b = lines[k % len(lines)]
        share = (k // len(lines) + 1) / ((count - 70) // len(lines) + 2)
        between.append((1 - share) * whole[a] + share * whole[b])
    return np.concatenate([whole, between])


def scheme_of(weights: np.ndarray) -> Scheme:
    """A scheme of such points; pairs where both points are among them."""
    flipped = weights[:, list(_FACE70.mirror)]
    other = [int(np.abs(weights - row).sum(axis=1).argmin()) for row in flipped]
    known = all(np.allclose(weights[m], row) for m, row in zip(other, flipped, strict=True))
    pairs = [[k, m] for k, m in enumerate(other) if k < m] if known else None
    eyes = [int(weights[:, p].argmax()) for p in ((23, 28) if weights[:, 23].any() else (27, 32))]
    lines = [
        'name = "own"',
        'title = "Points of the sample"',
        f"names = {json.dumps([f'point {k}' for k in range(len(weights))])}",
        f"iod = {eyes}",
        *([] if pairs is None else [f"mirror = {pairs}"]),
    ]
    return Scheme.parse("\n".join(lines), "own.toml")


def read_faces(training: int, test: int) -> tuple[list[TrainingFace], list[TrainingFace]]:
    """Faces to train on and faces of other people, whole people in an order of chance."""
    with TemporaryDirectory() as scratch, Project.create(Path(scratch) / "p", sample=True) as p:
        faces, _ = load_faces(p.scheme, p.faces(), TrainingConfig().scales[-1])
    order = sorted(faces, key=lambda face: (zlib.crc32(face.subject.encode()), face.name))
    first = order[:training]
    people = {face.subject for face in first}
    return first, [face for face in order if face.subject not in people][:test]


def taken(face: TrainingFace, weights: np.ndarray) -> TrainingFace:
    """The same face with other points."""
    visible = np.array([face.trains_patches[row > 0].all() for row in weights])
    measured = np.array([face.measured[row > 0].all() for row in weights])
    points = weights @ face.points
    return replace(face, points=points, trains_patches=visible, measured=measured)


def errors(model: FaceModel, faces: list[TrainingFace], seed: int) -> list[np.ndarray]:
    """Fitted points of each face."""
    protocol = EvaluationProtocol(start="jitter", seed=seed)
    return list(measure(model, faces, len(faces), protocol).fitted)


def off(fitted: list[np.ndarray], faces: list[TrainingFace], weights: np.ndarray) -> np.ndarray:
    """Mean distance of each face's points from the truth, in IOD of face70."""
    pairs = zip(fitted, faces, strict=True)
    return np.array(
        [
            np.linalg.norm(found - weights @ face.points, axis=1).mean()
            / _FACE70.inter_ocular_distance(face.points)
            for found, face in pairs
        ]
    )


def row(
    count: int, options: argparse.Namespace, whole: list[np.ndarray], data: Any
) -> dict[str, Any]:
    """Train and measure a scheme of so many points."""
    training, test = data
    weights = point_weights(count)
    scheme = scheme_of(weights)
    with Clock() as clock:
        model = train_faces(scheme, [taken(f, weights) for f in training], TrainingConfig())
    own = off(errors(model, [taken(f, weights) for f in test], options.seed), test, weights)
    inside = off([weights @ points for points in whole], test, weights)
    return {
        "points": count,
        **clock.row("training"),
        "in face70": round(float(inside.mean()), 4),
        "own": round(float(own.mean()), 4),
        "own median": round(float(np.median(own)), 4),
        "failures": round(float((own > 0.1).mean()), 3),
        "ratio": round(float(own.mean() / inside.mean()), 3),
    }


def main() -> None:
    """Measure each scheme and show a table."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--faces", type=int, default=300, help="faces to train on")
    parser.add_argument("--test", type=int, default=100, help="faces to measure on")
    parser.add_argument("--points", type=int, nargs="*", default=list(_COUNTS))
    add_common(parser)
    options = parser.parse_args()
    report = Report(options.json)
    training, test = read_faces(options.faces, options.test)
    whole = errors(train_faces(_FACE70, training, TrainingConfig()), test, options.seed)
    rows = []
    for count in options.points:
        rows.append(row(count, options, whole, (training, test)))
        CONSOLE.print(rows[-1])
    report.table(f"{len(training)} faces to train on, {len(test)} to measure", rows)


if __name__ == "__main__":
    main()
